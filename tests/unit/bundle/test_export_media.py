"""The media that an export may be written to: which are refused before a byte is."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.bundle.divide import KEPT_BACK
from champ_offline.bundle.export_errors import (
    IntoZone,
    MediaFull,
    VolumesTooLarge,
)
from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.target import (
    TargetLinked,
)
from champ_offline.errors import Bytes
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.key_errors import NoSuchFolder
from tests.unit.bundle.conftest import Pack, Signing, image
from tests.unit.bundle.desk import tree, volumes
from tests.unit.bundle.exporting import KIB, ZONES, House


@pytest.fixture
def house(tmp_path: Path, signing: Signing) -> House:
    return House(tmp_path / "house", signing)


@pytest.mark.parametrize("link", ["champ", "champ/demo-1", "champ/demo-1/metadata", "stick-01"])
def test_a_link_on_the_medium_is_not_followed(
    pack: Pack, house: House, tmp_path: Path, link: str
) -> None:
    house.take(pack(zones=ZONES).folder)
    away = tmp_path / "away"
    away.mkdir()
    (house.out / link).parent.mkdir(parents=True, exist_ok=True)
    (house.out / link).symlink_to(away)
    with pytest.raises(TargetLinked) as refused:
        house.export(to=Targets((house.out,), 8_000_000 if link == "stick-01" else None))
    assert refused.value.fields["path"] == house.out / link
    assert (tree(away), house.told) == ({}, [])


def test_the_path_that_was_named_may_be_a_link(pack: Pack, house: House, tmp_path: Path) -> None:
    house.take(pack(zones=ZONES).folder)
    named = tmp_path / "named"
    named.symlink_to(house.out)
    (done,) = house.export(to=Targets((named,)))
    assert done.folders == (named / "champ/demo-1",)
    assert (house.out / "champ/demo-1").is_dir()


@pytest.mark.parametrize("place", [".", "store", "store/sha256", "incoming", ".."])
def test_nothing_is_written_into_the_zone(
    pack: Pack, signing: Signing, tmp_path: Path, place: str
) -> None:
    house = House(tmp_path / "champ", signing)
    house.take(pack().folder)
    with pytest.raises(IntoZone):
        house.export(zone="core", to=Targets((house.root / place,)))
    assert list(house.root.rglob("demo-1*")) == []
    assert house.told == []


def test_a_store_on_another_disk_is_the_zones_too(pack: Pack, house: House, tmp_path: Path) -> None:
    house.take(pack(zones=ZONES).folder)
    (tmp_path / "house" / "store").rename(tmp_path / "disk")
    (tmp_path / "house" / "store").symlink_to(tmp_path / "disk")
    with pytest.raises(IntoZone):
        house.export(to=Targets((tmp_path / "disk",)))
    assert not (tmp_path / "disk" / "champ").exists()


def test_media_must_be_there(pack: Pack, house: House, tmp_path: Path) -> None:
    house.take(pack(zones=ZONES).folder)
    with pytest.raises(NoSuchFolder):
        house.export(to=Targets((house.out, tmp_path / "not-plugged-in")))
    assert tree(house.out) == {}


def test_sticks_that_hold_no_volume_are_refused(
    pack: Pack, contents: tuple[BlobStore, Contents], house: House
) -> None:
    blobs, what = contents
    large = image(blobs, "champ.local/large:1", [random.Random(5).randbytes(9_000_000)])
    house.take(pack(limit=10**7, zones=ZONES, what=replace(what, descriptors=(large,))).folder)
    with pytest.raises(VolumesTooLarge) as refused:
        house.export(to=Targets((house.out,), 8_000_000))
    assert tree(house.out) == {}
    least = refused.value.fields["least"]
    assert isinstance(least, Bytes)
    assert refused.value.fields["kept"] == KEPT_BACK
    (done,) = house.export(to=Targets((house.out,), least))
    assert done.written


def test_media_without_room_are_refused(
    pack: Pack, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(zones=ZONES).folder
    house.take(packed)
    monkeypatch.setattr("champ_offline.bundle.export_media.free_bytes", lambda _folder: 200 * KIB)
    with pytest.raises(MediaFull) as refused:
        house.export()
    assert refused.value.exit_code == 4
    assert refused.value.fields["largest"] == max(path.stat().st_size for path in volumes(packed))
    assert tree(house.out) == {}


def test_a_disk_without_room_for_all_sticks_is_refused(
    pack: Pack, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take(pack(zones=ZONES).folder)
    free = "champ_offline.bundle.export_media.free_bytes"
    monkeypatch.setattr(free, lambda _folder: 200 * KIB)
    with pytest.raises(MediaFull):
        house.export(to=Targets((house.out,), 8_000_000))
    assert (tree(house.out), house.told) == ({}, [])
    monkeypatch.undo()
    (done,) = house.export(to=Targets((house.out,), 8_000_000))
    (done.folders[0] / "metadata/timestamp.json").unlink()
    monkeypatch.setattr(free, lambda _folder: 20 * KIB)
    assert house.export(to=Targets((house.out,), 8_000_000))[0].written
