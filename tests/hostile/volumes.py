"""Volumes: the tar around signed content, pieces, and volumes of other bundles."""

from __future__ import annotations

import os
import random
import shutil
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.catalogue import HARMLESS, Cases
from tests.hostile.forge import Forge, Json, row

case = Cases()
LOST, CORRUPT, TRUNCATED = "media.blobs-lost", "media.volume-corrupt", "media.volume-truncated"
MISFIT, MALFORMED = "media.pieces-misfit", "media.document-malformed"
Edit = Callable[[bytearray], None]
MIB = 1024 * 1024


def _head(**fields: object) -> bytes:
    info = tarfile.TarInfo("volumes/0001.json")
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)[:512]


def _sized(field: bytes) -> bytes:
    head = bytearray(_head())
    head[124:136] = field.ljust(12, b"\0")[:12]
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


HEADS = (
    _head(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    _head(type=tarfile.LNKTYPE, linkname="/etc/shadow"),
    _head(type=tarfile.CHRTYPE),
    _head(type=tarfile.FIFOTYPE),
    _head(type=tarfile.DIRTYPE),
    _head(type=tarfile.XHDTYPE),
    _head(type=tarfile.XGLTYPE),
    _head(type=tarfile.GNUTYPE_LONGNAME),
    _head(type=tarfile.GNUTYPE_SPARSE),
    _head(name="../../x"),
    _head(mode=0o4777),
    _head(uname="root"),
    _sized(b"7" * 12),
    _sized(b"\xff" * 12),
    _sized(b"\x80" + b"\xff" * 11),
    _sized(b"\xff" * 4 + struct.pack(">q", -600)),
    _sized(b"-1"),
    _sized(b"99999999999"),
    bytes(512),
    b"\xff" * 512,
)


@case(HARMLESS, *HEADS, verify=CORRUPT)
def the_header_of_the_index(forge: Forge, variant: bytes) -> None:
    forge.write()
    _edit(forge, lambda data: data.__setitem__(slice(0, 512), variant))


@case(CORRUPT, *HEADS)
def the_header_before_an_index_of_nobody(forge: Forge, variant: bytes) -> None:
    """Its size says how much is read of what nobody signed."""
    forge.write()
    _edit(forge, lambda data: data.__setitem__(slice(0, 520), variant + b"x" * 8))
    shutil.rmtree(forge.folder / "volumes")
    with forge.volume().open("r+b") as file:
        file.truncate(8 * 1024 * MIB)


@case(HARMLESS, *HEADS, verify=CORRUPT)
def the_header_of_a_member(forge: Forge, variant: bytes) -> None:
    """Content does not depend on it; `champ verify` fails all the same."""
    forge.write()
    at = _second_header(forge)
    _edit(forge, lambda data: data.__setitem__(slice(at, at + 512), variant))


@case(HARMLESS, b"x", b"\0" * 512, b"x" * MIB, verify=CORRUPT)
def trailing_data(forge: Forge, variant: bytes) -> None:
    forge.write()
    with forge.volume().open("ab") as file:
        file.write(variant)


@case(TRUNCATED, 0, 1, 511, 512, 600, 1500)
def cut_off(forge: Forge, variant: int) -> None:
    forge.write()
    with forge.volume().open("r+b") as file:
        file.truncate(variant)


@case(HARMLESS, 1, 512, 1024, 1025, verify=TRUNCATED)
def cut_off_behind_the_content(forge: Forge, variant: int) -> None:
    forge.write()
    size = forge.volume().stat().st_size
    with forge.volume().open("r+b") as file:
        file.truncate(size - variant)


@case(LOST)
def a_volume_of_random_bytes(forge: Forge) -> None:
    forge.write()
    size = forge.volume().stat().st_size
    forge.volume().write_bytes(random.Random(1).randbytes(size))


def _foreign(forge: Forge, index: bytes) -> None:
    """Another volume's index in the place of the signed one."""
    forge.write()
    size = forge.volume().stat().st_size
    head = _head(size=len(index), mode=0o444)
    forge.volume().write_bytes((head + index).ljust(size, b"\0"))


FOREIGN = (
    b'{"bundle":"%s","format":1,"members":[],"number":1,"set":"sha256:'
    + b"a" * 64
    + b'","version":"%s"}'
)


@case("media.volume-foreign")
def a_volume_of_another_bundle(forge: Forge) -> None:
    _foreign(forge, FOREIGN % (b"other", b"1"))


@case("media.volume-stale")
def a_volume_of_another_pack(forge: Forge) -> None:
    _foreign(forge, FOREIGN % (b"demo", b"1"))


@case(
    LOST,
    FOREIGN % (b"\\u001b[2J", b"1"),
    FOREIGN % (b"x" * 100_000, b"1"),
    b"[" * MIB,
    b"[" + b"{}," * 600_000 + b"{}]",
    b"9" * 100_000,
    b'{"format":1e999}',
    b'{"format":"' + b"9" * 9000 + b'"}',
)
def an_index_that_nobody_signed(forge: Forge, variant: bytes) -> None:
    _foreign(forge, variant)


def _pieces(forge: Forge, cuts: list[tuple[int, int, int]], *, keep: bool = False) -> None:
    """Cut the layer: (number, begin, end) each, whatever they make up."""
    rows = forge.plan()
    name, data = next((r[0], d) for r, d in rows if len(d) > 300 and "sha256" in r[0])
    parts = [
        row(f"{name}.{number:04}", data[begin:end], begin, len(data)) for number, begin, end in cuts
    ]
    rest = [one for one in rows if keep or one[0][0] != name]
    forge.volumes = [rest, *([part] for part in parts)]
    forge.write()


SOUND = [(1, 0, 100), (2, 100, 200), (3, 200, 440)]


@case(HARMLESS)
def pieces_that_fit(forge: Forge) -> None:
    _pieces(forge, SOUND)


@case(
    MISFIT,
    SOUND[1:],
    SOUND[:-1],
    [SOUND[0], SOUND[2]],
    [(1, 0, 150), *SOUND[1:]],
    [*SOUND, (4, 200, 440)],
    [(2, 0, 100), (1, 100, 200), (3, 200, 440)],
    [(1, 0, 100), (3, 100, 200), (4, 200, 440)],
)
def pieces_that_do_not_make_a_blob(forge: Forge, variant: list[tuple[int, int, int]]) -> None:
    _pieces(forge, variant)


@case(MISFIT)
def pieces_and_the_whole(forge: Forge) -> None:
    _pieces(forge, SOUND, keep=True)


@case(MISFIT)
def pieces_of_something_else(forge: Forge) -> None:
    rows = forge.plan()
    name, data = next((r[0], d) for r, d in rows if len(d) == 440)
    other = bytes(len(data))
    parts = [row(f"{name}.{n:04}", other[b:e], b, len(data)) for n, b, e in SOUND]
    forge.volumes = [[one for one in rows if one[0][0] != name], parts]
    forge.write()


@case(MALFORMED, (3, -1), (4, 50), (3, 2**62), (4, 2**62), (3, None), (4, "1"), (1, 0))
def rows_of_pieces(forge: Forge, variant: tuple[int, object]) -> None:
    def change(document: Json) -> None:
        if document["number"] == 3:
            document["members"][0][variant[0]] = variant[1]

    forge.edit_index = change
    _pieces(forge, SOUND)


@case(MISFIT)
def thousands_of_pieces_with_one_missing(forge: Forge) -> None:
    layer = random.Random(2).randbytes(9000)
    forge.image("champ.local/big:1", layer)
    rows = forge.plan()
    name = next(r[0] for r, d in rows if d == layer)
    parts = [row(f"{name}.{n + 1:04}", layer[n : n + 1], n, 9000) for n in range(8999)]
    forge.volumes = [[one for one in rows if one[0][0] != name], parts]
    forge.write()


@case(MALFORMED)
def one_member_in_two_volumes(forge: Forge) -> None:
    rows = forge.plan()
    forge.volumes = [rows, rows[-1:]]
    forge.write()


@case(MALFORMED)
def one_volume_under_two_numbers(forge: Forge) -> None:
    rows = forge.plan()
    forge.volumes = [rows, rows]
    forge.edit_index = lambda document: document.update(number=1)
    forge.write()


@case(CORRUPT)
def content_that_is_not_the_signed_one(forge: Forge) -> None:
    rows = forge.plan()
    forge.volumes = [[(r, bytes(440) if len(d) == 440 else d) for r, d in rows]]
    forge.write()


@case("media.volume-foreign")
def volumes_of_another_version(forge: Forge) -> None:
    other = _other(forge, version="2")
    shutil.copy(other.volume(), forge.write().volume())


@case("media.volume-stale")
def volumes_of_another_pack(forge: Forge) -> None:
    other = _other(forge, version="1")
    shutil.copy(other.volume(), forge.write().volume())


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 * 1024 * MIB)


@case(
    "media.blobs-lost",
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(random.Random(3).randbytes(MIB)),
    lambda path: path.write_bytes((b"CHPS" + b"\xff" * 508) * 2000),
    lambda path: path.write_bytes(b"CHPS" * MIB),
    _sparse,
    lambda path: path.symlink_to("/dev/zero"),
    os.mkfifo,
    Path.mkdir,
)
def parity_that_helps_nobody(forge: Forge, variant: Callable[[Path], object]) -> None:
    """The volume lost content, and its parity and the documents' are of hostile making."""
    forge.parity = 10
    forge.write()
    size = forge.volume().stat().st_size
    forge.volume().write_bytes(random.Random(1).randbytes(size))
    variant(forge.folder / "demo-1.0001.par")
    variant(forge.folder / "documents.par")


def _other(forge: Forge, version: str) -> Forge:
    other = Forge(forge.medium.parent / "other", forge.keys, version=version)
    other.image("champ.local/other:1", b"other layer")
    return other.write()


def _edit(forge: Forge, change: Edit) -> None:
    data = bytearray(forge.volume().read_bytes())
    change(data)
    forge.volume().write_bytes(data)


def _second_header(forge: Forge) -> int:
    size = (forge.folder / "volumes/0001.json").stat().st_size
    return 512 + size + -size % 512
