"""Whether a parity file is still what was written, by the checksums it carries itself.

Invariant: only the parity file is read, front to back but for its tables; the volume is not asked.
Chance damage of any sector is noticed; that nobody made the file up is not (nothing signs it).
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from champ_offline.bundle.parity.documents import restore_documents, seal_documents
from champ_offline.bundle.parity.layout import ROW, SECTOR
from champ_offline.bundle.parity.protection import ParityUnusable, Protection
from champ_offline.bundle.parity.reading import Medium, read_at, read_sectors
from champ_offline.bundle.parity.table import Table


def good_sectors(protection: Protection, parity: Medium, folder: Path | None) -> int:
    """How many sectors of a volume's parity file are as they were written.

    `parity` is open without a buffer; the tables take room in `folder` (None: where temporary files
    lie). 0 where the tables are lost; a file that is too long lacks one.
    """
    layout = protection.layout
    good = 0
    with Table(folder) as table:
        try:
            table.load(protection, parity)
        except ParityUnusable:
            return 0

        def compare(place: int, sector: bytes) -> None:
            nonlocal good
            good += read_sectors(parity, place, 1) == [sector]

        table.seal(protection, compare)
        rows = zip(*(layout.parity_runs(group) for group in range(layout.groups)), strict=True)
        for row in rows:
            good += _good_in_row(protection, parity, table, row)
    longer = parity.seek(0, 2) > layout.file_sectors * SECTOR
    return good - 1 if longer and good == layout.file_sectors else good


def _good_in_row(
    protection: Protection, parity: Medium, table: Table, row: tuple[tuple[int, int], ...]
) -> int:
    """The groups' sectors in a row lie one behind the other and are read at once."""
    layout = protection.layout
    found = read_sectors(parity, row[0][1], len(row) * ROW)
    good = 0
    for group, (index, _place) in enumerate(row):
        wanted = table.get(layout.parity_entry(group) + index, ROW)
        there = found[group * ROW : (group + 1) * ROW]
        pairs = zip(there, wanted, strict=True)
        good += sum(sector is not None and crc32(sector) == value for sector, value in pairs)
    return good


def documents_are_sound(file: Medium) -> bool:
    """Whether the file of the documents' capsule is, byte for byte, what its content seals to."""
    documents = restore_documents(file)
    if documents is None:
        return False
    sealed = seal_documents(documents)
    try:
        return read_at(file, 0, len(sealed) + 1) == sealed
    except OSError:
        return False
