"""Build the lab's programs from pinned Go modules into the user's cache, once.

Invariant: a folder under its digest is whole or not there; the digest covers all that decides on
the bytes (module files, source, flags, compiler), so what is there is never built again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.lab import toolchain
from tests.lab.errors import CommandFailed

Say: TypeAlias = Callable[[str], None]

SOURCES = Path(__file__).parent / "go"
SAY_EVERY = 8  # seconds


@dataclass(frozen=True)
class Program:
    """One Go module of `go/`, its name that of the binary, and what is stamped into it.

    `package` is what is built where that is not the module itself: a program it names as a tool.
    """

    name: str
    stamps: tuple[str, ...] = ()
    package: str = ""

    @property
    def arguments(self) -> list[str]:
        """The arguments of `go build`."""
        linker = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in self.stamps)])
        return ["-trimpath", "-ldflags", linker, *([self.package] if self.package else [])]


PROGRAMS = (
    Program("pause"),
    Program("coredns"),
    Program("helm", ("helm.sh/helm/v4/internal/version.version=v4.3.1",)),
    Program(
        "kube",
        (
            "k8s.io/component-base/version.gitVersion=v1.35.4",
            "k8s.io/component-base/version.gitMajor=1",
            "k8s.io/component-base/version.gitMinor=35",
        ),
    ),
)
# Of registries; no lab of a zone needs them.
CLIENTS = (
    Program("crane", package="github.com/google/go-containerregistry/cmd/crane"),
    Program("regctl", package="github.com/regclient/regclient/cmd/regctl"),
)
# What nodes pull with: a containerd newer than Debian's, and a kubelet's side of the CRI.
RUNTIMES = (
    Program("cri"),
    Program("containerd", package="github.com/containerd/containerd/v2/cmd/containerd"),
)
# What plays the nodes of a large cluster.
PLAYERS = (Program("kwok", package="sigs.k8s.io/kwok/cmd/kwok"),)
# Registries of other people, as targets of a push.
REGISTRIES = (Program("distribution"),)


def cache() -> Path:
    """Where built programs are kept, for all labs of this user."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "champ-offline" / "lab"


def build(say: Say = print, programs: Sequence[Program] = PROGRAMS) -> Path:
    """The folder with all `programs`, built where missing; raises LabError.

    `say` is given a line at the start and the end of each and at least every ten seconds.
    """
    go = toolchain.find(cache(), say)
    folder = cache() / digest(programs, go.version)
    if folder.is_dir():
        return folder
    with _alone(cache() / "build.lock", say):
        if not folder.is_dir():
            _build_all(go, programs, folder, say)
    return folder


def digest(programs: Sequence[Program], compiler: str) -> str:
    """Names the outcome: SHA-256 over compiler, flags and sources, its first 16 hex digits."""
    total = hashlib.sha256(compiler.encode())
    for program in programs:
        total.update(repr((program.name, program.arguments)).encode())
        for name in ("go.mod", "go.sum", "main.go"):
            file = SOURCES / program.name / name
            total.update(hashlib.sha256(file.read_bytes() if file.exists() else b"").digest())
    return total.hexdigest()[:16]


def _build_all(go: toolchain.Go, programs: Sequence[Program], folder: Path, say: Say) -> None:
    for torn in folder.parent.glob(".building-*"):
        shutil.rmtree(torn)  # of a builder that was killed: this one holds the lock
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".building-"))
    try:
        for program in programs:
            _build_one(go, program, making / program.name, say)
        making.chmod(0o755)
        making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _build_one(go: toolchain.Go, program: Program, target: Path, say: Say) -> None:
    started = time.monotonic()
    command = [str(go.path), "build", "-v", "-o", str(target), *program.arguments]
    say(f"Building {program.name} ...")
    with subprocess.Popen(
        command, cwd=SOURCES / program.name, env=go.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=_collect, args=(process, lines))
        reader.start()
        while reader.is_alive():
            reader.join(SAY_EVERY)
            if reader.is_alive():
                seconds = time.monotonic() - started
                say(f"Building {program.name}: {seconds:.0f} s, {len(lines)} packages compiled")
    if process.returncode != 0:
        raise CommandFailed(f"{program.name} cannot be built: {' / '.join(lines[-4:])}")
    say(f"Built {program.name} in {time.monotonic() - started:.0f} s")


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    for line in process.stderr or ():
        lines.append(line.strip())


@contextmanager
def _alone(path: Path, say: Say) -> Iterator[None]:
    """Hold the lock `path`; while another builder has it, say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        started = said = time.monotonic()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.2)
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                say(f"Waiting for another builder: {said - started:.0f} s")
        yield
