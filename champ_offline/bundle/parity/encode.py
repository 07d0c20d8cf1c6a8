"""Making a volume's parity file.

Invariant: the file is a pure function of the volume and of the share; memory holds one group,
whatever the volume's size.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from champ_offline.bundle.errors import VolumeTruncated
from champ_offline.bundle.parity import erasure
from champ_offline.bundle.parity.layout import ROW, SECTOR, UNIT
from champ_offline.bundle.parity.protection import Protection
from champ_offline.bundle.parity.reading import Medium, read_at
from champ_offline.bundle.parity.table import Table
from champ_offline.durable.scratch import ScratchFile
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber

_COPY = 1024 * 1024


def encode(
    protection: Protection,
    volume: Medium,
    folder: Path | None,
    write: Callable[[bytes], object],
    notify: Subscriber,
) -> None:
    """Calculate the parity of `volume` and `write` its file, front to back.

    The file takes shape in `folder` (None: where temporary files lie), at its whole size. Raises
    VolumeTruncated when the volume is shorter than it should be, and OSError.
    """
    layout = protection.layout
    notify(StepStarted("parity", protection.volume))
    with ScratchFile(folder) as file, Table(folder) as table:
        done = 0
        for group in range(layout.groups):
            blocks = _read_group(protection, volume, group, table)
            parity = erasure.encode(blocks, layout.parity)
            table.put(layout.parity_entry(group), [crc32(sector) for sector in parity])
            for index, place in layout.parity_runs(group):
                file.write_at(place * SECTOR, b"".join(parity[index : index + ROW]))
            done += len(blocks) * SECTOR
            total = layout.sectors * SECTOR
            notify(Progress("parity", done, total, subject=protection.volume))
        table.seal(protection, lambda place, sector: file.write_at(place * SECTOR, sector))
        size = layout.file_sectors * SECTOR
        for offset in range(0, size, _COPY):
            write(file.read_at(offset, min(_COPY, size - offset)))
    notify(StepFinished("parity", protection.volume))


def _read_group(protection: Protection, volume: Medium, group: int, table: Table) -> list[bytes]:
    """A group's sectors; their checksums go into the table."""
    layout = protection.layout
    blocks: list[bytes] = []
    for unit in layout.units_of(group):
        size = layout.unit_length(unit) * SECTOR
        data = read_at(volume, unit * UNIT * SECTOR, size)
        if len(data) < size:
            found = unit * UNIT * SECTOR + len(data)
            raise VolumeTruncated(
                volume=protection.volume, offset=found, size=protection.size, blob="—"
            )
        sectors = [data[at : at + SECTOR] for at in range(0, size, SECTOR)]
        table.put(unit * UNIT, [crc32(sector) for sector in sectors])
        blocks += sectors
    return blocks
