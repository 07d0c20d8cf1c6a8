"""Reading sectors off media that may fail under the read.

Invariant: a read error costs the sectors it is about and no others; what lies behind the end of a
file that was cut off is missing like a sector that cannot be read.
"""

from __future__ import annotations

from typing import Protocol

from champ_offline.bundle.parity.layout import SECTOR, UNIT


class Medium(Protocol):
    """A file to be read by position, without a buffer: `path.open("rb", buffering=0)`.

    A buffer would let one bad sector take its neighbours along.
    """

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go there; returns the position."""

    def read(self, size: int = -1, /) -> bytes | None:
        """At most `size` bytes, none at the end; raises OSError."""


def read_at(medium: Medium, offset: int, size: int) -> bytes:
    """`size` bytes at `offset`, fewer only at the file's end; raises OSError."""
    medium.seek(offset)
    parts: list[bytes] = []
    while size and (part := medium.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_sectors(medium: Medium, first: int, count: int) -> list[bytes | None]:
    """`count` sectors from sector `first` on; None for each that cannot be read or is not there."""
    try:
        data = read_at(medium, first * SECTOR, count * SECTOR)
    except OSError:
        if count == 1:
            return [None]
        step = UNIT if count > UNIT else 1
        parts = range(first, first + count, step)
        return [s for at in parts for s in read_sectors(medium, at, min(step, first + count - at))]
    whole = len(data) // SECTOR
    found: list[bytes | None] = [data[at * SECTOR : (at + 1) * SECTOR] for at in range(whole)]
    return found + [None] * (count - whole)
