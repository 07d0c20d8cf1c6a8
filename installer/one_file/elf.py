"""The few fields of an ELF file that a build needs (elf(5), 64 bits, little-endian).

Invariant: pure; a file that is none, or has not what is asked for, is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from installer.one_file.errors import BuildFailed

MAGIC = b"\x7fELF\x02\x01"
_INTERPRETER, _NOTE = 3, 4
_ABI_TAG = b"GNU\0"


@dataclass(frozen=True)
class Segment:
    """A part of the file, by its program header: `kind`, and where it lies, in bytes."""

    kind: int
    offset: int
    size: int


def interpreter(data: bytes) -> Segment:
    """Where the path of the loader stands; raises BuildFailed."""
    for segment in _segments(data):
        if segment.kind == _INTERPRETER:
            return segment
    raise BuildFailed("A program was expected that names its loader.")


def oldest_kernel(data: bytes) -> tuple[int, int]:
    """The oldest kernel that a C library works on (its note NT_GNU_ABI_TAG); raises BuildFailed."""
    for segment in _segments(data):
        if segment.kind == _NOTE:
            for name, kind, text in _notes(data[segment.offset : segment.offset + segment.size]):
                if (name, kind) == (_ABI_TAG, 1):
                    _system, major, minor, _patch = struct.unpack("<4I", text[:16])
                    return major, minor
    raise BuildFailed("The C library does not say which kernels it works on.")


def _segments(data: bytes) -> Iterator[Segment]:
    if not data.startswith(MAGIC):
        raise BuildFailed("A file was expected that is an ELF file of 64 bits.")
    (start,) = struct.unpack_from("<Q", data, 32)
    length, count = struct.unpack_from("<HH", data, 54)
    for number in range(count):
        kind, _flags, offset, _address, _physical, size = struct.unpack_from(
            "<IIQQQQ", data, start + number * length
        )
        yield Segment(kind, offset, size)


def _notes(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + 12 <= len(data):
        name, text, kind = struct.unpack_from("<3I", data, at)
        begin = at + 12 + _padded(name)
        yield data[at + 12 : at + 12 + name], kind, data[begin : begin + text]
        at = begin + _padded(text)


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4
