"""What stays and what goes, as a value; and carrying it out looks again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.events import Event, Progress, ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode, image_index, image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.collect import (
    Cause,
    CollectionPlan,
    Going,
    Present,
    Staying,
    Unused,
    plan_collection,
)
from champ_offline.store.links import Kind, Link, Links
from champ_offline.store.needs import Needs, Root, Why
from champ_offline.store.reach import ManifestUnreadable, Reach
from champ_offline.store.readings import Reader, Reading, UnderWay
from champ_offline.store.refs import Ref, Referrer, Refs
from champ_offline.store.sweep import Collected, Sweep
from champ_offline.store.verified import Verified

NOW = "2026-05-01T00:00:00+00:00"
LATER = "2026-05-02T00:00:01+00:00"
ONE, TWO, THREE = (Digest.of(text) for text in (b"1", b"2", b"3"))


def test_runs_under_way_are_told_where_they_keep_something() -> None:
    push, export, idle = (
        Reading(UnderWay(since, reader), frozenset(content))
        for since, reader, content in (
            (LATER, Reader.PUSH, {ONE, TWO}),
            (NOW, Reader.EXPORT, {TWO}),
            (NOW, Reader.EXPORT, {ONE, THREE}),
        )
    )
    needed = {ONE: Why.TAGGED, TWO: Why.READ, THREE: Why.READ}
    plan = plan_collection(
        "core", Present(blobs={ONE: 10, TWO: 20}, aside={}), needed, {}, (), (push, export, idle)
    )
    assert plan.going == ()
    assert plan.staying == (
        Staying(Why.TAGGED, 1, 10),
        Staying(Why.READ, 1, 20, (export.run, push.run)),
    )


def test_a_plan_is_made_of_values_alone() -> None:
    present = Present(
        blobs={ONE: 10, TWO: 20, THREE: 30},
        aside={ONE: 7},
        partials=(2, 5),
        waiting=(1, 99),
    )
    plan = plan_collection("core", present, {ONE: Why.TAGGED}, {TWO: ["b:1", "a:1"]})
    assert plan.staying == (Staying(Why.TAGGED, 1, 10), Staying(Why.WAITING, 1, 99))
    assert {
        one.digest: (one.why, one.was) for one in plan.going if one.why is not Cause.DAMAGED
    } == {
        TWO: (Cause.RETIRED, ("a:1", "b:1")),
        THREE: (Cause.UNNAMED, ()),
    }
    assert plan.going[0] == Going(ONE, 7, Cause.DAMAGED)
    assert plan.size == 20 + 30 + 7 + 5
    assert (Cause.PARTIAL, 2, 5) in plan.causes
    assert (
        plan.digest
        == plan_collection("core", present, {ONE: Why.TAGGED}, {TWO: ["b:1", "a:1"]}).digest
    )
    assert plan.digest != plan_collection("core", present, {TWO: Why.TAGGED}, {}).digest


def test_nothing_unneeded_is_a_plan_without_changes() -> None:
    plan = plan_collection("core", Present({ONE: 10}, {}), {ONE: Why.PUSHED}, {})
    assert (plan.has_changes, plan.size, plan.causes) == (False, 0, ())


class Zone:
    """A store with an image in an index, a signature, a pushed image, and what nothing needs."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.create(folder / "champ.db")
        self.blobs = BlobStore(folder / "store")
        self.refs, self.links = Refs(self.database), Links(self.database)
        self.needs = Needs(self.refs, self.links, Reach(self.blobs))
        self.layer = self.put(media_types.LAYER_TAR, b"layer")
        self.image = self.image_of(self.layer)
        self.index = self.put(media_types.IMAGE_INDEX, image_index([self.image]))
        self.signature = self.referring(self.image)
        self.own = self.put(media_types.LAYER_TAR, b"pushed")
        self.pushed = self.image_of(self.own)
        self.stray = self.put(media_types.LAYER_TAR, b"stray")

    def put(self, media_type: str, data: bytes) -> Descriptor:
        return Descriptor(media_type, self.blobs.add(data), len(data))

    def image_of(self, layer: Descriptor) -> Descriptor:
        config = self.put(media_types.IMAGE_CONFIG, b"{}")
        return self.put(media_types.IMAGE_MANIFEST, image_manifest(config, [layer]))

    def referring(self, subject: Descriptor, text: bytes = b"note") -> Descriptor:
        note = self.put("application/x-note", text)
        document = json.loads(image_manifest(note, [note], artifact_type="application/x-note"))
        document["subject"] = subject.to_document()
        return self.put(media_types.IMAGE_MANIFEST, encode(document))

    def name(self, name: str, descriptor: Descriptor, bundle: str = "b1") -> None:
        with self.database.transaction() as connection:
            self.refs.put(connection, [Ref(name, "1", descriptor, bundle)])

    def refer(self, subject: Descriptor, descriptor: Descriptor, bundle: str = "b1") -> None:
        with self.database.transaction() as connection:
            found = Referrer(subject.digest, descriptor, bundle)
            self.refs.put_referrers(connection, [found])

    def push(self, kind: Kind, descriptor: Descriptor) -> None:
        with self.database.transaction() as connection:
            self.links.put(connection, Link("team/app", kind, descriptor, NOW, "ci"))

    def unpush(self, kind: Kind, descriptor: Descriptor) -> None:
        with self.database.transaction() as connection:
            assert self.links.remove(connection, "team/app", kind, descriptor.digest)

    def plan(self, *roots: Root, before: str = "") -> CollectionPlan:
        sizes = {digest: self.blobs.size(digest) for digest in self.blobs}
        present = Present(sizes, self.blobs.aside(), self.blobs.partials())
        unused = [Unused(link.name, link.descriptor.digest) for link in self.needs.unused(before)]
        return plan_collection("core", present, self.needs.of(roots, before), {}, unused)

    def sweep(
        self, plan: CollectionPlan, notify: Callable[[Event], None] = ignore, before: str = ""
    ) -> Collected:
        needed, unused = partial(self.needs.of, (), before), partial(self.needs.unused, before)
        return Sweep(self.database, self.blobs, needed, notify, unused).run(plan)


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Zone]:
    zone = Zone(tmp_path)
    with closing(zone.database):
        yield zone


@pytest.fixture
def full(zone: Zone) -> Zone:
    """With names for everything but what is stray."""
    zone.name("champ.local/app", zone.index)
    zone.refer(zone.image, zone.signature)
    zone.push(Kind.BLOB, zone.own)
    zone.push(Kind.MANIFEST, zone.pushed)
    return zone


def test_everything_reachable_stays_and_only_the_rest_goes(full: Zone) -> None:
    needed = full.needs.of()
    assert needed[full.index.digest] is Why.TAGGED
    assert needed[full.layer.digest] is Why.TAGGED
    assert needed[full.signature.digest] is Why.REFERRING
    assert needed[full.own.digest] is Why.PUSHED
    plan = full.plan()
    assert [one.digest for one in plan.going] == [full.stray.digest]
    before = set(full.blobs)
    assert full.sweep(plan) == Collected("core", 1, 5, ())
    assert before - set(full.blobs) == {full.stray.digest}


def test_what_refers_to_a_referrer_stays_too(full: Zone) -> None:
    about = full.referring(full.signature, b"about a note")
    lonely = full.referring(full.stray, b"about what goes")
    full.refer(full.signature, about)
    full.refer(full.stray, lonely)
    needed = full.needs.of()
    assert needed[about.digest] is Why.REFERRING
    assert lonely.digest not in needed


def test_a_superseded_manifest_stays_until_its_bundle_is_retired(full: Zone) -> None:
    newer = full.image_of(full.put(media_types.LAYER_TAR, b"newer"))
    full.name("champ.local/app", newer, "b2")
    assert full.needs.of()[full.image.digest] is Why.HELD
    with full.database.transaction() as connection:
        full.refs.brought.retire(connection, "b1")
        full.refs.drop_referrers(connection, full.needs.of())
    going = {one.digest for one in full.plan().going}
    assert {full.index.digest, full.image.digest, full.layer.digest, full.signature.digest} <= going
    assert newer.digest not in going


@pytest.mark.parametrize("why", [Why.REVISION, Why.OPERATION])
def test_a_root_keeps_all_that_is_below_it(zone: Zone, why: Why) -> None:
    root = Root(why, zone.image.digest, "default/app revision 1")
    needed = zone.needs.of([root])
    assert needed[zone.image.digest] is needed[zone.layer.digest] is why
    assert zone.index.digest not in needed


def test_what_cannot_be_followed_keeps_everything(full: Zone) -> None:
    """A manifest of a bundle that is damaged might lead to anything."""
    plan = full.plan()
    path = full.blobs.path(full.image.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(full.layer.digest.hex.encode(), b"0" * 64))
    fresh = Needs(full.refs, full.links, Reach(full.blobs))
    with pytest.raises(ManifestUnreadable, match=str(full.image.digest)):
        fresh.of()
    before = set(full.blobs)
    with pytest.raises(ManifestUnreadable):
        Sweep(full.database, full.blobs, fresh.of, ignore).run(plan)
    assert set(full.blobs) == before


def test_a_pushed_manifest_that_is_damaged_keeps_nobody_from_telling(full: Zone) -> None:
    full.blobs.remove(full.pushed.digest)
    assert full.needs.of()[full.own.digest] is Why.PUSHED


def test_what_came_to_be_needed_meanwhile_stays(full: Zone) -> None:
    plan = full.plan()
    full.push(Kind.BLOB, full.stray)
    assert full.sweep(plan) == Collected("core", 0, 0, (full.stray.digest,))
    assert full.blobs.has(full.stray.digest)


def test_a_push_in_the_middle_is_seen(full: Zone) -> None:
    """Another connection links a blob after the first batch went."""
    more = [full.put(media_types.LAYER_TAR, f"more {n}".encode()) for n in range(200)]
    plan = full.plan()
    late = full.blobs.path(plan.going[-1].digest)
    told: list[int] = []

    def push(event: Event) -> None:
        if isinstance(event, Progress) and not told:
            told.append(event.done)
            last = next(m for m in [*more, full.stray] if m.digest.hex == late.name)
            thread = threading.Thread(target=full.push, args=(Kind.BLOB, last))
            thread.start()
            thread.join()

    done = full.sweep(plan, push)
    assert (done.blobs, done.needed_again) == (200, (plan.going[-1].digest,))
    assert late.is_file()


def test_nobody_is_promised_a_blob_while_it_goes(full: Zone) -> None:
    """Whoever would link it waits until it is gone, and sees that."""
    seen: list[bool] = []

    def link() -> None:
        with full.database.transaction():
            seen.append(full.blobs.has(full.stray.digest))

    def look() -> dict[Digest, Why]:
        threads.append(threading.Thread(target=link))
        threads[0].start()
        return full.needs.of()

    threads: list[threading.Thread] = []
    Sweep(full.database, full.blobs, look, ignore).run(full.plan())
    threads[0].join()
    assert seen == [False]


def test_layers_of_a_deleted_image_go_with_their_links(full: Zone) -> None:
    full.unpush(Kind.MANIFEST, full.pushed)
    assert full.own.digest not in {one.digest for one in full.plan(before=NOW).going}
    plan = full.plan(before=LATER)
    assert plan.unused == (Unused("team/app", full.own.digest),)
    assert plan.was(Cause.UNUSED) == ["team/app"]
    assert (Cause.UNUSED, 1, full.own.size) in plan.causes
    done = full.sweep(plan, before=LATER)
    assert (done.unlinked, done.needed_again) == (1, ())
    assert not full.blobs.has(full.own.digest)
    assert full.links.names() == []
    assert not full.plan(before=LATER).has_changes


def test_layers_of_an_image_that_is_there_stay(full: Zone) -> None:
    assert full.plan(before=LATER).unused == ()
    full.blobs.remove(full.pushed.digest)
    fresh = Needs(full.refs, full.links, Reach(full.blobs))
    assert fresh.unused(LATER) == []  # who knows what it led to


def test_an_image_that_is_pushed_meanwhile_keeps_its_layers(full: Zone) -> None:
    full.unpush(Kind.MANIFEST, full.pushed)
    plan = full.plan(before=LATER)
    full.push(Kind.MANIFEST, full.pushed)
    done = full.sweep(plan, before=LATER)
    assert (done.unlinked, set(done.needed_again)) == (0, {full.own.digest, full.pushed.digest})
    assert full.blobs.has(full.own.digest)
    assert full.links.one("team/app", Kind.BLOB, full.own.digest)


def test_a_layer_that_was_mounted_elsewhere_meanwhile_keeps_its_bytes(full: Zone) -> None:
    full.unpush(Kind.MANIFEST, full.pushed)
    plan = full.plan(before=LATER)
    with full.database.transaction() as connection:
        full.links.put(connection, Link("team/other", Kind.BLOB, full.own, LATER, "ci"))
    done = full.sweep(plan, before=LATER)
    assert (done.unlinked, done.needed_again) == (1, (full.own.digest,))
    assert full.links.names() == ["team/other"]
    assert full.blobs.has(full.own.digest)


def test_a_link_goes_though_its_bytes_are_needed(full: Zone) -> None:
    full.push(Kind.BLOB, full.layer)
    plan = full.plan(before=LATER)
    assert (plan.unused, plan.was(Cause.UNUSED)) == (
        (Unused("team/app", full.layer.digest),),
        ["team/app"],
    )
    assert full.sweep(plan, before=LATER).unlinked == 1
    assert full.blobs.has(full.layer.digest)
    assert full.links.one("team/app", Kind.BLOB, full.layer.digest) is None


def test_damaged_and_half_written_files_go_and_records_with_them(full: Zone) -> None:
    verified = Verified(full.database)
    with full.database.transaction() as connection:
        stamps = {d: full.blobs.stamp(d) for d in (full.stray.digest, full.layer.digest)}
        verified.put(connection, stamps, NOW)
    other = full.put(media_types.LAYER_TAR, b"rotten")
    assert full.blobs.set_aside(other.digest, full.blobs.stamp(other.digest))
    (full.blobs.root / "sha256" / ".partial-1-x").write_bytes(b"half")
    plan = full.plan()
    assert {why for why, _, _ in plan.causes} == {Cause.UNNAMED, Cause.DAMAGED, Cause.PARTIAL}
    assert full.sweep(plan).blobs == 3
    assert not full.blobs.aside()
    assert full.blobs.partials() == (0, 0)
    assert set(verified) == {full.layer.digest}
    assert not full.plan().has_changes
