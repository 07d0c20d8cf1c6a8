"""Joins the header, a program for `sh`, and the archive into champ.sh.

Invariant: the header has the archive's checksum and its own; the archive begins at a fixed offset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from champ_offline.installation.one_file import HEADER_BYTES
from installer.one_file import elf
from installer.one_file.archive import Archive
from installer.one_file.errors import BuildFailed

TEMPLATE = Path(__file__).with_name("header.sh")
_DIGITS = 12
# What the unpacker adds to the archive: the folder, champ.sh itself, and the mark `unpacked`.
_BESIDES = 3
_SPARE_KILOBYTES = 16 * 1024


def join(version: str, packed: Archive, slot: elf.Segment, kernel: tuple[int, int]) -> bytes:
    """The bytes of champ.sh; raises BuildFailed."""
    on_disk = packed.unpacked + len(packed.data) + HEADER_BYTES
    values = {
        "VERSION": version,
        "NAME": f"{version}-{packed.digest[:_DIGITS]}",
        "HEADER": "",
        "HEADER_BYTES": str(HEADER_BYTES),
        "PAYLOAD": packed.digest,
        "LENGTH": str(len(packed.data)),
        "ENTRIES": str(packed.entries + _BESIDES),
        "KILOBYTES": str(on_disk // 1024 + _SPARE_KILOBYTES),
        "SLOT": str(slot.offset),
        "SLOT_BYTES": str(slot.size),
        "KERNEL_MAJOR": str(kernel[0]),
        "KERNEL_MINOR": str(kernel[1]),
    }
    # The checksum is that of the header with an empty place for it.
    empty = _header(values, HEADER_BYTES - hashlib.sha256().digest_size * 2)
    line = f"\nHEADER={hashlib.sha256(empty).hexdigest()}\n"
    return empty.replace(b"\nHEADER=\n", line.encode(), 1) + packed.data


def _header(values: Mapping[str, str], length: int) -> bytes:
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    data = text.encode()
    if len(data) >= length:
        raise BuildFailed(f"The header has {len(data)} bytes, more than {length}.")
    return data + b"\n" * (length - len(data))
