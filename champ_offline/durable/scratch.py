"""Files without a name, for what is too large for memory and of no use to the next run.

Invariant: nothing is left of them when the process ends, however it ends.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


class ScratchFile:
    """Bytes by position, in the file system of `folder`; what was never written reads as zeros.

    Without a folder it lies where the system keeps temporary files.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def write_at(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`; raises OSError as the file system does."""
        done = 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), memoryview(data)[done:], offset + done)

    def read_at(self, offset: int, size: int) -> bytes:
        """The `size` bytes at `offset`; zeros beyond the end."""
        parts: list[bytes] = []
        while size and (part := os.pread(self._file.fileno(), size, offset)):
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(parts) + bytes(size)
