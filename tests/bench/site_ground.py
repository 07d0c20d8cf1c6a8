"""Two clusters of kwok's nodes, a zone that knows both, and the stock helm: where sites are tried.

Invariant: `champ` runs as its users run it, in a process of its own with its own zone; the clusters
are the same for both, and empty before each attempt.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.architecture.source import ROOT
from tests.bench.site_apps import NAMES, ZONE, Placed, archive, document, pack
from tests.lab import kwok, processes, resources
from tests.lab.kwok import KwokCluster
from tests.lab.records import Records

SAMPLE_SECONDS = 0.5
# Clusters are at rest when for so long they use no more of a processor than this.
REST_SECONDS, IDLE = 2.0, 0.15
_NOT_GIVEN = frozenset({"KUBECONFIG", "PYTHONDONTWRITEBYTECODE"})
CHAMP = Path(sys.executable).with_name("champ")


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds, most bytes of memory with its children, API requests.

    `own` and `theirs` are seconds of processor time: of the command with its children, and of the
    clusters meanwhile. On a busy machine they say more than `seconds` do.
    """

    seconds: float
    memory: int
    requests: int
    own: float
    theirs: float


@dataclass(frozen=True)
class _Moment:
    """What clocks and counters say."""

    time: float
    requests: int
    own: float
    theirs: float


class Ground:
    """Made by `ground`; `clusters` run in it, `folder` is for whatever is tried."""

    def __init__(self, folder: Path, clusters: Sequence[KwokCluster], helm: Path) -> None:
        self.clusters, self.folder = tuple(clusters), folder
        self._helm = helm
        self._stick, self._root = pack(folder)
        self._files = folder / "helm"
        self._files.mkdir()
        for name in NAMES:
            (self._files / f"{name}.tgz").write_bytes(archive(name))
        # Modules are compiled beforehand, as those of an installed program are.
        self._bytecode = folder / "bytecode"
        compiler = ["-X", f"pycache_prefix={self._bytecode}", "-m", "compileall", "-q"]
        subprocess.run(
            [sys.executable, *compiler, "champ_offline", "installer"], cwd=ROOT, check=True
        )
        self._zone = folder / "zone"
        self._champ("zone", "init", "--name", ZONE, "--root", self._root)
        self._champ("import", self._stick)
        for one in self.clusters:
            self._champ("cluster", "add", one.name, "--kubeconfig", one.kubeconfig)

    @property
    def names(self) -> tuple[str, ...]:
        """The clusters' names."""
        return tuple(one.name for one in self.clusters)

    def empty(self) -> None:
        """No release on any of the clusters, and nothing left to do for their controllers."""
        with ThreadPoolExecutor(len(self.clusters)) as pool:
            list(pool.map(KwokCluster.empty, self.clusters))
        while self._processor_seconds(REST_SECONDS) > IDLE * REST_SECONDS:
            pass

    def _processor_seconds(self, seconds: float) -> float:
        """What the clusters use in so many seconds."""
        before = sum(one.processor_seconds() for one in self.clusters)
        time.sleep(seconds)
        return sum(one.processor_seconds() for one in self.clusters) - before

    def running(self) -> int:
        """How many pods run on all clusters."""
        return sum(one.running() for one in self.clusters)

    @contextmanager
    def attempt(self, site: list[Placed], workers: int) -> Iterator[Attempt]:
        """A fresh zone in which this site is planned and applied."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            zone = Path(name) / "zone"
            shutil.copytree(self._zone, zone)
            (Path(name) / "site.yaml").write_text(document(site))
            yield Attempt(self, zone, Path(name), workers)

    def helm(self, site: list[Placed], workers: int) -> Spent:
        """The stock helm: as many installs at once as there are workers."""
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            before = self._now()
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda one: self._install(one, Path(home)), site))
            return self._since(before)

    def _install(self, one: Placed, home: Path) -> None:
        kubeconfigs = {cluster.name: cluster.kubeconfig for cluster in self.clusters}
        words: list[str | Path] = [
            self._helm, "install", one.name, self._files / f"{one.app}.tgz",
            "--namespace", one.name, "--create-namespace", "--wait", "--values", "-",
            "--kubeconfig", kubeconfigs[one.cluster],
        ]  # fmt: skip
        values = json.dumps(one.values)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        done = subprocess.run(
            words, input=values, capture_output=True, text=True, env=environment, check=False
        )
        if done.returncode:
            sys.exit(f"helm ended with {done.returncode}: {done.stderr}")

    def _champ(self, *words: str | Path) -> None:
        self.spent(self._zone, words)

    def spent(self, zone: Path, words: Sequence[str | Path], *, expect: int = 0) -> Spent:
        """Run a verb of champ to its end; ends the bench where it fails."""
        command = [CHAMP, "--zone", zone, "--progress", "none", *words]
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_GIVEN}
        environment["PYTHONPYCACHEPREFIX"] = str(self._bytecode)
        before = self._now()
        with (
            subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
            _Peak(process.pid) as peak,
        ):
            said = process.communicate()[0]
        spent = self._since(before, peak.bytes)
        if process.returncode != expect:
            sys.exit(f"champ {' '.join(map(str, words))} ended with {process.returncode}: {said}")
        return spent

    def _now(self) -> _Moment:
        requests = sum(one.requests() for one in self.clusters)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        theirs = sum(one.processor_seconds() for one in self.clusters)
        return _Moment(time.monotonic(), requests, used.ru_utime + used.ru_stime, theirs)

    def _since(self, before: _Moment, memory: int = 0) -> Spent:
        ended = time.monotonic()
        now = self._now()
        return Spent(
            seconds=ended - before.time,
            memory=memory,
            requests=now.requests - before.requests,
            own=now.own - before.own,
            theirs=now.theirs - before.theirs,
        )


@dataclass(frozen=True)
class Attempt:
    """A site in a zone of its own."""

    ground: Ground
    zone: Path
    folder: Path
    workers: int

    def plan(self) -> Spent:
        """Plan the document into a file."""
        words: list[str | Path] = [
            "plan",
            "--site",
            self.folder / "site.yaml",
            "--out",
            self._plan,
            *self._workers,
        ]
        return self.ground.spent(self.zone, words)

    def apply(self) -> Spent:
        """Apply what was planned last."""
        words: list[str | Path] = ["apply", self._plan, "--confirm", ZONE, *self._workers]
        return self.ground.spent(self.zone, words)

    @property
    def changes(self) -> int:
        """How many members the plan of `plan` has."""
        return sum(map(len, json.loads(self._plan.read_text().partition("\n")[0])["waves"]))

    @property
    def _plan(self) -> Path:
        return self.folder / "plan.json"

    @property
    def _workers(self) -> list[str | Path]:
        return ["--workers", str(self.workers)]


class _Peak:
    """The most memory that a process and all below it had to themselves, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, sum(map(processes.resident, family(self._pid))))


def family(pid: int) -> list[int]:
    """The process, its children and theirs, as they are now."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
    return found


@contextmanager
def ground(folder: Path, nodes: int, *, unthrottled: bool = False) -> Iterator[Ground]:
    """The ground, with so many nodes on both clusters together; all of it ends with the block."""
    binaries, players = kwok.programs()
    records = Records(folder)
    try:
        clusters = [
            KwokCluster(records, folder / name, name, binaries, players, unthrottled=unthrottled)
            for name in ("north", "south")
        ]
        for one in clusters:
            one.start(nodes // len(clusters))
        yield Ground(folder, clusters, binaries / "helm")
    finally:
        resources.remove_all(records)
