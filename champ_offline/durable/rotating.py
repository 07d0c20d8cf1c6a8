"""A log on disk that never grows beyond a size: lines at its end, older ones in files beside it.

Invariant: a line is in one file, whole; at most `count` older files stay (`log.1` is the newest of
them); several processes may write to one path. Nothing here is synced: a log may lose its last
lines in a power failure, and must not slow down who writes it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from champ_offline.durable.owner import opened
from champ_offline.durable.write import naming


class RotatingFile:
    """Appends to `path`, which holds at most `size` bytes, or one `write` where that is larger."""

    def __init__(self, path: Path, size: int, count: int, mode: int = 0o640) -> None:
        self._path, self._limit, self._count, self._mode = path, size, count, mode
        self._descriptor = self._opened()
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Append whole lines; raises OSError as the file system does, and may be called again."""
        with naming(self._path):
            if self._moved():
                self._reopen()
            if self._size() and self._size() + len(lines) > self._limit:
                self._rotate()
            # After a full disk the last line may lack its end.
            view = memoryview(b"\n" + lines if self._torn else lines)
            while view:
                done = os.write(self._descriptor, view)
                self._torn = view[done - 1] != ord("\n") if done else self._torn
                view = view[done:]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _opened(self) -> int:
        with naming(self._path):
            return opened(self._path, os.O_WRONLY | os.O_APPEND, self._mode)

    def _reopen(self) -> None:
        descriptor = self._opened()
        os.close(self._descriptor)
        self._descriptor, self._torn = descriptor, False

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def _moved(self) -> bool:
        """Whether somebody else rotated, or took the file away."""
        try:
            return not os.path.samestat(os.fstat(self._descriptor), self._path.lstat())
        except FileNotFoundError:
            return True

    def _rotate(self) -> None:
        """Give every file the next number; of several processes that want to, one does."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if not self._moved():
            self._numbered(self._count).unlink(missing_ok=True)
            for number in range(self._count - 1, -1, -1):
                if self._numbered(number).exists():
                    # From the last of these on another process may write to a file of that name.
                    self._numbered(number).rename(self._numbered(number + 1))
        self._reopen()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
