"""Media written again in a zone: the same bytes, or a clear word why not."""

from __future__ import annotations

import random
import resource
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.export_errors import (
    ForOtherZones,
    NotHeld,
    NothingForZone,
    StoreDamaged,
)
from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.occupied import TargetBehind, TargetDamaged
from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.target import (
    TargetFileTooLarge,
    TargetUnwritable,
)
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.events import Event, StepStarted, ignore
from champ_offline.store.blobs import BlobStore
from champ_offline.store.scrub import Pace, Scrub
from champ_offline.trust.errors import RevokedKey
from champ_offline.trust.rotation import Change
from tests.unit.bundle.conftest import NOW, Pack, Signing, image
from tests.unit.bundle.desk import flip, tree, volumes
from tests.unit.bundle.exporting import KIB, ZONES, House
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of


@pytest.fixture
def house(tmp_path: Path, signing: Signing) -> House:
    return House(tmp_path / "house", signing)


@pytest.mark.parametrize(
    ("limit", "parity"), [(130 * KIB, 0), (24 * KIB, 0), (10**6, 0), (90 * KIB, 10), (24 * KIB, 5)]
)
def test_the_folder_is_the_packed_one_byte_for_byte(
    pack: Pack, house: House, signing: Signing, tmp_path: Path, limit: int, parity: int
) -> None:
    packed = pack(limit=limit, parity=parity, zones=ZONES).folder
    house.take(packed)
    (done,) = house.export()
    assert tree(done.folders[0]) == tree(packed)
    assert done.folders == (house.out / "champ/demo-1",)
    assert (done.written, done.expired, done.newer) == (True, (), "")
    read_every_byte(verify([house.out], signing.root, NOW, "far"), ignore)
    assert house.told == [("bundle.export", "demo")]


@pytest.mark.parametrize("parity", [0, 10])
def test_sticks_are_those_that_were_packed(
    pack: Pack, contents: tuple[BlobStore, Contents], house: House, parity: int
) -> None:
    blobs, what = contents
    noise = random.Random(3)
    large = [noise.randbytes(2_500_000 + n) for n in range(5)]
    more = replace(what, descriptors=(image(blobs, "champ.local/large:1", large),), apps=())
    limits = Limits.of(1_000_000, 8_000_000, parity)
    packed = pack(limit=limits.volume, medium=limits.medium, parity=parity, zones=ZONES, what=more)
    assert len(packed.folders) > 2
    house.take(*packed.folders)
    (done,) = house.export(to=Targets((house.out,), 8_000_000))
    assert tree(house.out) == tree(packed.folders[0].parents[2])
    assert len(done.folders) == len(packed.folders)
    (again,) = house.export(to=Targets((house.out,), 8_000_000))
    assert (again.written, again.folders) == (False, done.folders)
    other = House(house.out.parent / "far", house.signing)
    other.take(*done.folders)
    assert other.content() == house.content()


def test_what_was_exported_is_mended_like_any_medium(
    pack: Pack, house: House, signing: Signing
) -> None:
    packed = pack(limit=90 * KIB, parity=10, zones=ZONES).folder
    house.take(packed)
    (done,) = house.export()
    stick = done.folders[0]
    flip(volumes(stick)[0], 5000)
    volumes(stick)[1].unlink()
    shutil.rmtree(stick / "metadata")
    order = RepairOrder(stick)
    mended = repair(order, lambda at, _: verify(at, signing.root, NOW), [house.blobs], ignore)
    assert mended.fault is None
    assert tree(stick) == tree(packed)


def rotated(old: bytes, by: Holder, version: int) -> bytes:
    helper = Holder(f"Helper {version}", roles=["targets"])
    return next_root(old, Change(added=[helper.public]), [by], NOW)


def test_roots_that_the_zone_met_since_go_along(pack: Pack, tmp_path: Path) -> None:
    anna = Holder("Anna")
    one = first_root([anna], NOW)
    two = rotated(one, anna, 2)
    three = rotated(two, anna, 3)
    house = House(tmp_path / "house", Signing(one, {}))
    packed = pack(zones=ZONES, by=Signing(one, signers_of(anna))).folder
    house.take(packed)
    with house.database.transaction() as connection:
        house.trust.keep_line(connection, [one, two, three])
    assert house.trust.roots() == [one, two, three]
    shutil.copytree(packed, house.out / "champ/demo-1")
    with pytest.raises(TargetBehind) as behind:
        house.export()
    assert str(behind.value).endswith("met since: metadata/2.root.json, metadata/3.root.json.")
    (house.out / "champ/demo-1/metadata/1.root.json").unlink()
    with pytest.raises(TargetDamaged):
        house.export()
    shutil.rmtree(house.out / "champ")
    (done,) = house.export()
    found, expected = tree(done.folders[0]), tree(packed)
    assert found.pop("metadata/2.root.json") == two
    assert found.pop("metadata/3.root.json") == three
    assert found == expected
    other = House(tmp_path / "far", Signing(one, {}))
    other.take(done.folders[0])
    assert other.trust.roots() == [one, two, three]
    other.take(packed)
    assert other.export()[0].folders
    assert tree(other.out) == tree(house.out)


def test_where_roots_between_were_not_kept_the_bundles_own_go_along(
    pack: Pack, tmp_path: Path
) -> None:
    anna = Holder("Anna")
    one = first_root([anna], NOW)
    three = rotated(rotated(one, anna, 2), anna, 3)
    house = House(tmp_path / "house", Signing(one, {}))
    packed = pack(zones=ZONES, by=Signing(one, signers_of(anna))).folder
    house.take(packed)
    with house.database.transaction() as connection:
        house.trust.pin(connection, 3, three)
    (done,) = house.export()
    assert tree(done.folders[0]) == tree(packed)


def test_a_bundle_goes_only_where_it_was_signed_for(pack: Pack, house: House) -> None:
    house.take(pack(zones=ZONES).folder)
    with pytest.raises(ForOtherZones) as refused:
        house.export("demo", zone="moon")
    assert refused.value.exit_code == 3
    assert "core, far" in str(refused.value)
    assert "Release team" in refused.value.advice
    with pytest.raises(NothingForZone):
        house.export(zone="moon")
    with pytest.raises(NotHeld):
        house.export("demo:9")
    assert tree(house.out) == {}
    assert house.told == []


def test_of_two_packs_of_one_version_the_older_says_which_it_is(pack: Pack, house: House) -> None:
    house.now = NOW + timedelta(days=3)
    house.accept(pack("ours and theirs", zones=ZONES).folder)
    house.accept(pack("ours", days=1).folder)
    (done,) = house.export()
    assert (done.version, done.newer) == ("1", "1")
    later = datetime.fromisoformat(done.newer_packed) - datetime.fromisoformat(done.packed)
    assert later == timedelta(days=1)


def test_a_bundle_for_any_zone_goes_anywhere(pack: Pack, house: House) -> None:
    house.take(pack(zones=()).folder)
    assert house.export(zone="moon")[0].written


def test_without_a_name_the_newest_of_each_goes(
    pack: Pack, contents: tuple[BlobStore, Contents], house: House
) -> None:
    house.now = NOW + timedelta(days=3)
    _blobs, what = contents
    house.accept(pack("old", zones=ZONES).folder)
    house.accept(pack("new", zones=ZONES, days=1, version="2").folder)
    house.accept(pack("ours", days=2, version="3").folder)
    house.accept(pack("other", zones=(), days=2, what=replace(what, name="other")).folder)
    done = house.export()
    assert [(one.bundle, one.version, one.newer) for one in done] == [
        ("demo", "2", "3"), ("other", "1", ""),
    ]  # fmt: skip
    (old,) = house.export("demo:1", to=Targets((house.out,)))
    assert (old.version, old.newer) == ("1", "3")
    (named,) = house.export("demo")
    assert (named.version, named.written) == ("2", False)


def test_dates_that_are_over_are_told(pack: Pack, house: House) -> None:
    house.take(pack(zones=ZONES).folder)
    house.now = NOW + timedelta(days=400)
    (done,) = house.export()
    assert done.written
    assert len(done.expired) == 3
    assert any(about.startswith("timestamp 2027-03-01") for about in done.expired)


def test_what_only_withdrawn_keys_vouch_for_stays(pack: Pack, tmp_path: Path) -> None:
    anna, chen = Holder("Anna"), Holder("Chen")
    root = first_root([anna, chen], NOW)
    house = House(tmp_path / "house", Signing(root, {}))
    house.now = NOW + timedelta(days=2)
    house.accept(pack("honest", zones=ZONES, by=Signing(root, signers_of(anna))).folder)
    thief = Signing(root, signers_of(chen))
    house.accept(pack("thief", zones=ZONES, days=1, by=thief, version="2").folder)
    newest = next_root(root, Change(removed=["Chen"]), [anna], NOW)
    with house.database.transaction() as connection:
        house.trust.keep_line(connection, [newest])
    with pytest.raises(RevokedKey) as refused:
        house.export("demo:2")
    assert "demo 2" in str(refused.value)
    (done,) = house.export()
    assert (done.version, done.newer) == ("1", "")


@pytest.mark.parametrize("limit", [130 * KIB, 24 * KIB])
def test_a_damaged_blob_is_named_and_never_written(pack: Pack, house: House, limit: int) -> None:
    packed = pack(limit=limit, zones=ZONES).folder
    house.take(packed)
    rotten = house.largest()
    house.rot(rotten)
    with pytest.raises(StoreDamaged) as refused:
        house.export()
    assert refused.value.exit_code == 11
    assert str(rotten) in str(refused.value)
    written = volumes(house.out / "champ/demo-1")
    assert len(written) < len(volumes(packed))
    assert all(path.read_bytes() == (packed / path.name).read_bytes() for path in written)
    assert not (house.out / "champ/demo-1/metadata/timestamp.json").exists()
    Scrub(house.database, house.blobs, lambda: NOW).run(ignore, Pace(None), anew=True)
    assert not house.blobs.has(rotten)
    with pytest.raises(StoreDamaged):
        house.export()
    house.take(packed)
    house.export()
    assert tree(house.out / "champ/demo-1") == tree(packed)


def test_what_was_written_whole_is_kept(pack: Pack, house: House) -> None:
    packed = pack(limit=24 * KIB, parity=10, zones=ZONES).folder
    house.take(packed)
    (done,) = house.export()
    stick = done.folders[0]
    (stick / "metadata/timestamp.json").unlink()
    first, second, third = volumes(stick)[:3]
    parity = sorted(stick.glob("*.par"))
    flip(second, 3000)
    flip(parity[3], 700)
    third.write_bytes(third.read_bytes()[:-1])
    kept = {path: path.stat().st_ino for path in (first, parity[0], *volumes(stick)[4:])}
    told: list[Event] = []
    (again,) = house.export(told=told)
    assert again.written
    assert tree(stick) == tree(packed)
    assert {path: path.stat().st_ino for path in kept} == kept
    written = [e.subject for e in told if isinstance(e, StepStarted) and e.name == "export"]
    assert written == [second.name, third.name]


def test_a_file_system_for_small_files_is_told(
    pack: Pack, contents: tuple[BlobStore, Contents], house: House
) -> None:
    blobs, what = contents
    large = image(blobs, "champ.local/large:1", [random.Random(5).randbytes(3_000_000)])
    house.take(pack(limit=10**7, zones=ZONES, what=replace(what, descriptors=(large,))).folder)
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        with pytest.raises(TargetFileTooLarge):
            house.export()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert tree(house.out) == {}


def test_a_medium_that_takes_nothing_is_told(pack: Pack, house: House) -> None:
    house.take(pack(zones=ZONES).folder)
    (house.out / "champ").write_text("no folder")
    with pytest.raises(TargetUnwritable):
        house.export()
