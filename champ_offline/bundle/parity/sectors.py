"""Sets of a volume's sectors, an eighth of a byte for each.

Invariant: one word of 32 bits stands for one unit of the layout, the lowest bit for its first
sector.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from champ_offline.bundle.parity.layout import UNIT


class SectorSet:
    """Some of the sectors 0 to `count` - 1."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._units = array("I", bytes(-(-count // UNIT) * array("I").itemsize))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, sector: int) -> bool:
        return bool(self._units[sector // UNIT] >> sector % UNIT & 1)

    def add(self, sector: int) -> None:
        """Put one more into the set."""
        if sector not in self:
            self._units[sector // UNIT] |= 1 << sector % UNIT
            self._size += 1

    def touches(self, unit: int) -> bool:
        """Whether any sector of a unit is in the set."""
        return self._units[unit] != 0

    def runs(self, first: int, count: int) -> Iterator[tuple[bool, int, int]]:
        """Neighbours alike among `count` sectors from `first` on: (in the set, first, length)."""
        end = min(first + count, self._count)
        while first < end:
            at = self._run_end(first, end)
            yield first in self, first, at - first
            first = at

    def _run_end(self, first: int, end: int) -> int:
        inside = first in self
        alike = (1 << UNIT) - 1 if inside else 0
        at = first
        while at < end:
            if at % UNIT == 0 and self._units[at // UNIT] == alike:
                at += UNIT
            elif (at in self) == inside:
                at += 1
            else:
                return at
        return end
