"""Where the journey's zone side happens: a lab made for it, or a cluster that somebody gave.

Invariant: a lab's zone has no route to anywhere; everything it gets comes by stick.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.e2e.commands import Champ, Failed, here
from tests.lab.zone import Zone

REGISTRY_PORT = 5443
_READY_SECONDS = 20.0


class Ground(Protocol):
    """What the journey needs to know of its place."""

    registry_address: str
    node_address: str
    kubeconfig: Path
    own_cluster: bool

    def enter(self, words: Sequence[str | Path]) -> list[str]:
        """The words that run a command of this machine in the network of the appliance's host."""

    def champ(self, zone: Path) -> Champ:
        """The command `champ` on the appliance's host."""

    def start_registry(self, zone: Path, log: Path) -> None:
        """Run `champ registry serve` until the ground goes away."""

    def start_cluster(self, authority: Path) -> None:
        """Bring up the cluster, whose nodes trust `authority`; nothing where it was given."""


class LabGround:
    """A zone of a lab: its host runs the appliance, its node is started when the journey says."""

    own_cluster = True

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self.registry_address = zone.host_address
        self.node_address = zone.node_address
        self.kubeconfig = zone.folder / "node/kubeconfig"

    def enter(self, words: Sequence[str | Path]) -> list[str]:
        return self._zone.command(words)

    def champ(self, zone: Path) -> Champ:
        return Champ(self.enter, zone)

    def inside(self, zone: Path) -> Champ:
        """The same, for whoever is in the host's network already."""
        return Champ(zone=zone)

    def reclaim(self) -> None:
        """Offer the volumes of removed releases anew; the node has a handful of them."""
        if self._zone.node is not None:
            self._zone.node.reclaim()

    def start_registry(self, zone: Path, log: Path) -> None:
        with log.open("w") as out:
            process = self._zone.popen(
                serve_words(self.inside(zone), self.registry_address),
                stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_for_registry(process, log)

    def start_cluster(self, authority: Path) -> None:
        node = self._zone.start_node(f"https://{self.registry_address}:{REGISTRY_PORT}", authority)
        node.wait_system()


HOSTS = """\
server = "{registry}"
ca = "ca.crt"

[host."{registry}"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
"""


class GivenGround:
    """A cluster reached by somebody's kubeconfig.

    `nodes` is a folder kept between runs: what its nodes need to know of the zone registry, and
    the registry's authority, which stays the same so that they need it once.
    """

    own_cluster = False

    def __init__(self, kubeconfig: Path, server: str, nodes: Path) -> None:
        self.kubeconfig = kubeconfig
        self._nodes = nodes
        self.node_address = server
        self.registry_address = address_towards(server)
        self._registry: subprocess.Popen[str] | None = None

    def enter(self, words: Sequence[str | Path]) -> list[str]:
        return here(words)

    def champ(self, zone: Path) -> Champ:
        return Champ(zone=zone)

    def start_registry(self, zone: Path, log: Path) -> None:
        if (self._nodes / "pki").is_dir():
            shutil.copytree(self._nodes / "pki", zone / "pki")
        with log.open("w") as out:
            self._registry = subprocess.Popen(
                serve_words(self.champ(zone), self.registry_address),
                stdout=out, stderr=subprocess.STDOUT,
                text=True,
            )  # fmt: skip
        wait_for_registry(self._registry, log)

    def start_cluster(self, authority: Path) -> None:
        """Say what the nodes need; the cluster itself is there."""
        shutil.copytree(authority.parent, self._nodes / "pki", dirs_exist_ok=True)
        folder = node_folder(self._nodes, authority, self.registry_address)
        print(f"        every node needs {folder} in /etc/containerd/certs.d/", flush=True)

    def close(self) -> None:
        """End the registry."""
        if self._registry is not None:
            self._registry.terminate()
            self._registry.wait(20)


def node_folder(nodes: Path, authority: Path, address: str) -> Path:
    """What goes to containerd's certs.d on each node, so that it asks the zone registry."""
    folder = nodes / "champ.local"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(authority, folder / "ca.crt")
    registry = f"https://{address}:{REGISTRY_PORT}"
    (folder / "hosts.toml").write_text(HOSTS.format(registry=registry))
    return folder


def serve_words(champ: Champ, address: str) -> list[str]:
    """The command that serves a zone's registry."""
    return champ.words("registry", "serve", "--host", address, "--port", str(REGISTRY_PORT))


def wait_for_registry(process: subprocess.Popen[str], log: Path) -> None:
    """Until the registry said that it answers; raises Failed with what it said otherwise."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if str(REGISTRY_PORT) in log.read_text():
            return
        time.sleep(0.05)
    raise Failed(f"the registry did not start:\n{log.read_text()[-2000:]}")


def address_towards(server: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server, 9))
        return str(probe.getsockname()[0])
