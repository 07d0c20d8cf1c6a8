"""One Kubernetes node with real containers, from etcd to kube-proxy and containerd.

Invariant: everything it starts lives in the zone's node namespace, in a mount namespace of its own
or below its own control group; so ending these three ends it, pods and mounts included.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.lab import cgroups, network, node_files, node_texts, processes, resources, storage
from tests.lab.api import Api
from tests.lab.errors import LabError, TookTooLong
from tests.lab.node_files import NodeSettings
from tests.lab.records import Record, Records

MANIFESTS = Path(__file__).parent / "manifests"
FIRST = ("containerd", "etcd", "kube-apiserver")
THEN = ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy")
LIMIT = 120


class Node:
    """A node that runs; made by `Zone.start_node`.

    `kubeconfig` is the administrator's, with its certificates inside; it works in the zone, and
    from this machine too where the zone is reachable. `timings` says where the start's seconds
    went.
    """

    def __init__(
        self, records: Records, folder: Path, namespace: str, binaries: Path, settings: NodeSettings
    ) -> None:
        self._records = records
        self._folder = folder
        self._namespace = namespace
        self._binaries = binaries
        self._settings = settings
        self._started: list[tuple[str, subprocess.Popen[str]]] = []
        self._made: list[Record] = []
        self._api: Api | None = None
        self.name = settings.name
        self.kubeconfig = folder / "kubeconfig"
        self.logs = folder.with_name("logs")
        self.timings: dict[str, float] = {}

    @property
    def api(self) -> Api:
        """The administrator's way to the API server."""
        if self._api is None:
            self._api = Api(self._namespace, self._settings.address, self._folder / "pki")
        return self._api

    def start(self) -> None:
        """Start cold and wait until the node is Ready; raises LabError with the reason if not."""
        self._timed("files", self._write_files)
        self._timed("mounts", self._start_holder)
        self._timed("api server", self._start_control_plane)
        self._timed("objects", self._create_objects)
        self._timed("node ready", self._wait_node_ready)

    def stop(self) -> None:
        """End everything of the node, its data too; the logs stay."""
        for record in reversed(self._made):
            resources.remove(self._records, record)
        network.end_members(self._namespace)
        self._made, self._started = [], []
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def kill(self, component: str) -> None:
        """End one component at once, as a crash does; pods and the other components go on."""
        process = dict(self._started)[component]
        process.kill()
        process.wait()
        self._started = [pair for pair in self._started if pair[1] is not process]

    def revive(self, component: str) -> None:
        """Start a component that was killed, as it was started before."""
        self._launch(component, self.command(node_files.arguments(self._settings)[component]))

    def reclaim(self) -> list[str]:
        """Empty the volumes that removed apps let go and offer them anew; their names."""
        return storage.reclaim(self.api, self.name, self._folder / "lib/volumes")

    def wait_system(self, seconds: float = LIMIT) -> None:
        """Wait until the cluster's name service answers: images came from the zone registry."""
        path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

        def available() -> bool:
            if not self.api.get(path)["status"].get("availableReplicas", 0):
                return False
            # kube-proxy may be a moment behind.
            return network.inside(self._namespace, _name_service_answers)

        started = time.monotonic()
        self._wait(available, "The cluster's name service", seconds)
        self.timings["name service"] = time.monotonic() - started

    def command(self, words: Sequence[str | Path]) -> list[str]:
        """The words that run a command inside the node: its network and its mounts."""
        mounts = f"/proc/{self._holder.pid}/ns/mnt"
        return [*network.enter(self._namespace), f"--mount={mounts}", *map(str, words)]

    def memory(self) -> int:
        """Resident bytes of the node's own processes, without the pods'."""
        return sum(processes.resident(pid) for pid in network.members(self._namespace))

    @property
    def _holder(self) -> subprocess.Popen[str]:
        return self._started[0][1]

    def _timed(self, step: str, act: Callable[[], None]) -> None:
        started = time.monotonic()
        act()
        self.timings[step] = time.monotonic() - started

    def _write_files(self) -> None:
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self.logs.mkdir(exist_ok=True)
        node_files.write(self._folder, self._settings)

    def _start_holder(self) -> None:
        self._made.append(self._records.made("cgroup", name=self._settings.cgroup))
        cgroups.make(self._settings.cgroup)
        words = ["unshare", "--mount", "--propagation=private", "sh", "-c", node_texts.PREPARE]
        entered = network.enter(self._namespace)
        self._launch("mounts", [*entered, *words, "sh", str(self._folder), str(self._binaries)])
        ready = Path(f"/proc/{self._holder.pid}/root/run/ready")
        self._wait(ready.exists, "The node's mount namespace", 10)

    def _start_control_plane(self) -> None:
        commands = node_files.arguments(self._settings)
        for name in FIRST:
            self._launch(name, self.command(commands[name]))
        self._wait(self.api.ready, "The API server", LIMIT)
        for name in THEN:
            self._launch(name, self.command(commands[name]))

    def _launch(self, name: str, command: Sequence[str]) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            process, record = processes.start(
                self._records, command, env=ENVIRONMENT, cwd=Path("/"), stdout=log, stderr=log
            )
        self._started.append((name, process))
        self._made.append(record)

    def _create_objects(self) -> None:
        for document in yaml.safe_load_all((MANIFESTS / "coredns.yaml").read_text()):
            self.api.create(document)
        storage.offer(self.api, self.name, self._folder / "lib/volumes")

    def _wait_node_ready(self) -> None:
        path = f"/api/v1/nodes/{self.name}"

        def ready() -> bool:
            return self.api.exists(path) and _is_ready(self.api.get(path))

        self._wait(ready, "The node", LIMIT)

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        def settled() -> bool:
            self._raise_if_ended()
            return condition()

        if not processes.wait_until(settled, seconds, pause=0.1):
            raise TookTooLong(f"{what} was not ready after {seconds:g} s; see {self.logs}.")

    def _raise_if_ended(self) -> None:
        for name, process in self._started:
            if process.poll() is not None:
                lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
                last = " / ".join(lines[-3:])
                raise LabError(f"{name} ended with {process.returncode}: {last}")


ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/run",
    "TMPDIR": "/run/tmp",
}


def _name_service_answers() -> bool:
    try:
        socket.create_connection((node_texts.DNS_SERVICE, 53), 1).close()
    except OSError:
        return False
    return True


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
