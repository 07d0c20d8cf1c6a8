"""A gated zone: a host for the appliance and a Kubernetes node, joined, with no way out.

Invariant: neither namespace has a default route. A `reachable` zone has one more link, between its
node and this machine, and still no route beyond it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from tests.lab import network, node_texts, processes, resources
from tests.lab.commands import call
from tests.lab.errors import CommandFailed
from tests.lab.node import Node
from tests.lab.node_files import NodeSettings
from tests.lab.processes import Channel
from tests.lab.records import Record, Records

NETWORK = IPv4Network("10.77.0.0/24")


class Zone:
    """A zone that stands; made by `Lab.zone`. Addresses are text.

    `host_address` and `node_address` are good inside the zone only. In a reachable zone the node
    has `outside_address` too, where this machine reaches it, and meets this machine at
    `this_machine`; otherwise both are "".
    """

    def __init__(
        self,
        records: Records,
        folder: Path,
        name: str,
        prefix: str,
        binaries: Callable[[], Path],
        *,
        reachable: bool = False,
        addresses: IPv4Network = NETWORK,
    ) -> None:
        self.name = name
        self.folder = folder
        self.host_namespace = f"{prefix}-{name}-host"
        self.node_namespace = f"{prefix}-{name}-node"
        self.host_address = str(addresses[1])
        self.node_address = str(addresses[2])
        self.this_machine = self.outside_address = ""
        self.node: Node | None = None
        self._length = addresses.prefixlen
        self._reachable = reachable
        self._records = records
        self._binaries = binaries
        self._cgroup = f"{prefix}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        records.made("folder", path=str(folder / "node"))
        self._make_host()
        self._make_node_side()

    def command(self, words: Sequence[str | Path]) -> list[str]:
        """The words that run a command on the zone's host, for whoever starts it elsewhere."""
        return [*network.enter(self.host_namespace), *map(str, words)]

    def run(
        self,
        words: Sequence[str | Path],
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the zone's host to its end, its output captured.

        Raises CommandFailed for a non-zero exit unless `check` is false, and
        subprocess.TimeoutExpired (the command is ended).
        """
        process, record = self._start(
            words, env, cwd, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE
        )
        try:
            output, errors = process.communicate(input or "", timeout)
        except BaseException:
            resources.remove(self._records, record)
            process.communicate()
            raise
        processes.ended(self._records, record)
        if check and process.returncode != 0:
            said = (errors or output).strip()[-2000:]
            raise CommandFailed(f"{list(map(str, words))} ended with {process.returncode}: {said}")
        return subprocess.CompletedProcess(list(words), process.returncode, output, errors)

    def popen(
        self,
        words: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: Channel = subprocess.DEVNULL,
        stdout: Channel = None,
        stderr: Channel = None,
    ) -> subprocess.Popen[str]:
        """Start a command on the zone's host; it ends with the lab at the latest."""
        process, _ = self._start(words, env, cwd, stdin, stdout, stderr)
        return process

    def start_node(self, registry: str, ca: Path) -> Node:
        """Start a cold node that pulls every image from `registry` (https://HOST:PORT).

        `ca` is the certificate the registry is trusted by. Returns when the node is Ready; its
        name service follows as soon as the registry has its images (`Node.wait_system`).
        """
        binaries = self._binaries()
        if self.node is not None:
            # Rules, routes and the pods' bridge of the last node go with its namespace.
            self.node.stop()
            self._remove_node_side()
            self._make_node_side()
        settings = NodeSettings(
            name=self.name, address=self.node_address, outside_address=self.outside_address,
            cgroup=self._cgroup, registry=registry, ca=ca,
        )  # fmt: skip
        folder = self.folder / "node"
        self.node = Node(self._records, folder, self.node_namespace, binaries, settings)
        self.node.start()
        return self.node

    def _start(
        self,
        words: Sequence[str | Path],
        env: Mapping[str, str] | None,
        cwd: Path | None,
        stdin: Channel,
        stdout: Channel,
        stderr: Channel,
    ) -> tuple[subprocess.Popen[str], Record]:
        return processes.start(
            self._records, self.command(words),
            env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
        )  # fmt: skip

    def _make_host(self) -> None:
        host = self.host_namespace
        self._records.made("namespace", name=host)
        network.make(host)
        # The host's address is on a bridge: it stays while nodes come and go.
        call("ip", "-n", host, "link", "add", "lan0", "type", "bridge")
        address = f"{self.host_address}/{self._length}"
        call("ip", "-n", host, "address", "add", address, "dev", "lan0")
        call("ip", "-n", host, "link", "set", "lan0", "up")
        for inner in (node_texts.SERVICES, node_texts.PODS):
            call("ip", "-n", host, "route", "add", inner, "via", self.node_address)

    def _make_node_side(self) -> None:
        host, node = self.host_namespace, self.node_namespace
        self._node_side = [self._records.made("namespace", name=node)]
        network.make(node)
        call("ip", "-n", host, "link", "add", "port0", "type", "veth",
             "peer", "name", "eth0", "netns", node)  # fmt: skip
        call("ip", "-n", host, "link", "set", "port0", "master", "lan0", "up")
        address = f"{self.node_address}/{self._length}"
        call("ip", "-n", node, "address", "add", address, "dev", "eth0")
        call("ip", "-n", node, "link", "set", "eth0", "up")
        # Service addresses are translated on the node; a route only lets packets set out.
        call("ip", "-n", node, "route", "add", node_texts.SERVICES, "dev", "eth0")
        network.write_setting(node, "net/ipv4/ip_forward", "1")
        network.write_setting(node, "net/bridge/bridge-nf-call-iptables", "1")
        if self._reachable:
            self._reach()

    def _remove_node_side(self) -> None:
        # A namespace's devices go some time after it; their names are wanted again at once.
        call("ip", "-n", self.host_namespace, "link", "delete", "port0")
        for record in reversed(self._node_side):
            resources.remove(self._records, record)

    def _reach(self) -> None:
        node = self.node_namespace
        here, there, length = network.outside_pair(node)
        device = network.device_name(node)
        self._node_side.append(self._records.made("link", name=device))
        call("ip", "link", "add", device, "type", "veth",
             "peer", "name", "outside", "netns", node)  # fmt: skip
        call("ip", "address", "add", f"{here}/{length}", "dev", device)
        call("ip", "link", "set", device, "up")
        call("ip", "-n", node, "address", "add", f"{there}/{length}", "dev", "outside")
        call("ip", "-n", node, "link", "set", "outside", "up")
        # The zone's host knows the node by this address too: one kubeconfig for both sides.
        route = (f"{there}/32", "via", self.node_address)
        call("ip", "-n", self.host_namespace, "route", "replace", *route)
        self.this_machine, self.outside_address = str(here), str(there)
