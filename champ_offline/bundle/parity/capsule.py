"""Capsules: small content in sectors that say themselves what they are, with parity of their own.

Invariant: a capsule's content comes back from any `data` of its sectors, wherever they were found;
a sector counts only when its checksum is right, and a header of any numbers costs no memory before
they were checked (FORMAT.md, "Capsules").
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from champ_offline.bundle.parity import erasure
from champ_offline.bundle.parity.layout import PAYLOAD

MAGIC = b"CHPS"
# magic, CRC32 of what follows it, then index, number of the capsule, sectors of data and of parity
_HEADER = struct.Struct("<4sIHHHH")
_CHECKED_FROM = 8


@dataclass(frozen=True)
class Form:
    """Which capsule of its file (`number`), and of how many sectors of data and parity."""

    number: int
    data: int
    parity: int


@dataclass(frozen=True)
class Piece:
    """One good sector of a capsule."""

    form: Form
    index: int
    payload: bytes


def seal(content: bytes, form: Form, seed: int) -> list[bytes]:
    """The capsule's sectors; `content` is at most data * PAYLOAD bytes and padded with zeros.

    `seed` starts the checksums: sectors sealed with another one are not taken for ours.
    """
    padded = content.ljust(form.data * PAYLOAD, b"\0")
    blocks = [padded[at : at + PAYLOAD] for at in range(0, len(padded), PAYLOAD)]
    blocks += erasure.encode(blocks, form.parity)
    return [_sector(Piece(form, index, block), seed) for index, block in enumerate(blocks)]


def read_sector(sector: bytes, seed: int) -> Piece | None:
    """What a sector of 512 bytes holds; None for one that is damaged or not of a capsule."""
    magic, checksum, index, number, data, parity = _HEADER.unpack_from(sector)
    if magic != MAGIC or crc32(memoryview(sector)[_CHECKED_FROM:], seed) != checksum:
        return None
    if not erasure.supports(data, parity) or index >= data + parity:
        return None
    return Piece(Form(number, data, parity), index, sector[_HEADER.size :])


def unseal(pieces: Iterable[Piece], form: Form) -> bytes | None:
    """The content with its padding, from pieces of one capsule; None when too few are left."""
    data: dict[int, bytes] = {}
    parity: dict[int, bytes] = {}
    for piece in pieces:
        if piece.form == form and piece.index < form.data:
            data[piece.index] = piece.payload
        elif piece.form == form:
            parity[piece.index - form.data] = piece.payload
    if len(data) + len(parity) < form.data:
        return None
    data |= erasure.restore(form.data, form.parity, data, parity)
    return b"".join(data[index] for index in range(form.data))


def _sector(piece: Piece, seed: int) -> bytes:
    form = piece.form
    head = _HEADER.pack(MAGIC, 0, piece.index, form.number, form.data, form.parity)
    checked = head[_CHECKED_FROM:] + piece.payload
    return MAGIC + crc32(checked, seed).to_bytes(4, "little") + checked
