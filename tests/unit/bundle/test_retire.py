"""Bundles that are wanted no more: their names go, what others brought stays, and back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.bundle.errors import BlobGone
from champ_offline.bundle.held import KnownBundle
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.retire import (
    BundleNeeded,
    BundleUnknown,
    choose,
    is_newest,
    refuse_needed,
)
from champ_offline.bundle.verify import verify
from champ_offline.events import Event, StepStarted, ignore
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Links
from champ_offline.store.needs import Needs
from champ_offline.store.reach import Reach
from champ_offline.trust.errors import Replayed
from tests.unit.bundle.conftest import NOW, Pack, Zone, image

LATER = "2026-04-01T00:00:00+00:00"
Newer = Callable[..., Path]


@pytest.fixture
def newer(pack: Pack, contents: tuple[BlobStore, Contents]) -> Newer:
    """A bundle with the second image as before and another one in the place of the first."""
    blobs, what = contents

    def make(out: str = "newer", days: int = 1, tag: str = "1", **settings: str) -> Path:
        moved = image(blobs, f"champ.local/first:{tag}", [out.encode() * 100])
        changed = replace(what, descriptors=(moved, *what.descriptors[1:]))
        return pack(out, days=days, version=f"{days + 1}", what=changed).folder

    return make


def retire(zone: Zone, version: str) -> None:
    (bundle,) = [b for b in zone.intake.bundles() if b.document.version == version]
    needed(zone)  # all tables are there
    with zone.database.transaction() as connection:
        zone.intake.retire(connection, bundle.digest, LATER)
        zone.refs.drop_referrers(connection, needed(zone))


def needed(zone: Zone) -> set[Digest]:
    return set(Needs(zone.refs, Links(zone.database), Reach(zone.blobs)).of())


def names(zone: Zone) -> list[str]:
    return [f"{ref.name}:{ref.tag} {ref.descriptor.digest.short}" for ref in zone.refs.all()]


def test_what_the_newer_bundle_has_too_stays(pack: Pack, newer: Newer, zone: Zone) -> None:
    zone.take(pack().folder)
    first = needed(zone)
    zone.take(newer(tag="2"))
    both, tags = needed(zone), names(zone)
    retire(zone, "1")
    left = needed(zone)
    assert left < both
    assert (first - left) == both - left != set()
    gone = {tag for tag in tags if tag not in names(zone)}
    assert [tag.split()[0] for tag in gone] == ["champ.local/first:1"]
    assert [b.document.version for b in zone.intake.bundles()] == ["2"]
    assert [b.retired for b in zone.intake.ever()] == [LATER, ""]


def test_a_tag_leads_to_the_bundle_before_when_the_newest_goes(
    pack: Pack, newer: Newer, zone: Zone
) -> None:
    zone.take(pack().folder)
    before, reached = names(zone), needed(zone)
    zone.take(newer())
    assert names(zone) != before
    retire(zone, "2")
    assert (names(zone), needed(zone)) == (before, reached)


def test_a_superseded_bundle_that_is_retired_takes_no_tag_back(
    pack: Pack, newer: Newer, zone: Zone
) -> None:
    zone.take(pack().folder)
    zone.take(newer())
    tags = names(zone)
    retire(zone, "1")
    assert names(zone) == tags


def test_names_without_any_bundle_are_free_to_be_pushed_to(pack: Pack, zone: Zone) -> None:
    zone.take(pack().folder)
    name = zone.refs.names()[0]
    assert zone.refs.owned(name)
    retire(zone, "1")
    assert not zone.refs.owned(name)
    assert (names(zone), needed(zone), zone.refs.all_referrers()) == ([], set(), [])


def test_the_newest_can_be_imported_again(pack: Pack, zone: Zone) -> None:
    stick = pack().folder
    zone.take(stick)
    before, reached = names(zone), needed(zone)
    retire(zone, "1")
    again = zone.take(stick)
    assert (again.changed, again.new_blobs) == (True, 0)  # nothing was collected in between
    assert (names(zone), needed(zone)) == (before, reached)
    retire(zone, "1")
    for digest in list(zone.blobs):
        zone.blobs.remove(digest)
    assert zone.take(stick).new_blobs > 0
    assert (names(zone), needed(zone)) == (before, reached)
    assert not zone.take(stick).changed
    assert [b.retired for b in zone.intake.ever()] == [""]


def test_an_older_one_that_was_retired_stays_away(pack: Pack, newer: Newer, zone: Zone) -> None:
    stick = pack().folder
    zone.take(stick)
    zone.take(newer())
    retire(zone, "1")
    for digest in set(zone.blobs) - needed(zone):
        zone.blobs.remove(digest)
    before = zone.content()
    with pytest.raises(Replayed):
        zone.take(stick)
    assert zone.content() == before


def test_what_two_bundles_brought_goes_with_the_second(
    pack: Pack, newer: Newer, zone: Zone
) -> None:
    zone.take(pack(days=-1, version="0").folder)
    zone.take(newer(days=0))
    zone.take(newer("newest", 1))
    kept = next(ref for ref in zone.refs.all() if "first" not in ref.name)
    for bundle in zone.intake.bundles()[:2]:
        retire(zone, bundle.document.version)
        assert kept.descriptor.digest in needed(zone)
    retire(zone, "2")
    assert needed(zone) == set()


def test_a_blob_set_aside_under_an_import_is_not_named(
    pack: Pack, newer: Newer, zone: Zone
) -> None:
    """What the zone had when the import began is looked at again at its end."""
    zone.take(pack().folder)
    shared = next(ref for ref in zone.refs.all() if "first" not in ref.name).descriptor.digest
    verified, before = verify([newer()], zone.trust.root(), NOW, "core"), names(zone)

    def set_aside(event: Event) -> None:
        if isinstance(event, StepStarted) and event.name == "commit":
            with zone.database.hold():
                assert zone.blobs.set_aside(shared, zone.blobs.stamp(shared))

    with pytest.raises(BlobGone):
        zone.intake.take(verified, NOW.isoformat(), set_aside)
    assert names(zone) == before
    assert zone.intake.take(verified, NOW.isoformat(), ignore).changed
    assert zone.blobs.has(shared)


def test_choosing_and_refusing(pack: Pack, newer: Newer, zone: Zone) -> None:
    zone.take(pack().folder)
    zone.take(newer())
    bundles: list[KnownBundle] = zone.intake.bundles()
    one, two = (choose(bundles, "demo", version) for version in ("1", "2"))
    assert (is_newest(bundles, one), is_newest(bundles, two)) == (False, True)
    with pytest.raises(BundleUnknown, match="demo 9"):
        choose(bundles, "demo", "9")
    lost, other = Digest.of(b"lost"), Digest.of(b"other")
    refuse_needed(one, {lost: "champ.local/first:1"}, {other: "default/app revision 1"})
    needing = {lost: "default/app revision 1", other: "default/app revision 2"}
    with pytest.raises(BundleNeeded) as caught:
        refuse_needed(one, {lost: "champ.local/first:1"}, needing)
    assert caught.value.fields["needed"] == "default/app revision 1"
