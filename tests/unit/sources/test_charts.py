"""Charts: the same files give the same bytes, Helm's own rules hold, and nothing points outside."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from champ_offline.bundle.charts import (
    ChartRefersOutside,
    ChartUnusable,
    chart_artifact,
    pack_chart,
)
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from tests.unit.sources.archives import tar, unfold, with_member

CHART = b"# ours\napiVersion: v2\nname: web\nversion: 1.10\nappVersion: 1.20 # as tested\n"
FILES = {
    "Chart.yaml": CHART,
    "values.yaml": b"a: 1\n",
    "templates/web.yaml": b"kind: Pod\n",
    "templates/_helpers.tpl": b"",
    "charts/sub/Chart.yaml": b"apiVersion: v2\nname: sub\nversion: 0.1.0\n",
}


def folder(tmp_path: Path, **more: bytes) -> Path:
    return unfold(tmp_path / "chart", FILES | {k.replace("__", "/"): v for k, v in more.items()})


def content(tgz: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tgz), mode="r:gz") as archive:
        found = {info.name: archive.extractfile(info) for info in archive}
        return {name: member.read() for name, member in found.items() if member}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one = pack_chart(folder(tmp_path / "a"))
    path = folder(tmp_path / "b")
    for file in path.rglob("*"):
        file.chmod(0o700)
        os.utime(file, (1, 1))
    assert pack_chart(path) == one
    assert content(one) == {f"web/{name}": data for name, data in FILES.items()}
    assert next(iter(content(one))) == "web/Chart.yaml"


def test_a_published_archive_stays_as_it_is(tmp_path: Path) -> None:
    published = gzip.compress(tar({f"web/{name}": data for name, data in FILES.items()}))
    path = tmp_path / "web.tgz"
    path.write_bytes(published)
    assert pack_chart(path) == published


def test_another_app_version(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (tmp_path / "web.tgz").write_bytes(pack_chart(path))
    packed = pack_chart(path, "15.14")
    chart = content(packed)["web/Chart.yaml"].decode()
    assert 'appVersion: "15.14"\n' in chart
    assert chart.startswith("# ours\napiVersion: v2\nname: web\nversion: 1.10+15.14\n")
    assert pack_chart(tmp_path / "web.tgz", "15.14") == packed
    assert pack_chart(path, "15.15") != packed


def test_an_app_version_where_there_was_none(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0")
    chart = content(pack_chart(path, "2\\1"))["web/Chart.yaml"].decode()
    assert chart.endswith('\nappVersion: "2\\\\1"\n')


def test_helmignore(tmp_path: Path) -> None:
    ignore = b"# comment\n\n*.swp\n.git/\n/top.txt\ntests/*.md\nsecret?\n"
    path = unfold(
        tmp_path / "chart",
        FILES
        | {
            ".helmignore": ignore,
            "x.swp": b"",
            "templates/y.swp": b"",
            "templates/.hidden": b"",
            ".git/config": b"",
            "top.txt": b"",
            "sub/top.txt": b"",
            "tests/a.md": b"",
            "tests/deep/a.md": b"",
            "secret1": b"",
            "git": b"",
        },
    )
    names = {name.removeprefix("web/") for name in content(pack_chart(path))}
    kept = {".helmignore", "sub/top.txt", "tests/deep/a.md", "git"}
    assert names == set(FILES) | kept


def test_artifact(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    tgz = pack_chart(folder(tmp_path))
    descriptor = chart_artifact(tgz, blobs)
    assert chart_artifact(tgz, blobs) == descriptor
    manifest = Manifest.from_bytes(blobs.read(descriptor.digest))
    assert manifest.kind == media_types.HELM_CONFIG
    assert [layer.media_type for layer in manifest.layers] == [media_types.HELM_CHART]
    assert manifest.layers[0].digest == Digest.of(tgz)
    assert manifest.config is not None
    config = json.loads(blobs.read(manifest.config.digest))
    assert config == {"apiVersion": "v2", "name": "web", "version": "1.10", "appVersion": "1.20"}


@pytest.mark.parametrize(
    "reference", ["https://example.org/x.json", "file:///etc/passwd", "../x.json#/a", "x"]
)
@pytest.mark.parametrize("where", ["values.schema.json", "charts/sub/values.schema.json"])
def test_references_outside(where: str, reference: str, tmp_path: Path) -> None:
    schema = {"properties": {"a": {"allOf": [{"$ref": reference}]}}}
    path = unfold(tmp_path / "chart", FILES | {where: json.dumps(schema).encode()})
    with pytest.raises(ChartRefersOutside) as caught:
        pack_chart(path)
    assert (caught.value.fields["file"], caught.value.fields["reference"]) == (where, reference)


def test_references_outside_in_a_packed_subchart(tmp_path: Path) -> None:
    schema = b'{"$ref": "https://example.org/x.json"}'
    sub = {"sub/Chart.yaml": FILES["charts/sub/Chart.yaml"], "sub/values.schema.json": schema}
    path = unfold(tmp_path / "chart", FILES | {"charts/sub.tgz": gzip.compress(tar(sub))})
    with pytest.raises(ChartRefersOutside):
        pack_chart(path)


def test_references_inside_are_fine(tmp_path: Path) -> None:
    schema = b'{"$defs": {"a": {}}, "properties": {"a": {"$ref": "#/$defs/a"}}}'
    files = FILES | {"values.schema.json": schema}
    assert (
        content(pack_chart(unfold(tmp_path / "chart", files)))["web/values.schema.json"] == schema
    )


def test_links_in_a_folder(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "values.secret").symlink_to("/etc/passwd")
    with pytest.raises(ChartUnusable, match=r"values\.secret"):
        pack_chart(path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (tarfile.SYMTYPE, "web/link"),
        (tarfile.LNKTYPE, "web/link"),
        (tarfile.CHRTYPE, "web/device"),
        (tarfile.REGTYPE, "web/../../etc/cron"),
        (tarfile.REGTYPE, "web/values.yaml"),
        (tarfile.REGTYPE, "noparent"),
    ],
)
def test_members_that_are_refused(kind: bytes, name: str, tmp_path: Path) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "web/values.yaml"
    whole = tar({f"web/{name}": data for name, data in FILES.items()})
    (tmp_path / "web.tgz").write_bytes(gzip.compress(with_member(whole, info)))
    with pytest.raises(ChartUnusable):
        pack_chart(tmp_path / "web.tgz")


@pytest.mark.parametrize(
    "chart",
    [
        b"",
        b"- a",
        b"a: [",
        b"apiVersion: v2\nname: web\n",
        b"apiVersion: v2\nversion: 1.0.0\n",
        b"apiVersion: v2\nname: ../web\nversion: 1.0.0\n",
        b"apiVersion: v2\nname: [web]\nversion: 1.0.0\n",
        b"\xff\xfe",
    ],
)
def test_charts_that_are_none(chart: bytes, tmp_path: Path) -> None:
    with pytest.raises(ChartUnusable):
        pack_chart(unfold(tmp_path / "chart", FILES | {"Chart.yaml": chart}))


@pytest.mark.parametrize("data", [b"", b"x", gzip.compress(b"x" * 2000), gzip.compress(b"")])
def test_archives_that_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "web.tgz").write_bytes(data)
    with pytest.raises(ChartUnusable):
        pack_chart(tmp_path / "web.tgz")


def test_an_archive_that_unfolds_to_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "web.tgz").write_bytes(gzip.compress(bytes(64 * 1024 * 1024)))
    with pytest.raises(ChartUnusable, match="unfolds"):
        pack_chart(tmp_path / "web.tgz")


def test_no_such_chart(tmp_path: Path) -> None:
    with pytest.raises(ChartUnusable, match="No such file"):
        pack_chart(tmp_path / "none.tgz")
