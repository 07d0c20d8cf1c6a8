"""The sealed chart: its bytes, and what of the source chart it keeps."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest

from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.helm.faults import ChartInvalid
from champ_offline.release.seal import record_size, seal
from tests.simulators.charts import METADATA, SAMPLE, chart

CONFIG = Document("sample/templates/a.yaml", "kind: A\ntext: '{{ .Values.x }}'\n")
HOOK = Document("sample/templates/b.yaml", "kind: B\n")
RENDERED = Rendered((CONFIG,), (HOOK,), (Document("crds/c.yaml", "kind: C\n"),), "Thanks {{\n")


def entries(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        return {member.name: member for member in archive}


def content(data: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        file = archive.extractfile(f"sample/{name}")
        assert file is not None
        return file.read().decode()


def test_equal_contents_give_equal_bytes() -> None:
    assert seal(chart(), RENDERED, "salt") == seal(chart(), RENDERED, "salt")
    assert seal(chart(), RENDERED, "salt") != seal(chart(), RENDERED, "other")


def test_entries_are_sorted_and_carry_no_times() -> None:
    found = entries(seal(chart(), RENDERED, "salt"))
    assert list(found) == sorted(found)
    assert {(one.mtime, one.uid, one.gid, one.mode) for one in found.values()} == {(0, 0, 0, 0o644)}


def test_templates_only_include_what_was_rendered() -> None:
    data = seal(chart(), RENDERED, "salt")
    assert content(data, "templates/0000.yaml") == '{{ .Files.Get "rendered/0000.yaml" }}'
    assert content(data, "rendered/0000.yaml") == CONFIG.text
    assert content(data, "rendered/0001.yaml") == HOOK.text
    assert content(data, "crds/0000.yaml") == "kind: C\n"
    assert content(data, "rendered/NOTES.txt") == "Thanks {{\n"
    assert "sample/templates/config.yaml" not in entries(data)


def test_metadata_defaults_and_schema_stay() -> None:
    data = seal(chart(), RENDERED, "salt")
    assert content(data, "Chart.yaml") == METADATA
    assert content(data, "values.yaml") == SAMPLE["values.yaml"]
    assert content(data, "values.schema.json") == SAMPLE["values.schema.json"]


def test_dependencies_go_with_their_charts() -> None:
    source = {**SAMPLE, "Chart.yaml": METADATA + "dependencies: [{name: x, version: 1.0.0}]\n"}
    source["charts/x/Chart.yaml"] = "name: x\n"
    data = seal(chart(source), RENDERED, "salt")
    about = manifests.read(content(data, "Chart.yaml"), "Chart.yaml")
    assert about == manifests.read(METADATA, "Chart.yaml")
    assert not [name for name in entries(data) if "charts/" in name]


@pytest.mark.parametrize("data", [b"", b"nothing", gzip.compress(b"no tar"), chart({})])
def test_what_is_no_chart_is_refused(data: bytes) -> None:
    with pytest.raises(ChartInvalid):
        seal(data, RENDERED, "salt")


def test_the_records_size_grows_with_what_cannot_be_packed() -> None:
    data = seal(chart(), RENDERED, "salt")
    small = record_size(data, RENDERED, {})
    noise = random.Random(1).randbytes(20_000).hex()
    assert small < 3000 < record_size(data, RENDERED, {"noise": noise})
