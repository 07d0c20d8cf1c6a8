"""Parity files, which nothing signs: they never make a medium worse, whatever they hold."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from champ_offline.bundle.healing import mend
from champ_offline.bundle.parity.capsule import MAGIC, Form, seal
from champ_offline.bundle.parity.documents import restore_documents
from champ_offline.bundle.parity.layout import PAYLOAD, SECTOR
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.volume import BLOCK
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from tests.fuzz.sample import Sample, packed
from tests.fuzz.target import Target, scratch, written

# Which file, the sector, the offset in it, how many bytes follow; `_SEALED` puts the CRC right.
_EDIT = struct.Struct("<BHHB")
_VOLUME, _PARITY, _SEALED, _CUT_VOLUME, _CUT_PARITY = range(5)
_MOST_EDITS = 200


def read_parity(data: bytes) -> None:
    """A volume and its parity, both with damage; what was sound before is sound afterwards."""
    sample = packed()
    entry = sample.document.volumes[0]
    seed = int(entry.index_digest.hex[:8], 16)
    files = _edited([sample.volume(1), sample.parity(1)], data, seed)
    volume = written(f"medium/{sample.document.volume_name(entry)}", files[0])
    written(f"medium/{sample.document.parity_name(entry)}", files[1])
    before = _sound(sample, files[0])
    reader = VolumeReader(volume, "input", entry)
    done = mend([scratch() / "medium"], sample.document, reader, sample.index(1), None, ignore)
    for fault in done.faults:
        assert str(fault)
    after = volume.read_bytes()
    assert before <= _sound(sample, after)
    assert after[: entry.size] == sample.volume(1) or done.faults
    if not done.written:
        assert after == files[0]


def read_documents_par(data: bytes) -> None:
    """`documents.par` with damage, or (first byte 255) a capsule of any content."""
    sample = packed()
    if data[:1] == b"\xff":
        count = -(-len(data[1:]) // PAYLOAD) or 1
        file = b"".join(seal(data[1:], Form(0, count, count), 0))
    else:
        file = _edited([b"", sample.file("documents.par")], data, 0)[1]
    for path, document in (restore_documents(io.BytesIO(file)) or {}).items():
        assert path == "bundle.json" or Path(path).parent == Path("metadata")
        assert len(document) <= len(file)


def _edited(files: list[bytes], data: bytes, seed: int) -> list[bytes]:
    """The volume and the parity file with the edits that `data` describes."""
    found = [bytearray(file) for file in files]
    for kind, sector, offset, content in _edits(data):
        file = found[kind % 2 if kind >= _CUT_VOLUME else min(kind, 1)]
        at = sector * SECTOR + offset % SECTOR
        if kind >= _CUT_VOLUME:
            del file[at:]
        elif at < len(file):
            file[at : at + len(content)] = content
            if kind == _SEALED:
                _seal(file, sector * SECTOR, seed)
    return [bytes(file) for file in found]


def _edits(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    at = 0
    for _ in range(_MOST_EDITS):
        if at + _EDIT.size > len(data):
            return
        kind, sector, offset, length = _EDIT.unpack_from(data, at)
        at += _EDIT.size
        yield kind % 5, sector, offset, data[at : at + length]
        at += length


def _seal(file: bytearray, at: int, seed: int) -> None:
    if len(file) >= at + SECTOR:
        file[at : at + 4] = MAGIC
        file[at + 4 : at + 8] = crc32(file[at + 8 : at + SECTOR], seed).to_bytes(4, "little")


def _sound(sample: Sample, volume: bytes) -> set[str]:
    """The members that are as they were signed."""
    return {
        member.name
        for member, place in sample.index(1).places
        if Digest.of(volume[place + BLOCK :][: member.size]) == member.digest
    }


def _edit(kind: int, sector: int, offset: int, content: bytes) -> bytes:
    return _EDIT.pack(kind, sector, offset, len(content)) + content


def _parity_seeds() -> dict[str, bytes]:
    hurt = _edit(_VOLUME, 7, 30, b"damage")
    return {
        "healed": hurt,
        "table": hurt + _edit(_SEALED, 0, 16, b"\0\1\2\3" * 9),
        "cut": _edit(_CUT_VOLUME, 11, 0, b"") + _edit(_CUT_PARITY, 60, 0, b""),
        "foreign": hurt + b"".join(_edit(_SEALED, n, 8, b"\0\0\0\0\1\0\1\0") for n in range(9)),
    }


def _document_seeds() -> dict[str, bytes]:
    content = b"bundle.json 3\n{} metadata/1.root.json 2\n{}metadata/timestamp.json 0\n"
    return {
        "content": b"\xff" + content,
        "damaged": _edit(_PARITY, 1, 40, b"damage") + _edit(_CUT_PARITY, 20, 3, b""),
        "forms": b"".join(_edit(_SEALED, n, 8, struct.pack("<4H", n, 0, 2, 9)) for n in range(3)),
    }


TARGETS = (
    Target("parity", read_parity, _parity_seeds),
    Target("documents_par", read_documents_par, _document_seeds),
)
