"""Room that is kept for the day the disk is full: letting go of things takes a few rows first.

Invariant: the file has bytes that no file system stores in less room, and nobody reads them.
"""

from __future__ import annotations

import os
from pathlib import Path

from champ_offline.durable.space import FULL
from champ_offline.durable.write import write_atomic

SIZE = 2 * 1024 * 1024


class Reserve:
    """`SIZE` bytes at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self) -> None:
        """Take the room, if the disk has any and it is not taken yet; raises OSError."""
        if self._path.exists():
            return
        try:
            write_atomic(self._path, os.urandom(SIZE), 0o600)
        except OSError as error:
            if error.errno not in FULL:
                raise

    def spend(self) -> bool:
        """Give the room back to the disk; False where none was kept. Raises OSError."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
