"""Charts, apps and bills of materials of hostile making, read where the product reads them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.bundle.sbom.document import components
from champ_offline.catalog.artifact import read_app
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.release.images.chart_text import asked_kinds
from champ_offline.store.blobs import BlobStore
from tests.hostile.attempt import MOST_BYTES, MOST_SECONDS, attempt
from tests.hostile.volumes import HEADS

CHART = b"apiVersion: v2\nname: demo\nversion: 1.0.0\n"
Members = list[tuple[tarfile.TarInfo, bytes]]


def info(name: str, size: int = 0, **fields: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in fields.items():
        setattr(found, key, value)
    return found


def tgz(*members: tuple[tarfile.TarInfo, bytes], chart: bytes = CHART, **options: Any) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", **options) as tar:
        tar.addfile(info("demo/Chart.yaml", len(chart)), io.BytesIO(chart))
        for one, data in members:
            tar.addfile(one, io.BytesIO(data))
    return gzip.compress(whole.getvalue(), mtime=0)


def nested(levels: int, width: int) -> bytes:
    """A chart of charts of charts: each level is packed anew."""
    inner = tgz((info("demo/templates/a.yaml", 8 << 20), bytes(8 << 20)))
    for _level in range(levels):
        names = [f"demo/charts/{number}.tgz" for number in range(width)]
        inner = tgz(*[(info(name, len(inner)), inner) for name in names])
    return inner


def raw(*heads: bytes) -> bytes:
    return gzip.compress(b"".join(heads) + bytes(1024))


def pax(count: int) -> bytes:
    """A global header of very many keywords before members that each would copy it."""
    return tgz(
        *[(info(f"demo/{n}", pax_headers={"comment": "x"}), b"") for n in range(4000)],
        format=tarfile.PAX_FORMAT,
        pax_headers={f"k{n}": "v" for n in range(count)},
    )


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "no gzip": lambda: b"not gzip",
    "nothing": lambda: b"",
    "cut off": lambda: tgz()[:-9],
    "gzip bomb": lambda: gzip.compress(bytes(400 << 20), 9),
    "charts in charts": lambda: nested(3, 20),
    "a wide row of charts": lambda: nested(1, 200),
    "path upwards": lambda: tgz((info("demo/../../etc/x"), b"")),
    "absolute path": lambda: tgz((info("/etc/passwd"), b"")),
    "absolute inside": lambda: tgz((info("demo//etc/passwd"), b"")),
    "backslash": lambda: tgz((info("demo/..\\..\\x"), b"")),
    "control": lambda: tgz((info("demo/\x1b[2J"), b"")),
    "symlink": lambda: tgz((info("demo/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b"")),
    "hard link": lambda: tgz((info("demo/x", type=tarfile.LNKTYPE, linkname="demo/y"), b"")),
    "device": lambda: tgz((info("demo/x", type=tarfile.CHRTYPE), b"")),
    "pipe": lambda: tgz((info("demo/x", type=tarfile.FIFOTYPE), b"")),
    "twice": lambda: tgz((info("demo/x"), b""), (info("demo/x"), b"")),
    "two charts": lambda: tgz((info("other/Chart.yaml", 1), b"x")),
    "global header": lambda: pax(100_000),
    "very many files": lambda: tgz(*[(info(f"demo/{n}"), b"") for n in range(5000)]),
    "negative size": lambda: tgz((info("demo/x", pax_headers={"size": "-1024"}), b"")),
    "sparse": lambda: tgz((info("demo/x", pax_headers={"GNU.sparse.major": "1"}), b"")),
    "long name": lambda: tgz((info("demo/" + "a" * 100_000), b""), format=tarfile.GNU_FORMAT),
    "no Chart.yaml": lambda: raw(info("demo/values.yaml").tobuf()),
    **{f"header {n}": lambda head=head: raw(head) for n, head in enumerate(HEADS)},  # type: ignore[misc]
}

CHARTS = {
    "aliases": b"a: &a [x]\n"
    + b"".join(b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in range(98, 123)),
    "a date": CHART + b"created: 2020-01-01\n",
    "no date": CHART + b"created: 2020-99-99\n",
    "bytes": CHART + b"x: !!binary aGk=\n",
    "code": CHART + b"x: !!python/object/apply:os.system [id]\n",
    "deep": CHART + b"x: " + b"[" * 5000,
    "long": CHART + b"#" * 300_000,
    "number": CHART + b"x: " + b"9" * 5000,
    "no number": CHART + b"x: .nan\n",
    "unhashable": CHART + b"? [a]\n: b\n",
    "a list": b"- a\n",
    "half a character": CHART + b'x: "\\ud800"\n',
    "no UTF-8": CHART + b"x: \xff\n",
    "another name": b"apiVersion: v2\nname: ../../x\nversion: 1.0.0\n",
    "escape": b'apiVersion: v2\nname: "\\e[2J"\nversion: 1.0.0\n',
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(ARCHIVES[name]())
    _refused("chart.unusable", lambda: pack_chart(path))
    asked = attempt(lambda: asked_kinds(path.read_bytes()))
    assert asked.trace == ""
    assert asked.id in {"", "helm.chart-invalid"}
    assert asked.seconds < MOST_SECONDS
    assert asked.size < MOST_BYTES


@pytest.mark.parametrize("name", CHARTS)
def test_chart_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(tgz(chart=CHARTS[name]))
    _refused("chart.unusable", lambda: pack_chart(path))
    blobs = BlobStore(tmp_path / "store")
    _refused("chart.unusable", lambda: chart_artifact(path.read_bytes(), blobs))


def test_folders_of_links_and_pipes_are_refused(tmp_path: Path) -> None:
    for name in ("link", "pipe"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Chart.yaml").write_bytes(CHART)
    (tmp_path / "link/x").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe/x")
    _refused("chart.unusable", lambda: pack_chart(tmp_path / "link"))
    _refused("chart.unusable", lambda: pack_chart(tmp_path / "pipe"))


ENTRY = {"format": 1, "name": "demo", "version": "1", "category": "x", "form": "f", "hints": "h"}


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (b"", media_types.APP_CONFIG),
        (b"[" * 100_000, media_types.APP_CONFIG),
        (b"[" + b"{}," * 1_000_000 + b"{}]", media_types.APP_CONFIG),
        (b'{"format":1,"format":1}', media_types.APP_CONFIG),
        (b'{"format":' + b"9" * 5000 + b"}", media_types.APP_CONFIG),
        (json.dumps({**ENTRY, "format": True}).encode(), media_types.APP_CONFIG),
        (json.dumps({**ENTRY, "name": "../x"}).encode(), media_types.APP_CONFIG),
        (json.dumps({**ENTRY, "summary": "\ud800"}).encode(), media_types.APP_CONFIG),
        (json.dumps({**ENTRY, "form": "../../etc/passwd"}).encode(), media_types.APP_CONFIG),
        (b'{"architecture":"amd64"}', media_types.IMAGE_CONFIG),
    ],
)  # fmt: skip
def test_apps_are_refused(config: bytes, kind: str, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    own = Descriptor(kind, blobs.add(config), len(config))
    data = image_manifest(own, [], artifact_type=media_types.APP)
    app = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))
    _refused("catalog.app-malformed", lambda: read_app(blobs.read, app))


BOM = b'{"bomFormat":"CycloneDX","components":['


@pytest.mark.parametrize(
    "data",
    [b"", b"[" * 100_000, BOM + b"{}," * 10_000_000 + b"{}]}", BOM + b"5]}", BOM + b"{}]}",
     BOM + b'{"name":[]}]}', b'{"bomFormat":"CycloneDX","components":{"a":1}}'],
)  # fmt: skip
def test_bills_of_materials_are_refused(data: bytes) -> None:
    _refused("sbom.malformed", lambda: components(data, "x", ""))


def _refused(error: str, action: Callable[[], object]) -> None:
    found = attempt(action)
    assert (found.id, found.trace) == (error, "")
    assert found.seconds < MOST_SECONDS
    assert found.size < MOST_BYTES
