"""A cluster of many nodes that kwok plays: a real control plane, pods that run in name only.

Invariant: everything listens on this machine's loopback and is recorded, so it ends with its
records; scheduling, controllers, quotas, Helm and all that asks the API server meet the real thing,
and no container is ever started.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.lab import build, processes, resources
from tests.lab.certificates import Authority, write_key_pair
from tests.lab.errors import LabError, TookTooLong
from tests.lab.node_files import kubeconfig
from tests.lab.records import Record, Records

STAGES = Path(__file__).parent / "manifests" / "kwok-stages.yaml"
LOOPBACK = "127.0.0.1"
LIMIT = 120
TIMEOUT = 30
# What the endpoint of the service “kubernetes” would say; nobody goes there.
ADVERTISED = "198.18.0.1"
# More than two cores ever get to. By themselves controllers ask for 20 things a second and the
# scheduler for 50, which is what a trial of many pods then waits for most of its time.
UNTHROTTLED = ("--kube-api-qps=5000", "--kube-api-burst=10000")
NODE_SIZE = {"cpu": "32", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}


class KwokCluster:
    """A control plane in `folder` with nodes that kwok plays; `start` it, `stop` it.

    `binaries` has the program `kube`, `kwok` the program of that name. `kubeconfig` is the
    administrator's. Controllers and scheduler ask the API server as often as their defaults let
    them, `unthrottled` as often as they can.
    """

    def __init__(
        self,
        records: Records,
        folder: Path,
        name: str,
        binaries: Path,
        kwok: Path,
        *,
        unthrottled: bool = False,
    ) -> None:
        self.name, self.kubeconfig = name, folder / "kubeconfig"
        self._often = UNTHROTTLED if unthrottled else ()
        self._records, self._folder = records, folder
        self._binaries, self._kwok = binaries, kwok
        self._port, self._etcd, self._peers = free_ports(3)
        self._started: list[tuple[str, subprocess.Popen[str], Record]] = []
        self._context: ssl.SSLContext | None = None

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{LOOPBACK}:{self._port}"

    def start(self, nodes: int) -> None:
        """Start cold, with so many nodes, and wait until all are ready; raises LabError."""
        self._folder.mkdir(parents=True)
        self._write_files()
        for name in ("etcd", "kube-apiserver"):
            self._launch(name)
        self._wait(self._answers, "The API server")
        for name in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._launch(name)
        for number in range(nodes):
            self.call("POST", "/api/v1/nodes", _node(f"{self.name}-{number:02}"))
        self._wait(lambda: self._ready_nodes() == nodes, "A node")

    def stop(self) -> None:
        """End every process of it."""
        while self._started:
            resources.remove(self._records, self._started.pop()[2])

    def empty(self, seconds: float = LIMIT) -> None:
        """Delete every namespace that is not Kubernetes' own and wait until they are away."""
        for name in self._namespaces():
            self.call("DELETE", f"/api/v1/namespaces/{name}")
        self._wait(lambda: not self._namespaces(), "An empty cluster", seconds)

    def running(self) -> int:
        """How many pods run."""
        place = "/api/v1/pods?fieldSelector=status.phase%3DRunning"
        return len(self.call("GET", place)["items"])

    def requests(self) -> int:
        """How many requests the API server answered since its start, watches that go on not in."""
        answer = self._ask("GET", "/metrics").decode()
        counts = [
            float(line.rpartition(" ")[2])
            for line in answer.splitlines()
            if line.startswith("apiserver_request_total{")
        ]
        return int(sum(counts))

    def processor_seconds(self) -> float:
        """What its processes used since they began."""
        ticks = 0
        for _, process, _ in self._started:
            # proc(5), /proc/pid/stat: utime and stime.
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The JSON object of an answer; raises LabError."""
        found: dict[str, Any] = json.loads(self._ask(method, path, body))
        return found

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            self._context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.server + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            opened = urllib.request.urlopen(request, timeout=TIMEOUT, context=self._context)
            with opened as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            raise LabError(f"{method} {path} was answered with {error.code}.") from error
        except OSError as error:
            raise LabError(f"{self.server} does not answer: {error}") from error

    def _answers(self) -> bool:
        try:
            return self._ask("GET", "/readyz") == b"ok"
        except LabError:
            return False

    def _namespaces(self) -> list[str]:
        found = self.call("GET", "/api/v1/namespaces")["items"]
        names = [str(one["metadata"]["name"]) for one in found]
        return [one for one in names if one != "default" and not one.startswith("kube-")]

    def _ready_nodes(self) -> int:
        every = self.call("GET", "/api/v1/nodes")["items"]
        return sum(
            one["type"] == "Ready" and one["status"] == "True"
            for node in every
            for one in node["status"].get("conditions", [])
        )

    @property
    def _pki(self) -> Path:
        return self._folder / "pki"

    def _write_files(self) -> None:
        authority = Authority(self._pki, f"kubernetes of {self.name}")
        authority.issue("apiserver", "kube-apiserver", addresses=["localhost", LOOPBACK])
        authority.issue("admin", "admin", "system:masters")
        authority.issue("controllers", "system:kube-controller-manager")
        authority.issue("scheduler", "system:kube-scheduler")
        write_key_pair(self._pki, "sa")
        for user in ("admin", "controllers", "scheduler"):
            path = self.kubeconfig if user == "admin" else self._folder / f"{user}.kubeconfig"
            path.write_text(kubeconfig(self._pki, user, self.server))
            path.chmod(0o600)
        programs = self._folder / "bin"
        programs.mkdir()
        for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            (programs / name).symlink_to(self._binaries / "kube")
        (programs / "kwok").symlink_to(self._kwok / "kwok")

    def _words(self, name: str) -> list[str]:
        pki, etcd = self._pki, f"http://{LOOPBACK}:{self._etcd}"
        peers = f"http://{LOOPBACK}:{self._peers}"
        return {
            "etcd": [
                f"--data-dir={self._folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
            ],
            "kube-apiserver": [
                f"--etcd-servers={etcd}", f"--bind-address={LOOPBACK}",
                f"--secure-port={self._port}", f"--advertise-address={ADVERTISED}",
                "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC",
                f"--tls-cert-file={pki}/apiserver.crt",
                f"--tls-private-key-file={pki}/apiserver.key", f"--client-ca-file={pki}/ca.crt",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={pki}/sa.pub",
                f"--service-account-signing-key-file={pki}/sa.key",
                "--profiling=false", "--shutdown-delay-duration=0s",
            ],
            "kube-controller-manager": [
                f"--kubeconfig={self._folder}/controllers.kubeconfig",
                f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt",
                "--use-service-account-credentials", "--leader-elect=false", "--secure-port=0",
                *self._often,
            ],
            "kube-scheduler": [
                f"--kubeconfig={self._folder}/scheduler.kubeconfig", "--leader-elect=false",
                "--secure-port=0", *self._often,
            ],
            "kwok": [
                f"--kubeconfig={self.kubeconfig}", f"--config={STAGES}", "--manage-all-nodes=true",
                "--cidr=10.244.0.0/16", "--node-ip=10.77.0.2",
                "--node-lease-duration-seconds=40",
            ],
        }[name]  # fmt: skip

    def _launch(self, name: str) -> None:
        words = [str(self._folder / "bin" / name), *self._words(name)]
        with (self._folder / f"{name}.log").open("ab") as log:
            process, record = processes.start(
                self._records, words, cwd=self._folder, stdout=log, stderr=log
            )
        self._started.append((name, process, record))

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float = LIMIT) -> None:
        def settled() -> bool:
            for name, process, _ in self._started:
                if process.poll() is not None:
                    raise LabError(f"{name} ended; see {self._folder / name}.log.")
            return condition()

        if not processes.wait_until(settled, seconds, pause=0.2):
            raise TookTooLong(f"{what} was not ready after {seconds:g} s; see {self._folder}.")


def programs(say: Callable[[str], None] = print) -> tuple[Path, Path]:
    """The folders with `kube` and `helm`, and with `kwok`; built where they are not yet."""
    return build.build(say), build.build(say, build.PLAYERS)


def free_ports(count: int) -> Sequence[int]:
    """Ports of the loopback that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _node(name: str) -> dict[str, object]:
    about = {
        "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.35.4",
        "containerRuntimeVersion": "containerd://2.2.0", "kernelVersion": "6.1", "osImage": "",
        "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": "",
    }  # fmt: skip
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": NODE_SIZE, "allocatable": NODE_SIZE, "nodeInfo": about},
    }
