"""Apps written as artifacts and found again in a zone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.artifact import (
    AppFileMissing,
    AppFileUnreadable,
    ComponentImageMissing,
    read_app,
    write_app,
)
from champ_offline.catalog.entry import AppFormatNewer, AppMalformed, AppSource, AppVersionUnknown
from champ_offline.catalog.form import FormUnusable
from champ_offline.catalog.index import (
    AppChartUnusable,
    AppUnknown,
)
from champ_offline.catalog.values import TemplateBroken
from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, image_manifest
from champ_offline.store.blobs import BlobMissing, BlobStore
from tests.unit.catalog.conftest import CHART, Zone


def test_equal_sources_give_equal_artifacts(zone: Zone, app_yaml: Path, tmp_path: Path) -> None:
    other = BlobStore(tmp_path / "other")
    source, chart = AppSource.from_file(app_yaml), zone.chart()
    images = {f"champ.local/web:{v}": Digest.of(v.encode()) for v in ("1.10.1", "1.12.7")}
    one = write_app(source, "1.10.1", chart, images, zone.blobs)
    two = write_app(source, "1.10.1", chart.named("x"), dict(reversed(images.items())), other)
    assert one == two
    assert one.artifact_type == media_types.APP
    assert not one.annotations


def test_an_artifact_reads_back(zone: Zone, app_yaml: Path) -> None:
    entry = read_app(zone.blobs.read, zone.app(app_yaml, "1.10.1"))
    assert (entry.name, entry.version) == ("demo", "1.10.1")
    assert set(entry.files) == set(AppSource.from_file(app_yaml).files)
    assert entry.chart == zone.chart()


def test_a_component_whose_image_is_missing_is_named(zone: Zone, app_yaml: Path) -> None:
    source = AppSource.from_file(app_yaml)
    with pytest.raises(ComponentImageMissing) as caught:
        write_app(source, "1.10.1", zone.chart(), {}, zone.blobs)
    assert "champ.local/web:1.10.1 of “web”" in str(caught.value)
    with pytest.raises(AppVersionUnknown):
        write_app(source, "7", zone.chart(), {}, zone.blobs)


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        ("form.schema.json", b"{}", FormUnusable),
        ("form.json", b'{"nobody": {}}', FormUnusable),
        ("values.yaml.j2", b"{% if %}", TemplateBroken),
        ("README.md", b"x" * (1024 * 1024 + 1), AppFileUnreadable),
    ],
)
def test_what_the_site_could_not_use_is_not_packed(
    zone: Zone, app_yaml: Path, file: str, content: bytes, error: type[Exception]
) -> None:
    (app_yaml.parent / file).write_bytes(content)
    with pytest.raises(error):
        zone.app(app_yaml, "1.10.1")
    assert zone.catalog.listing().apps == ()


def test_a_file_that_went_away_is_named(zone: Zone, app_yaml: Path) -> None:
    source = AppSource.from_file(app_yaml)
    (app_yaml.parent / "README.md").unlink()
    with pytest.raises(AppFileUnreadable, match="README"):
        write_app(source, "1.10.1", zone.chart(), {}, zone.blobs)


def test_the_catalog_lists_apps_newest_first_by_what_they_are(zone: Zone, app_yaml: Path) -> None:
    zone.app(app_yaml, "1.10.1")
    zone.app(app_yaml, "1.12.7", name="elsewhere.example/anything")
    zone.name("champ.local/apps/no-app", "1", zone.chart())
    assert [app.version for app in zone.catalog.listing().apps] == ["1.12.7", "1.10.1"]
    assert zone.catalog.entry("demo", None).version == "1.12.7"
    assert zone.catalog.entry("demo", "1.10.1").version == "1.10.1"


def test_the_packers_own_name_decides_between_two_claims(zone: Zone, app_yaml: Path) -> None:
    zone.app(app_yaml, "1.10.1", name="aaa.example/copy")
    (app_yaml.parent / "README.md").write_text("# The right one\n")
    zone.app(app_yaml, "1.10.1")
    (entry,) = zone.catalog.listing().apps
    assert zone.catalog.file(entry, "README.md") == b"# The right one\n"


def test_an_unknown_app_lists_what_there_is(zone: Zone, app_yaml: Path) -> None:
    with pytest.raises(AppUnknown):
        zone.catalog.entry("demo", None)
    zone.app(app_yaml, "1.10.1")
    for name, version in (("dmo", None), ("demo", "2")):
        with pytest.raises(AppUnknown) as caught:
            zone.catalog.entry(name, version)
        assert "demo 1.10.1" in caught.value.advice


def spoil(zone: Zone, version: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Put an app of that version under its name whose entry was changed."""
    found = zone.refs.resolve("champ.local/apps/demo", version)
    assert found is not None
    manifest = Manifest.from_bytes(zone.blobs.read(found.digest))
    assert manifest.config is not None
    document = json.loads(zone.blobs.read(manifest.config.digest))
    edit(document)
    config = zone.put(media_types.APP_CONFIG, json.dumps(document).encode())
    changed = image_manifest(config, list(manifest.layers), artifact_type=media_types.APP)
    zone.name("champ.local/apps/demo", version, zone.put(media_types.IMAGE_MANIFEST, changed))


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        ({"format": 2}, AppFormatNewer),
        ({"format": "one"}, AppMalformed),
        ({"form": "gone.json"}, AppMalformed),
        ({"components": {}}, AppMalformed),
    ],
)
def test_an_unusable_app_is_in_no_others_way(
    zone: Zone, app_yaml: Path, edit: dict[str, Any], error: type[ChampError]
) -> None:
    for version in ("1.10.1", "1.12.7"):
        zone.app(app_yaml, version)
    spoil(zone, "1.12.7", lambda document: document.update(edit))
    listing = zone.catalog.listing()
    assert [(app.name, app.version) for app in listing.apps] == [("demo", "1.10.1")]
    (unusable,) = listing.unusable
    assert (unusable.name, unusable.version) == ("demo", "1.12.7")
    assert isinstance(unusable.reason, error)
    assert "demo 1.12.7" in str(unusable.reason)
    assert zone.catalog.entry("demo", "1.10.1").version == "1.10.1"
    with pytest.raises(error):
        zone.catalog.entry("demo", "1.12.7")
    with pytest.raises(AppUnknown):
        zone.catalog.entry("demo", "1")


def test_no_older_app_is_taken_unasked_for_a_newer_one_that_is_unusable(
    zone: Zone, app_yaml: Path
) -> None:
    for version in ("1.10.1", "1.12.7"):
        zone.app(app_yaml, version)
    spoil(zone, "1.12.7", lambda document: document.update(format=2))
    with pytest.raises(AppFormatNewer):
        zone.catalog.entry("demo")
    zone.app(app_yaml, "1.12.7")
    spoil(zone, "1.10.1", lambda document: document.update(format=2))
    assert zone.catalog.entry("demo").version == "1.12.7"


def test_an_app_of_which_blobs_are_gone_is_named(zone: Zone, app_yaml: Path) -> None:
    whole = zone.app(app_yaml, "1.10.1")
    gone = zone.app(app_yaml, "1.12.7", name="vendor.example/demo")
    assert gone != whole
    zone.blobs.remove(gone.digest)
    listing = zone.catalog.listing()
    assert [app.version for app in listing.apps] == ["1.10.1"]
    (unusable,) = listing.unusable
    assert (unusable.name, unusable.version) == ("vendor.example/demo", "1.12.7")
    assert isinstance(unusable.reason, BlobMissing)


def test_files_chart_and_images(zone: Zone, app_yaml: Path) -> None:
    zone.app(app_yaml, "1.10.1")
    entry = zone.catalog.entry("demo", None)
    assert zone.catalog.file(entry, entry.readme["en"]) == b"# Demo\n"
    assert zone.catalog.chart(entry) == CHART
    assert zone.catalog.image_digests(entry) == {"champ.local/web:1.10.1": Digest.of(b"1.10.1")}
    with pytest.raises(AppFileMissing):
        zone.catalog.file(entry, "../../etc/passwd")
    image = image_manifest(zone.put(media_types.IMAGE_CONFIG, b"{}"), [])
    wrong = replace(entry, chart=zone.put(media_types.IMAGE_MANIFEST, image))
    with pytest.raises(AppChartUnusable):
        zone.catalog.chart(wrong)


def test_hostile_artifacts_are_refused(zone: Zone, app_yaml: Path) -> None:
    descriptor = zone.app(app_yaml, "1.10.1")
    manifest = Manifest.from_bytes(zone.blobs.read(descriptor.digest))
    config = manifest.config
    assert config is not None
    document = json.loads(zone.blobs.read(config.digest))

    def read(
        config_bytes: bytes, media_type: str = media_types.APP_CONFIG, layers: int = 9
    ) -> None:
        made = image_manifest(
            zone.put(media_type, config_bytes),
            list(manifest.layers[:layers]),
            artifact_type=media_types.APP,
        )
        read_app(zone.blobs.read, zone.put(media_types.IMAGE_MANIFEST, made))

    good = json.dumps(document).encode()
    with pytest.raises(AppMalformed, match="config is of another kind"):
        read(good, media_types.IMAGE_CONFIG)
    with pytest.raises(AppMalformed, match="is missing"):
        read(good, layers=1)
    with pytest.raises(AppMalformed, match="not JSON"):
        read(b"{")
    with pytest.raises(AppFormatNewer):
        read(json.dumps({**document, "format": 99}).encode())
    with pytest.raises(AppMalformed, match="another kind of artifact"):
        read_app(zone.blobs.read, zone.chart())
