"""Healed sectors, kept beside a volume until somebody has checked them.

Invariant: the volume is not touched. Through an overlay it reads as if it were whole, and the
reader's own checks decide; only then are patches put in place, each write the right bytes in their
place, so that a kill in between leaves a volume that is better and never worse.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from champ_offline.bundle.parity.layout import SECTOR
from champ_offline.bundle.parity.sectors import SectorSet
from champ_offline.durable.scratch import ScratchFile
from champ_offline.durable.write import overwrite

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_RUN = 2048  # sectors handled at once


class Patches:
    """The healed sectors of one volume of `size` bytes, in a scratch file in `folder`."""

    def __init__(self, size: int, folder: Path | None) -> None:
        self.size, self.folder = size, folder
        self._healed = SectorSet(-(-size // SECTOR))
        self._file = ScratchFile(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """How many sectors were healed."""
        return len(self._healed)

    def put(self, sector: int, data: bytes) -> None:
        """Keep a healed sector."""
        self._file.write_at(sector * SECTOR, data)
        self._healed.add(sector)

    def run(self, offset: int, size: int) -> tuple[bool, int]:
        """Whether the byte at `offset` is patched, and how many of `size` bytes share that."""
        first, skipped = divmod(offset, SECTOR)
        size = min(size, self.size - offset)
        count = -(-(skipped + size) // SECTOR)
        healed, _, length = next(self._healed.runs(first, count), (False, first, 0))
        return healed, min(size, length * SECTOR - skipped)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of patched sectors."""
        return self._file.read_at(offset, size)

    def runs(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The patches from `begin` to `end` as (offset, bytes), at most 1 MiB at a time.

        Both are offsets at which sectors begin; the volume's end where none is given.
        """
        stop = -(-(self.size if end is None else end) // SECTOR)
        for first in range(begin // SECTOR, stop, _RUN):
            for healed, at, count in self._healed.runs(first, min(_RUN, stop - first)):
                if healed:
                    offset = at * SECTOR
                    yield offset, self.read(offset, min(count * SECTOR, self.size - offset))


class _Overlay(io.RawIOBase):
    """Patched sectors from the patches, all others from the volume."""

    def __init__(self, volume: BinaryIO, patches: Patches) -> None:
        super().__init__()
        self._volume, self._patches, self._offset = volume, patches, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """The volume's own, so that the kernel can be told what to forget of it."""
        return self._volume.fileno()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._patches.size}[whence]
        self._offset = max(0, base + offset)
        return self._offset

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        healed, size = self._patches.run(self._offset, len(view))
        if size <= 0:
            return 0
        if healed:
            data = self._patches.read(self._offset, size)
        else:
            self._volume.seek(self._offset)
            data = self._volume.read(size)
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        self._volume.close()
        super().close()


def overlay(volume: BinaryIO, patches: Patches) -> BinaryIO:
    """`volume` as it reads with the patches, never longer than it was packed.

    `volume` is opened without a buffer; closing the overlay closes it. Reading raises the volume's
    OSError where nothing was healed.
    """
    return io.BufferedReader(_Overlay(volume, patches), buffer_size=SECTOR)


def restore_in_place(path: Path, patches: Patches, ranges: Iterable[tuple[int, int]]) -> None:
    """Write the patches that lie in `ranges` (begin, end) into the volume itself, durably.

    The caller has read these ranges through the overlay and found every byte to be as signed:
    parity alone vouches for nothing. Raises OSError.
    """
    overwrite(path, (run for begin, end in ranges for run in patches.runs(begin, end)))
