"""File contents on their way from packages into layers: one anonymous temporary file, no memory.

Invariant: a content is written once and never changed; the file has no name, so nothing is left
behind when the process ends in any way.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Content:
    """`size` bytes at `offset` of the spool; `number` tells equal contents of two files apart."""

    number: int
    offset: int
    size: int
    sha256: str


class Spool:
    """Contents appended one after the other; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        self._count = 0
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def store(self, source: IO[bytes]) -> Content:
        """Append all that `source` gives; raises what reading and writing raise."""
        found, offset = hashlib.sha256(), self._end
        self._file.seek(offset)
        while chunk := source.read(_CHUNK):
            found.update(chunk)
            self._file.write(chunk)
            self._end += len(chunk)
        self._count += 1
        return Content(self._count, offset, self._end - offset, found.hexdigest())

    def at(self, content: Content) -> IO[bytes]:
        """The spool's file where `content` starts; the reader takes `content.size` bytes."""
        self._file.seek(content.offset)
        return self._file

    def read(self, content: Content) -> bytes:
        """A small content whole."""
        return self.at(content).read(content.size)
