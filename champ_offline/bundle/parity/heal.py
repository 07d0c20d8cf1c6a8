"""Healing: finding a volume's bad sectors and calculating them back from parity.

Invariant: a sector counts as good only when its checksum is right, before and after calculating;
each group is healed whole or not at all. Work and memory are bounded by the volume's signed size,
whatever the parity file holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from champ_offline.bundle.parity import erasure
from champ_offline.bundle.parity.layout import ROW, SECTOR, UNIT
from champ_offline.bundle.parity.patches import Patches
from champ_offline.bundle.parity.protection import BeyondParity, Protection
from champ_offline.bundle.parity.reading import Medium, read_sectors
from champ_offline.bundle.parity.sectors import SectorSet
from champ_offline.bundle.parity.table import Table
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber

_SCAN = 64 * UNIT  # sectors read at once when looking for damage: 1 MiB


@dataclass(frozen=True)
class Healed:
    """What was found wrong with a volume, in sectors of 512 bytes, and healed."""

    volume: str
    sectors: int


@dataclass(frozen=True)
class _Beyond:
    group: int
    lost: int
    limit: int


def heal(
    protection: Protection,
    volume: Medium,
    parity: Medium,
    patches: Patches,
    notify: Subscriber,
    within: int | None = None,
) -> Healed:
    """Put every damaged sector of `volume`, or of its first `within` bytes, into `patches`.

    `volume` and `parity` are open without a buffer. Raises ParityUnusable, and BeyondParity after
    all groups that can be healed were. What comes of it is not yet known to be right.
    """
    wanted = -(-(protection.size if within is None else within) // SECTOR)
    with Table(patches.folder) as table:
        table.load(protection, parity)
        healer = _Healer(protection, volume, parity, table, patches)
        damaged = healer.scan(min(wanted, protection.layout.sectors), notify)
        beyond = healer.heal(notify) if damaged else []
    if beyond:
        worst = max(beyond, key=lambda one: one.lost - one.limit)
        raise BeyondParity(
            volume=protection.volume,
            group=worst.group,
            lost=worst.lost,
            limit=worst.limit,
            groups=len(beyond),
        )
    return Healed(protection.volume, len(patches))


class _Healer:
    """One volume under repair."""

    def __init__(
        self,
        protection: Protection,
        volume: Medium,
        parity: Medium,
        table: Table,
        patches: Patches,
    ) -> None:
        self._name, self._layout = protection.volume, protection.layout
        self._volume, self._parity = volume, parity
        self._table, self._patches = table, patches
        self._damage = SectorSet(self._layout.sectors)

    def scan(self, total: int, notify: Subscriber) -> int:
        """Read `total` sectors front to back; returns how many of them are damaged."""
        notify(StepStarted("scan", self._name))
        for first in range(0, total, _SCAN):
            count = min(_SCAN, total - first)
            self._good(first, count)
            done = (first + count) * SECTOR
            notify(Progress("scan", done, total * SECTOR, subject=self._name))
        notify(StepFinished("scan", self._name))
        return len(self._damage)

    def heal(self, notify: Subscriber) -> list[_Beyond]:
        """Heal every group that lost something; returns those that lost too much."""
        layout = self._layout
        beyond: list[_Beyond] = []
        # Healing a group finds what the scan, when it was not of the whole volume, did not.
        hurt = [
            group
            for group in range(layout.groups)
            if any(self._damage.touches(unit) for unit in layout.units_of(group))
        ]
        notify(StepStarted("heal", self._name))
        for done, group in enumerate(hurt, start=1):
            found = self._heal_group(group)
            beyond += [found] if found else []
            notify(Progress("heal", done, len(hurt), "items", self._name))
        notify(StepFinished("heal", self._name))
        return beyond

    def _heal_group(self, group: int) -> _Beyond | None:
        length, parity = self._layout.group_length(group), self._layout.parity
        good: dict[int, bytes] = {}
        lost: dict[int, int] = {}
        for place, unit in enumerate(self._layout.units_of(group)):
            for offset, sector in enumerate(self._unit(unit)):
                if sector is None:
                    lost[place * UNIT + offset] = unit * UNIT + offset
                else:
                    good[place * UNIT + offset] = sector
        extra = self._good_parity(group, len(lost))
        if len(extra) < len(lost):
            return _Beyond(group, len(lost), len(extra))
        restored = erasure.restore(length, parity, good, extra)
        if any(self._is_wrong(lost[index], sector) for index, sector in restored.items()):
            return _Beyond(group, len(lost), 0)
        for index, sector in restored.items():
            self._patches.put(lost[index], sector)
        return None

    def _unit(self, unit: int) -> list[bytes | None]:
        """A unit's sectors, None for the bad; those known to be bad are not read again."""
        sectors: list[bytes | None] = []
        for bad, first, count in self._damage.runs(unit * UNIT, self._layout.unit_length(unit)):
            sectors += [None] * count if bad else self._good(first, count)
        return sectors

    def _good(self, first: int, count: int) -> list[bytes | None]:
        """Sectors of the volume; those that are not as they were are None, and noted."""
        found = read_sectors(self._volume, first, count)
        wanted = self._table.get(first, count)
        for index, sector in enumerate(found):
            if sector is None or crc32(sector) != wanted[index]:
                found[index] = None
                self._damage.add(first + index)
        return found

    def _good_parity(self, group: int, wanted: int) -> dict[int, bytes]:
        """The first `wanted` good parity sectors of a group, by index; fewer when there are not."""
        checksums = self._table.get(self._layout.parity_entry(group), self._layout.parity)
        good: dict[int, bytes] = {}
        for index, place in self._layout.parity_runs(group):
            for offset, sector in enumerate(read_sectors(self._parity, place, ROW), index):
                if sector and len(good) < wanted and crc32(sector) == checksums[offset]:
                    good[offset] = sector
            if len(good) == wanted:
                break
        return good

    def _is_wrong(self, sector: int, data: bytes) -> bool:
        return crc32(data) != self._table.get(sector, 1)[0]
