"""The checksums of every sector of a volume and of its parity: they say what is damaged.

Invariant: the table lies in a scratch file, so memory does not grow with the volume; on media it is
cut into capsules whose sectors are spread over the whole parity file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from champ_offline.bundle.parity.capsule import Form, Piece, read_sector, seal, unseal
from champ_offline.bundle.parity.layout import ENTRY, Layout
from champ_offline.bundle.parity.protection import ParityUnusable, Protection
from champ_offline.bundle.parity.reading import Medium, read_sectors
from champ_offline.durable.scratch import ScratchFile


class Table:
    """CRC32 of sectors, by entry (`Layout.entries`)."""

    def __init__(self, folder: Path | None) -> None:
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

    def put(self, entry: int, checksums: Sequence[int]) -> None:
        """Keep the checksums of neighbours, from `entry` on."""
        self._file.write_at(entry * ENTRY, struct.pack(f"<{len(checksums)}I", *checksums))

    def get(self, entry: int, count: int) -> tuple[int, ...]:
        """The checksums of `count` neighbours."""
        return struct.unpack(f"<{count}I", self._file.read_at(entry * ENTRY, count * ENTRY))

    def seal(self, protection: Protection, put: Callable[[int, bytes], None]) -> None:
        """Give `put` every capsule sector with its place, in sectors, in the parity file."""
        layout = protection.layout
        size = layout.capsule_entries * ENTRY
        for number in range(layout.capsules):
            content = self._file.read_at(number * size, size)
            sectors = seal(content, _form(layout, number), protection.seed)
            for index, sector in enumerate(sectors):
                put(layout.capsule_sector(number, index), sector)

    def load(self, protection: Protection, parity: Medium) -> None:
        """Fill the table from a parity file; raises ParityUnusable."""
        layout = protection.layout
        size = layout.capsule_entries * ENTRY
        for number in range(layout.capsules):
            pieces = _pieces(protection, parity, number)
            content = unseal(pieces, _form(layout, number))
            if content is None:
                raise ParityUnusable(volume=protection.volume)
            self._file.write_at(number * size, content)


def _form(layout: Layout, number: int) -> Form:
    return Form(number, layout.table, layout.table_parity)


def _pieces(protection: Protection, parity: Medium, number: int) -> list[Piece]:
    layout = protection.layout
    found: list[Piece] = []
    for index in range(layout.table + layout.table_parity):
        (sector,) = read_sectors(parity, layout.capsule_sector(number, index), 1)
        piece = read_sector(sector, protection.seed) if sector else None
        if piece:
            found.append(piece)
    return found
