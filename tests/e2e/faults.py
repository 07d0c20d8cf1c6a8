"""A site where things go wrong on purpose, and who watches it: with kubectl, over HTTP, as champ.

Invariant: what is in the cluster is seen by kubectl alone; of champ only what it prints is used.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import yaml

from champ_offline.clock import now_utc
from champ_offline.registry.pki import ensure_certificates
from tests.e2e.commands import Champ, environment, run
from tests.e2e.faulty_app import APP, GOOD
from tests.e2e.ground import HOSTS, LabGround, serve_words, wait_for_registry
from tests.e2e.web_app import PORT
from tests.lab import network
from tests.lab.node import Node
from tests.lab.zone import Zone

Object = dict[str, Any]
Visible = Callable[["Sight"], bool]
_LONGEST = 400.0
_FIRST_ANSWER = 10.0
_SERVER = """\
import http.server, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3], sys.argv[4])
server = http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), http.server.BaseHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass
class Sight:
    """What kubectl shows of a namespace at one moment; `away` where the API server is."""

    objects: list[Object] = field(default_factory=list)
    away: bool = False

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def containers(self) -> list[Object]:
        return [
            one
            for pod in self.of("Pod")
            for one in pod.get("status", {}).get("containerStatuses", [])
        ]

    def waits(self, *reasons: str) -> bool:
        """Whether a container waits for one of the reasons."""
        states = [one["state"].get("waiting", {}) for one in self.containers()]
        return any(state.get("reason") in reasons for state in states)

    def told(self, reason: str, words: str) -> bool:
        """Whether an event says so."""
        return any(
            one.get("reason") == reason and words in one.get("message", "")
            for one in self.of("Event")
        )


class Faulty:
    """One zone, its registry and node, and champ in it."""

    def __init__(self, build: Path, zone: Zone, folder: Path) -> None:
        self.build, self.zone, self.folder = build, zone, folder
        self.ground = LabGround(zone)
        self.champ = Champ(self.ground.enter, folder)
        self._registry: subprocess.Popen[str] | None = None

    @property
    def node(self) -> Node:
        assert self.zone.node is not None
        return self.zone.node

    def kubectl(self, *words: str | Path, stdin: str = "") -> str:
        return self.run_kubectl(*words, stdin=stdin, expect=0).stdout

    def run_kubectl(
        self, *words: str | Path, stdin: str = "", expect: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", self.ground.kubeconfig, *words]
        return run(command, enter=self.ground.enter, stdin=stdin, expect=expect)

    def start_registry(self) -> None:
        log = self.build / "registry.log"
        with log.open("w") as out:
            words = serve_words(self.ground.inside(self.folder), self.ground.registry_address)
            self._registry = self.zone.popen(words, stdout=out, stderr=subprocess.STDOUT)
        wait_for_registry(self._registry, log)

    def stop_registry(self) -> None:
        assert self._registry is not None
        self._registry.terminate()
        self._registry.wait(30)
        self._registry = None

    def registry_again(self) -> None:
        """Start it where it is stopped."""
        if self._registry is None:
            self.start_registry()

    def install(self, release: str) -> Serving:
        """The good version, and a client that asks it over and over."""
        applied = self.apply(release, self.plan(release, GOOD))
        assert applied.code == 0, applied.events[-3:]
        found = json.loads(self.kubectl("get", "service", release, "-n", release, "-o", "json"))
        return Serving(self.zone.host_namespace, found["spec"]["clusterIP"])

    def plan(self, release: str, version: str, fault: str = "none") -> Path:
        plan = self.build / f"{release}-{version}.plan"
        self.champ(*self.planning(release, version, fault), "--out", plan, *self.cluster)
        return plan

    def planning(self, release: str, version: str, fault: str = "none") -> list[str | Path]:
        """The words that plan it, but for the cluster."""
        answers = self.build / f"{release}.yaml"
        answers.write_text(yaml.safe_dump({"fault": fault}))
        return ["plan", APP, "--version", version, "--release", release, "--answers", answers]

    def apply(self, release: str, plan: Path, *, visible: Visible | None = None) -> Applied:
        """Apply the plan to its end, watched by kubectl too."""
        with self.applying(release, plan, visible=visible) as applied:
            applied.wait()
        return applied

    @contextmanager
    def applying(
        self, release: str, plan: Path, *, visible: Visible | None = None
    ) -> Iterator[Applied]:
        """Apply the plan while the block does something; wait for its end there."""
        words = self.champ.words(
            "--progress", "ndjson", "apply", plan, "--confirm", release, *self.cluster
        )
        applied = Applied(words)
        watcher = Watcher(self, release, applied, visible) if visible else None
        try:
            yield applied
        finally:
            applied.end()
            if watcher is not None:
                watcher.end()

    def status(self, release: str) -> Object:
        [row] = self.champ.json("status", release, *self.cluster)
        found: Object = row
        return found

    @contextmanager
    def without(self, component: str) -> Iterator[None]:
        """Kill a component of the node; start it again when the block ends."""
        self.node.kill(component)
        try:
            yield
        finally:
            self.node.revive(component)

    @contextmanager
    def nodes_ask(self, url: str, authority: Path) -> Iterator[None]:
        """Let the node ask that registry for the app's images, until the block ends."""
        folder = self.ground.kubeconfig.parent / "etc/certs.d/champ.local"
        folder.mkdir()
        shutil.copy(authority, folder / "ca.crt")
        (folder / "hosts.toml").write_text(HOSTS.format(registry=url))
        try:
            yield
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def expired_registry(self) -> Iterator[tuple[str, Path]]:
        """A registry whose certificate ended long ago; its URL and its authority."""
        address, port = self.ground.registry_address, "5499"
        long_ago = now_utc() - timedelta(days=900)
        made = ensure_certificates(self.build / "expired", [address], long_ago)
        server = self.zone.popen(
            ["python3", "-c", _SERVER, address, port, made.certificate, made.key]
        )
        try:
            yield f"https://{address}:{port}", made.authority
        finally:
            server.terminate()
            server.wait(20)

    @property
    def cluster(self) -> list[str | Path]:
        return ["--kubeconfig", self.ground.kubeconfig]


class Applied:
    """A run of `champ apply`: its events with the time at which each was read."""

    def __init__(self, words: Sequence[str]) -> None:
        self.events: list[tuple[float, Object]] = []
        self.began = time.monotonic()
        self.seconds = 0.0
        self.visible: float | None = None
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def error(self) -> Object:
        """What it ended with."""
        return next(one for _, one in reversed(self.events) if one["event"] == "Error")

    def told(self, cause: str) -> float | None:
        """When the cause was told first."""
        times = [at for at, one in self.events if one.get("id") == cause and not one.get("over")]
        return times[0] if times else None

    def cause(self, cause: str) -> Object:
        """The cause as it was told last."""
        found = [one for _, one in self.events if one.get("id") == cause and not one.get("over")]
        return found[-1]

    def until(self, happened: Callable[[], object], seconds: float = 120) -> None:
        """Wait until something is so; fails where champ ends before."""
        deadline = time.monotonic() + seconds
        while not happened():
            assert self.code is None, self.events[-3:]
            assert time.monotonic() < deadline, self.events[-3:]
            time.sleep(0.1)

    def wait(self) -> int:
        """Its exit code."""
        code = self._process.wait(_LONGEST)
        self.seconds = time.monotonic() - self.began
        self._reader.join()
        return code

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_LONGEST)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                if line.startswith("{"):
                    self.events.append((time.monotonic(), json.loads(line)))


class Watcher:
    """Looks with kubectl for when something can be seen first."""

    def __init__(self, site: Faulty, namespace: str, applied: Applied, visible: Visible) -> None:
        self._site, self._namespace = site, namespace
        self._applied, self._visible = applied, visible
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._applied.visible is None and not self._stop.wait(0.2):
            if self._visible(self._look()):
                self._applied.visible = time.monotonic()

    def _look(self) -> Sight:
        kinds = "pods,events,replicasets,persistentvolumeclaims,jobs,nodes"
        command = ["get", kinds, "-n", self._namespace, "-o", "json", "--request-timeout=3s"]
        done = self._site.run_kubectl(*command)
        return Sight(json.loads(done.stdout)["items"]) if done.returncode == 0 else Sight(away=True)


class Serving:
    """Asks the app over and over and counts what went wrong since the first good answer.

    kube-proxy may be a moment behind a pod that just became ready.
    """

    def __init__(self, namespace: str, address: str) -> None:
        self._address = address
        self.good, self.bad = 0, list[str]()
        self._stop, began = threading.Event(), time.monotonic()
        self._thread = threading.Thread(target=lambda: network.inside(namespace, self._ask_on))
        self._thread.start()
        while not self.good and time.monotonic() < began + _FIRST_ANSWER:
            time.sleep(0.05)
        self.bad.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask_on(self) -> None:
        while not self._stop.wait(0.05):
            connection = http.client.HTTPConnection(self._address, PORT, timeout=5)
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                well = answer.status == http.HTTPStatus.OK and answer.read() == b"hello"
                if well:
                    self.good += 1
                else:
                    self.bad.append(f"{answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self.bad.append(repr(error))
            finally:
                connection.close()
