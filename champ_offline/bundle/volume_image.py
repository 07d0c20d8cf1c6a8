"""A volume's bytes by position, before or without its file: parity is calculated from the source.

Invariant: what is read here is what `volume.chunks` writes. A medium that loses bytes while it is
written to cannot make parity agree with the loss.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from typing import BinaryIO

from champ_offline.bundle.volume import BLOCK, Member, VolumeIndex, header, padding


class VolumeImage:
    """A volume of `index`, whose members' bytes `content` opens; to be closed."""

    def __init__(self, index: VolumeIndex, content: Callable[[Member], BinaryIO]) -> None:
        data = index.to_bytes()
        self._head = header(index.name, len(data)) + data + bytes(padding(len(data)))
        places = list(index.places)
        self._members = [member for member, _ in places]
        self._places = [place for _, place in places]
        self._size, self._content = index.size, content
        self._offset = 0
        self._open: tuple[int, BinaryIO] | None = None

    def close(self) -> None:
        """Close the member that was read last."""
        if self._open:
            self._open[1].close()
        self._open = None

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._size}[whence]
        self._offset = base + offset
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, as far as one member goes; none at the end."""
        left = max(0, self._size - self._offset)
        data = self._part(self._offset, left if size < 0 else min(size, left))
        self._offset += len(data)
        return data

    def _part(self, offset: int, size: int) -> bytes:
        number = bisect_right(self._places, offset) - 1
        if number < 0:
            return self._head[offset : offset + size]
        member, place = self._members[number], self._places[number]
        inside = offset - place
        if inside < BLOCK:
            return header(member.name, member.size)[inside : inside + size]
        if inside < BLOCK + member.size:
            return self._bytes_of(number, inside - BLOCK, size)
        end = place + member.span if number + 1 < len(self._places) else self._size
        return bytes(min(size, end - offset))

    def _bytes_of(self, number: int, inside: int, size: int) -> bytes:
        member = self._members[number]
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = (number, self._content(member))
        file = self._open[1]
        file.seek((member.offset or 0) + inside)
        return file.read(min(size, member.size - inside))
