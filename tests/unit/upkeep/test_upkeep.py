"""A zone's upkeep over real bundles, releases and pushes: check, collect, retire."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.export import ExportOrder
from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.retire import BundleNeeded, NewestBundle
from champ_offline.bundle.selection import Wanted
from champ_offline.durable.lock import FileLock, Locked
from champ_offline.events import Event, StepStarted, ignore
from champ_offline.journal.journal import Journal
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.release.images.digests import Image
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent
from champ_offline.release.records.vault import Vault
from champ_offline.store.blobs import BlobStore
from champ_offline.store.collect import Cause, Staying
from champ_offline.store.links import Kind, Link, Links
from champ_offline.store.needs import Why
from champ_offline.store.reach import ManifestUnreadable
from champ_offline.store.readings import Reader, Readings, UnderWay
from champ_offline.store.scrub import Pace
from champ_offline.store.uploads import Upload, Uploads
from champ_offline.upkeep.verbs import CollectionElsewhere
from tests.crash.zones import commission, held
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, image, pack, signing
from tests.unit.bundle.desk import tree

__all__ = ["contents", "pack", "signing"]
LATER = NOW + timedelta(days=2)


class House:
    """A zone with two bundles of one name: the first image of the older one is in no newer one."""

    def __init__(self, zone: Path, sticks: tuple[Path, Path]) -> None:
        self.zone, self.sticks = zone, sticks
        self.appliance = Appliance(zone, lambda: LATER)
        self.database = self.appliance._database
        self.blobs = self.appliance._blobs
        self.history = History(self.database)
        self.vault = Vault(self.database, lambda: "salt")
        self.readings = Readings(self.database, self.appliance.paths.readings)

    def take(self, *sticks: Path) -> None:
        for stick in sticks:
            self.appliance.import_media([stick], ignore)

    def image(self, name: str) -> Digest:
        return self.at(name).digest

    def at(self, name: str) -> Descriptor:
        found = self.appliance._refs.resolve(*name.rsplit(":", 1))
        assert found is not None
        return found

    def release(
        self, images: list[Digest], outcome: Outcome = Outcome.DEPLOYED, sealed: bytes = b"sealed"
    ) -> int:
        plan = Plan(
            operation=Operation.INSTALL, zone="core", cluster="c", release="app",
            namespace="default", new_namespace=False, app="app", from_version="", to_version="1",
            base_revision=0, base_manifest=None, target=0, actions=(),
            images=tuple(Image("champ.local/first:1", digest, 1) for digest in images),
            sealed=Digest.of(sealed), values=Digest.of(b"values"), created=NOW.isoformat(),
        )  # fmt: skip
        return self._applied(plan, self.vault.put(plan.to_bytes()), outcome, None)

    def remove(self) -> None:
        plan = Plan(
            operation=Operation.REMOVE, zone="core", cluster="c", release="app",
            namespace="default", new_namespace=False, app="app", from_version="1", to_version="",
            base_revision=1, base_manifest=None, target=0, actions=(), images=(), sealed=None,
            values=None, created=NOW.isoformat())  # fmt: skip
        self._applied(plan, plan.digest, Outcome.REMOVED, 0)

    def _applied(self, plan: Plan, kept: Digest, outcome: Outcome, current: int | None) -> int:
        with self.database.transaction() as connection:
            number = self.history.begin(connection, plan, kept, "somebody", NOW.isoformat())
            ended: Any = {"current": number if current is None else current, "seconds": 1.0}
            self.history.finish(connection, Intent.of(plan, ""), number, outcome, **ended, error="")
        return number

    def rot(self, digest: Digest) -> None:
        path = self.blobs.path(digest)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)

    def retire(self, version: str) -> None:
        upkeep = self.appliance.upkeep
        upkeep.retire(upkeep.retirement("demo", version))

    def collect(self) -> int:
        upkeep = self.appliance.upkeep
        return upkeep.collect(upkeep.collection(), ignore).size


@pytest.fixture
def house(
    pack: Pack, contents: tuple[BlobStore, Contents], signing: Signing, tmp_path: Path
) -> Iterator[House]:
    blobs, what = contents
    noise = random.Random(7).randbytes(200 * 1024)
    moved = image(blobs, "champ.local/first:2", [noise])
    newer = replace(what, descriptors=(moved, *what.descriptors[1:]))
    sticks = pack("old").folder, pack("new", days=1, version="2", what=newer).folder
    commission(tmp_path / "zone", signing.root)
    house = House(tmp_path / "zone", sticks)
    with closing(house.database):
        house.take(*sticks)
        yield house


def test_nothing_goes_while_all_bundles_are_held(house: House) -> None:
    plan = house.appliance.upkeep.collection()
    assert not plan.has_changes
    assert sum(one.blobs for one in plan.staying) == len(list(house.blobs))
    assert plan.staying[0].why is Why.TAGGED


def test_a_retired_bundle_gives_its_room_back(house: House) -> None:
    old = house.image("champ.local/first:1")
    before, size = held(house.zone), sum(map(house.blobs.size, house.blobs))
    foreseen = house.appliance.upkeep.retirement("demo", "1")
    assert not foreseen.newest
    assert held(house.zone) == before
    house.retire("1")
    plan = house.appliance.upkeep.collection()
    assert {one.why for one in plan.going} == {Cause.RETIRED}
    assert (len(plan.going), plan.size) == (foreseen.blobs, foreseen.size)
    was = {one.digest: one.was for one in plan.going}
    assert was[old] == ("champ.local/first:1",)
    assert house.collect() == foreseen.size > 0
    assert sum(map(house.blobs.size, house.blobs)) == size - foreseen.size
    assert set(held(house.zone).refs) < set(before.refs)
    assert not house.appliance.upkeep.collection().has_changes


def test_what_a_release_runs_or_could_return_to_is_not_retired(house: House) -> None:
    old, new = house.image("champ.local/first:1"), house.image("champ.local/first:2")
    first = house.release([old])
    for number in (first, house.release([new])):
        with pytest.raises(BundleNeeded) as caught:
            house.appliance.upkeep.retirement("demo", "1")
        assert caught.value.fields["needed"] == f"default/app revision {first}", number
    house.release([new], Outcome.PUT_BACK)
    house.remove()
    house.retire("1")
    assert house.collect() > 0


def test_revisions_far_back_are_returned_to_no_more(house: House) -> None:
    old, new = house.image("champ.local/first:1"), house.image("champ.local/first:2")
    house.release([old])
    for _ in range(9):
        house.release([new])
    with pytest.raises(BundleNeeded):
        house.appliance.upkeep.retirement("demo", "1")
    house.release([new])
    assert house.appliance.upkeep.retirement("demo", "1").blobs > 0


def test_what_is_being_applied_is_not_retired(house: House) -> None:
    old = house.image("champ.local/first:1")
    house.release([old])
    plan = house.history.one("c", "default", "app", 1).plan
    house.remove()
    journal = Journal(house.database, lambda: NOW)
    with journal.transaction() as connection:
        operation = journal.begin(connection, "release.apply", "default/app", {"plan": str(plan)})
    with pytest.raises(BundleNeeded, match=r"release\.apply default/app"):
        house.appliance.upkeep.retirement("demo", "1")
    with journal.transaction() as connection:
        journal.end(connection, operation, "done")
    assert house.appliance.upkeep.retirement("demo", "1")


def test_a_revision_keeps_content_that_has_no_name(house: House) -> None:
    """Whatever took the names away: as long as somebody could return to it, bytes stay."""
    old = house.image("champ.local/first:1")
    house.release([old])
    with house.database.transaction() as connection:
        (bundle,) = [b for b in house.appliance._intake.bundles() if b.document.version == "1"]
        house.appliance._intake.retire(connection, bundle.digest, LATER.isoformat())
    plan = house.appliance.upkeep.collection()
    assert Why.REVISION in {one.why for one in plan.staying}
    assert old not in {one.digest for one in plan.going}


def test_what_a_run_reads_stays_until_it_ends(house: House) -> None:
    """Also where the run began after the collection was planned, and the bundle was retired."""
    upkeep, readings = house.appliance.upkeep, house.readings
    old = [one.digest for one in upkeep._reach.below([house.at("champ.local/first:1")])]
    house.retire("1")
    plan = upkeep.collection()
    with readings.begin(Reader.PUSH, lambda: NOW) as place:
        with house.database.transaction() as connection:
            place.hold(connection, old)
        again = upkeep.collection()
        run = UnderWay(NOW.isoformat(), Reader.PUSH)
        kept = sum(map(house.blobs.size, set(old) & {one.digest for one in plan.going}))
        [told] = [one for one in again.staying if one.why is Why.READ]
        assert (told.runs, told.size) == ((run,), kept)
        assert again.size == plan.size - kept
        collected = upkeep.collect(plan, ignore)
        assert set(collected.needed_again) == set(old) & {one.digest for one in plan.going}
        assert all(map(house.blobs.has, old))
    assert upkeep.collect(upkeep.collection(), ignore).size == kept
    assert not house.blobs.has(old[0])
    assert house.database.query("SELECT * FROM readings") == []


def test_a_run_that_reads_a_bundle_does_not_keep_it_from_being_retired(house: House) -> None:
    with house.readings.begin(Reader.EXPORT, lambda: NOW) as place:
        with house.database.transaction() as connection:
            place.hold(connection, list(house.blobs))
        house.retire("1")
        house.retire("2")
        assert house.collect() == 0
    assert house.collect() > 0
    assert list(house.blobs) == []


def test_an_export_goes_on_with_what_is_retired_and_collected_meanwhile(
    house: House, tmp_path: Path
) -> None:
    out, told = tmp_path / "out", list[tuple[Reader, int]]()
    out.mkdir()

    def meanwhile(event: Event) -> None:
        if isinstance(event, StepStarted) and not told:
            house.retire("1")
            for staying in house.appliance.upkeep.collection().staying:
                told.extend((run.reader, staying.size) for run in staying.runs)
            assert house.collect() == 0

    order = ExportOrder("core", Targets((out,)), (Wanted("demo", "1"),))
    (done,) = house.appliance.export(order, meanwhile)
    assert tree(done.folders[0]) == tree(house.sticks[0])
    [(reader, kept)] = told
    assert reader is Reader.EXPORT
    assert house.collect() == kept


def test_the_newest_is_told_apart(house: House) -> None:
    upkeep = house.appliance.upkeep
    assert upkeep.retirement("demo", "2").newest
    house.retire("2")
    foreseen = upkeep.retirement("demo", "1")
    assert foreseen.newest
    with pytest.raises(NewestBundle):
        upkeep.retire(replace(foreseen, newest=False))
    upkeep.retire(foreseen)
    house.collect()
    assert list(house.blobs) == []
    assert house.appliance.summary().bundles == ()


def test_an_import_keeps_a_collection_out(house: House) -> None:
    house.retire("1")
    upkeep = house.appliance.upkeep
    plan = upkeep.collection()
    with FileLock(house.appliance.paths.lock):
        with pytest.raises(Locked):
            upkeep.collect(plan, ignore)
    house.take(house.sticks[1])
    assert upkeep.collect(plan, ignore).size == plan.size
    with pytest.raises(CollectionElsewhere):
        upkeep.collect(replace(plan, zone="other"), ignore)


def test_damage_is_told_with_its_owners_and_the_import_mends_it(house: House) -> None:
    before = held(house.zone)
    whole = house.appliance.upkeep.check(ignore, Pace())
    assert (whole.damaged, whole.resumed, whole.blobs) == ((), False, len(before.blobs))
    image = house.image("champ.local/first:2")
    layer = next(
        one.digest
        for one in house.appliance.upkeep._reach.below([house.at("champ.local/first:2")])
        if one.size == 200 * 1024
    )
    for digest in (layer, image):
        house.rot(digest)
    found = house.appliance.upkeep.check(ignore, Pace())
    told = {one.digest: one for one in found.damaged}
    assert set(told) == {layer, image}
    assert told[image].names == ("champ.local/first:2",)
    assert (told[image].bundles, told[image].pushed) == (("demo 2",), False)
    assert house.appliance.upkeep.check(ignore, Pace()).damaged == found.damaged
    with pytest.raises(ManifestUnreadable):
        house.appliance.upkeep.collection()
    states = {one.check: one for one in house.appliance.doctor(None)}
    assert states["store"].state == "bad"
    assert states["last full check"].note == LATER.isoformat(timespec="seconds")
    house.take(house.sticks[1])
    assert held(house.zone) == before
    assert house.appliance.upkeep.check(ignore, Pace()).damaged == ()
    plan = house.appliance.upkeep.collection()
    assert {one.why for one in plan.going} == {Cause.DAMAGED}
    house.collect()
    assert not house.blobs.aside()


def test_what_a_superseded_bundle_brought_is_mended_by_it(house: House) -> None:
    before, image = held(house.zone), house.image("champ.local/first:1")
    house.rot(image)
    (found,) = house.appliance.upkeep.check(ignore, Pace()).damaged
    assert found.bundles == ("demo 1",)
    house.take(house.sticks[0])
    assert held(house.zone) == before


def test_a_blob_that_is_gone_is_told_too(house: House) -> None:
    shared = house.image("champ.local/first:1")
    house.blobs.remove(shared)
    (found,) = house.appliance.upkeep.check(ignore, Pace()).damaged
    assert (found.digest, found.bundles) == (shared, ("demo 1",))


def test_the_doctor_says_when_the_last_check_is_long_ago(
    house: House, pack: Callable[..., object]
) -> None:
    def state(days: int) -> str:
        house.appliance._clock = lambda: LATER + timedelta(days=days)
        found = [f for f in house.appliance.doctor(None) if f.check == "last full check"]
        error = found[0].error
        return error.id if error else f"{found[0].state} {found[0].note[:10]}"

    assert state(0) == "ok "
    assert state(91) == "doctor.never-checked"
    house.appliance.upkeep.check(ignore, Pace())
    assert state(100) == f"ok {(LATER + timedelta(days=91)).date()}"
    assert state(200) == "doctor.check-overdue"


def test_a_push_that_was_given_up_goes_after_an_hour(house: House) -> None:
    """No registry runs. What somebody writes to is left alone."""
    uploads = Uploads(house.database, house.zone / "uploads")
    first = _half_pushed(uploads)
    _half_pushed(uploads)
    assert house.appliance.upkeep.collection().staying[-1] == Staying(Why.UPLOAD, 2, 8)
    upkeep = Appliance(house.zone, lambda: LATER + timedelta(hours=2)).upkeep
    at_work = uploads.receive(first)
    assert at_work is not None
    with at_work:
        plan = upkeep.collection()
        assert plan.causes == ((Cause.UPLOAD, 1, 4),)
        assert plan.staying[-1] == Staying(Why.UPLOAD, 1, 4)
        done = upkeep.collect(plan, ignore)
    assert (done.blobs, done.size) == (1, 4)
    assert uploads.count() == 1
    assert upkeep.collect(upkeep.collection(), ignore).size == 4
    assert list((house.zone / "uploads").iterdir()) == []


def _half_pushed(uploads: Uploads) -> Upload:
    upload = uploads.begin("team/app", "ci", "sha256", LATER.isoformat(), (9, 9))
    assert upload is not None
    reception = uploads.receive(upload)
    assert reception is not None
    with reception:
        reception.write(b"half")
    return upload


def test_what_a_team_pushed_and_deleted_gives_its_room_back(house: House) -> None:
    """A layer without an image: kept for a day, then gone, and its repository with it."""
    layer = Descriptor("application/octet-stream", house.blobs.add(b"left over"), 9)
    links = Links(house.database)
    with house.database.transaction() as connection:
        links.put(connection, Link("team/app", Kind.BLOB, layer, LATER.isoformat(), "ci"))
    for hours, going in ((23, 0), (25, 1)):
        upkeep = Appliance(house.zone, lambda: LATER + timedelta(hours=hours)).upkeep  # noqa: B023
        plan = upkeep.collection()
        assert len(plan.going) == going
    assert plan.causes == ((Cause.UNUSED, 1, 9),)
    assert upkeep.collect(plan, ignore).unlinked == 1
    assert not house.blobs.has(layer.digest)
    assert links.names() == []
