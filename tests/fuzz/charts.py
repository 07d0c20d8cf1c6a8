"""Chart archives, as they are packed and as a zone's store hands them on."""

from __future__ import annotations

import gzip
import io
import tarfile

from champ_offline.bundle.chart_archive import NotAnArchive, Room, read_archive
from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.oci.manifest import Manifest
from champ_offline.release.images.chart_text import asked_kinds
from champ_offline.store.blobs import BlobStore
from tests.fuzz.mutation import PART, json_mutator
from tests.fuzz.target import Target, scratch, written

_ROOM = 256 * 1024
_BLOCK = 512
_CHART = b"apiVersion: v2\nname: demo\nversion: 1.0.0\nappVersion: '1'\nannotations: {a: b}\n"
_SCHEMA = b'{"$defs":{"a":{"type":"string"}},"properties":{"b":{"$ref":"#/$defs/a"}}}'


def read_chart(data: bytes) -> None:
    """A tar; its first byte says whether checksums of headers are put right before it is zipped."""
    mode, tar = data[:1], data[1:]
    zipped = tar if mode == b"z" else gzip.compress(_sums(tar) if mode == b"+" else tar, 1, mtime=0)
    _read_tgz(zipped)


def read_chart_files(data: bytes) -> None:
    """Chart.yaml, a values schema and .helmignore of a chart that is an archive as it should be."""
    names = ("demo/Chart.yaml", "demo/values.schema.json", "demo/.helmignore")
    parts = dict(zip(names, data.split(PART), strict=False))
    _read_tgz(gzip.compress(_tar(parts), 1, mtime=0))
    for name, part in parts.items():
        written(f"chart/{name}", part)
    pack_chart(scratch() / "chart/demo", "1.0~rc1")


def _read_tgz(tgz: bytes) -> None:
    try:
        files = read_archive(tgz, Room(_ROOM))
    except NotAnArchive:
        files = {}
    assert sum(map(len, files.values())) <= _ROOM
    assert not any({"", ".", ".."} & {*name.split("/")} for name in files)
    asked_kinds(tgz)
    path = written("chart.tgz", tgz)
    assert pack_chart(path) == tgz
    blobs = BlobStore(scratch() / "blobs")
    try:
        Manifest.from_bytes(blobs.read(chart_artifact(tgz, blobs).digest))
        again = pack_chart(path, "2+3 é")
        assert chart_artifact(again, blobs).size > 0
    finally:
        for digest in list(blobs):
            blobs.remove(digest)


def _sums(tar: bytes) -> bytes:
    """The tar with the checksum that each header should have, as far as sizes lead."""
    fixed, at = bytearray(tar), 0
    while at + _BLOCK <= len(fixed):
        head = fixed[at : at + _BLOCK]
        if not any(head):
            break
        head[148:156] = b" " * 8
        fixed[at + 148 : at + 156] = b"%06o\0 " % sum(head)
        digits = bytes(head[124:136]).strip(b" \0")
        size = int(digits, 8) if digits and not digits.strip(b"01234567") else 0
        at += _BLOCK + size + -size % _BLOCK
    return bytes(fixed)


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    # Without the padding to 10 KiB that no reader needs.
    return packed.getvalue().rstrip(b"\0") + bytes(2 * _BLOCK)


def _chart_seeds() -> dict[str, bytes]:
    plain = _aligned({"demo/Chart.yaml": _CHART, "demo/values.schema.json": _SCHEMA})
    nested = gzip.compress(plain, 9, mtime=0)
    long = _aligned({"demo/Chart.yaml": _CHART, "demo/templates/" + "é" * 90: b"x"})
    return {
        "plain": b"+" + plain,
        "nested": b"+" + _aligned({"demo/Chart.yaml": _CHART, "demo/charts/a.tgz": nested}),
        "extended": b"+" + long,
        "zipped": b"z" + nested,
    }


def _aligned(files: dict[str, bytes]) -> bytes:
    tar = _tar(files)
    return tar + bytes(-len(tar) % _BLOCK)


def _file_seeds() -> dict[str, bytes]:
    chart = b'{"apiVersion":"v2","name":"demo","version":"1.0.0","annotations":{"a":"b"}}'
    return {
        "yaml": PART.join((_CHART, _SCHEMA, b"# none\n*.bak\nkeep/\n")),
        "json": PART.join((chart, _SCHEMA, b"")),
    }


TARGETS = (
    Target("charts", read_chart, _chart_seeds),
    Target("chart_files", read_chart_files, _file_seeds, json_mutator()),
)
