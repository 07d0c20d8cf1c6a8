"""A target: one reader of bytes from media, what it may answer, and where its inputs come from.

Invariant: a target needs no fuzzing engine: kept inputs are replayed by an ordinary test.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from champ_offline.errors import ChampError

HERE = Path(__file__).parent
CORPUS, CRASHES = HERE / "corpus", HERE / "crashes"

_LONGEST_TOLD = 8192

Mutator = Callable[[bytes, Random], bytes | None]
"""A changed input, or None where only bytes can be changed."""


@dataclass(frozen=True)
class Target:
    """`read` raises nothing but ChampError; AssertionError is a broken promise of the reader's."""

    name: str
    read: Callable[[bytes], None]
    seeds: Callable[[], dict[str, bytes]]
    mutate: Mutator | None = None

    def attempt(self, data: bytes) -> None:
        """Read `data`; a refusal must be one that can be told."""
        told = ""
        try:
            self.read(data)
        except ChampError as error:
            told = f"{error} {error.advice}"
        assert len(told) < _LONGEST_TOLD, told[:100]

    @property
    def kept(self) -> list[Path]:
        """The inputs in the repository."""
        folders = (CORPUS / self.name, CRASHES / self.name)
        return sorted(path for folder in folders for path in folder.glob("*") if path.is_file())


def memory() -> str | None:
    """Where files lie in memory, in systems that have such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@cache
def scratch() -> Path:
    """A folder of this process for what must be a file.

    The engine ends without cleaning up: whoever runs it gives it a folder for all of that.
    """
    given = os.environ.get("TMPDIR")
    folder = Path(tempfile.mkdtemp(prefix="champ-fuzz-", dir=given or memory()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def written(name: str, data: bytes) -> Path:
    """A file with these bytes."""
    path = scratch() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
