"""Where everything lies in a parity file: a pure function of the volume's size and the share.

Invariant: neighbouring units of a volume belong to different groups, and neighbouring rows of a
parity file to all groups, so that a dead stretch anywhere is a loss that all groups share equally
(FORMAT.md, "Parity files"). No position is ever read from a medium.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SECTOR = 512
UNIT = 32  # sectors of a volume that stay together
ROW = 8  # parity sectors of a group that stay together
# Leopard rounds k up to a multiple of 2,048 for the usual m and works in a power of two: one unit
# of 2,048 less than 32,768 halves the memory of a decoder.
LARGEST_GROUP = 960 * UNIT
PAYLOAD = 496  # bytes of a capsule's sector that carry content
ENTRY = 4  # bytes of a checksum
ENTRIES = PAYLOAD // ENTRY
LARGEST_TABLE = 4096  # sectors of content in one capsule of checksums
LEAST_SHARE, MOST_SHARE = 2, 50  # percent
# Small volumes get this much more: a few percent of few sectors are lost all too easily.
SPARE = 64
TABLE_SPARE = 16


@dataclass(frozen=True)
class Layout:
    """A volume of `sectors` and its parity file; every count is in sectors.

    `groups` codes share the volume, each with `parity` sectors. The checksums of all these sectors
    are cut into `capsules` of `table` sectors with `table_parity` of their own.
    """

    sectors: int
    groups: int
    parity: int
    capsules: int
    table: int
    table_parity: int

    @classmethod
    def of(cls, size: int, share: int) -> Layout:
        """The layout for a volume of `size` bytes (at least one) and `share` percent of parity."""
        sectors = -(-size // SECTOR)
        units = -(-sectors // UNIT)
        groups = -(-units * UNIT // LARGEST_GROUP)
        budget = sectors * share // 100 + SPARE
        parity = budget // groups // ROW * ROW
        while (
            found := cls(sectors, groups, parity, *_table(sectors + groups * parity, share))
        ).file_sectors > budget:
            parity -= ROW
        return found

    @property
    def units(self) -> int:
        """Units of the volume; the last may be short."""
        return -(-self.sectors // UNIT)

    @property
    def file_sectors(self) -> int:
        """Sectors of the whole parity file."""
        return self.groups * self.parity + self._table_sectors

    @property
    def entries(self) -> int:
        """Checksums in the table: of the volume in its order, then of each group's parity."""
        return self.sectors + self.groups * self.parity

    @property
    def capsule_entries(self) -> int:
        """Checksums in one capsule."""
        return self.table * ENTRIES

    @property
    def _table_sectors(self) -> int:
        return self.capsules * (self.table + self.table_parity)

    @property
    def _rows(self) -> int:
        return self.parity // ROW

    def units_of(self, group: int) -> range:
        """The units of a group, in the order of its code."""
        return range(group, self.units, self.groups)

    def unit_length(self, unit: int) -> int:
        """Sectors of a unit."""
        return min(UNIT, self.sectors - unit * UNIT)

    def group_length(self, group: int) -> int:
        """Data sectors of a group."""
        units = self.units_of(group)
        return (len(units) - 1) * UNIT + self.unit_length(units[-1])

    def parity_entry(self, group: int) -> int:
        """Where the checksums of a group's parity begin in the table."""
        return self.sectors + group * self.parity

    def parity_runs(self, group: int) -> Iterator[tuple[int, int]]:
        """(first index in the group's parity, sector of the file) of each run of ROW sectors."""
        for row in range(self._rows):
            tables = self._table_sectors * (row + 1) // self._rows
            yield row * ROW, tables + (row * self.groups + group) * ROW

    def capsule_sector(self, capsule: int, index: int) -> int:
        """The sector of the file that holds sector `index` of a capsule."""
        place = index * self.capsules + capsule
        row = ((place + 1) * self._rows - 1) // self._table_sectors
        return row * self.groups * ROW + place


def _table(entries: int, share: int) -> tuple[int, int, int]:
    capsules = -(-entries // (LARGEST_TABLE * ENTRIES))
    table = -(-entries // (capsules * ENTRIES))
    return capsules, table, table * 2 * share // 100 + TABLE_SPARE
