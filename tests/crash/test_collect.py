"""Killed before every durable step of collections, retirements and checks: what stays is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.retire import BundleUnknown
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from champ_offline.store.scrub import Pace
from champ_offline.upkeep.verbs import Upkeep
from tests.crash import kills
from tests.crash.counts import check_count
from tests.crash.test_push import NOW as PUSHED
from tests.crash.test_push import deletes, images, served
from tests.crash.zones import Held, commission, held, take
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, image, pack, signing

__all__ = ["contents", "pack", "signing"]
LATER = NOW + timedelta(days=2)
Act = Callable[[Upkeep], object]


@pytest.fixture
def template(
    pack: Pack, contents: tuple[BlobStore, Contents], signing: Signing, tmp_path: Path
) -> Path:
    """Two bundles, images that were pushed, and what a killed writer and a check left."""
    zone = tmp_path / "template"
    commission(zone, signing.root)
    blobs, what = contents
    moved = image(blobs, "champ.local/first:2", [b"another layer" * 900])
    newer = replace(what, descriptors=(moved, *what.descriptors[1:]))
    for stick in (pack("old"), pack("new", days=1, version="2", what=newer)):
        take(zone, [stick.folder], LATER)
    served(zone, images)
    store = BlobStore(zone / "store")
    for stray in (b"stray one", b"stray two"):
        store.add(stray)
    rotten = store.add(b"rotten")
    assert store.set_aside(rotten, store.stamp(rotten))
    (zone / "store/sha256/.partial-1-x").write_bytes(b"half")
    return zone


def within(zone: Path, act: Act, now: datetime = LATER) -> None:
    appliance = Appliance(zone, lambda: now)
    with closing(appliance._database):
        act(appliance.upkeep)


def retire(upkeep: Upkeep) -> None:
    try:
        upkeep.retire(upkeep.retirement("demo", "1"))
    except BundleUnknown:
        return  # the run that was killed had done it


def collect(upkeep: Upkeep) -> None:
    upkeep.collect(upkeep.collection(), ignore)


def both(upkeep: Upkeep) -> None:
    retire(upkeep)
    collect(upkeep)


def pushed(zone: Path) -> list[str]:
    """All that was pushed, each found whole."""
    with closing(Database(zone / "champ.db")) as database:
        content = Content(database, BlobStore(zone / "store"))
        found = content.of("team/app")
        for descriptor in (*found.blobs.values(), *found.manifests.values()):
            assert len(content.blobs.read(descriptor.digest)) == descriptor.size
        return sorted(map(str, (*found.tags, *found.blobs, *found.manifests)))


def known(found: Held) -> tuple[tuple[str, ...], ...]:
    return found.refs, found.referrers, found.bundles, found.papers


def kill_everywhere(template: Path, folder: Path, act: Act) -> int:
    """Kill before every step and let each zone go on; returns how many kills there were."""
    before, pushes = held(template), pushed(template)
    whole = Path(shutil.copytree(template, folder / "whole"))
    steps = kills.run(lambda: within(whole, act)).steps
    after = held(whole)
    assert after.blobs < before.blobs
    for last in range(1, steps + 1):
        zone = Path(shutil.copytree(template, folder / "zone"))
        assert kills.run(lambda: within(zone, act), last).killed  # noqa: B023
        found = held(zone)
        assert after.blobs <= found.blobs <= before.blobs, last
        assert known(found) in {known(before), known(after)}, last
        assert pushed(zone) == pushes
        within(zone, act)
        assert (held(zone), pushed(zone)) == (after, pushes), last
        assert not list((zone / "store" / "damaged").iterdir())
        assert not list(zone.rglob(".partial-*"))
        shutil.rmtree(zone)
    return steps


def test_what_was_retired_is_collected(template: Path, tmp_path: Path) -> None:
    within(template, retire)
    check_count("collect: what was retired", kill_everywhere(template, tmp_path, collect))


def test_a_bundle_is_retired_and_collected(template: Path, tmp_path: Path) -> None:
    check_count("collect: retired and collected", kill_everywhere(template, tmp_path, both))


def test_what_no_image_uses_is_collected(template: Path, tmp_path: Path) -> None:
    """Two days later: layers of a deleted image, and a push that was given up."""
    served(template, deletes)
    later = PUSHED + timedelta(days=2)
    before = pushed(template)
    whole = Path(shutil.copytree(template, tmp_path / "whole"))
    steps = kills.run(lambda: within(whole, collect, later)).steps
    after, left = held(whole), pushed(whole)
    assert set(left) < set(before)
    assert list((template / "uploads").iterdir())
    assert not list((whole / "uploads").iterdir())
    for last in range(1, steps + 1):
        zone = Path(shutil.copytree(template, tmp_path / "zone"))
        assert kills.run(lambda: within(zone, collect, later), last).killed  # noqa: B023
        assert set(left) <= set(pushed(zone)) <= set(before), last
        within(zone, collect, later)
        assert (held(zone), pushed(zone)) == (after, left), last
        assert not list((zone / "uploads").iterdir())
        shutil.rmtree(zone)
    check_count("collect: what no image uses", steps)


def test_rotten_blobs_are_set_aside(template: Path, tmp_path: Path) -> None:
    """Whenever it is killed: what is served is right, and the next check has found it all."""
    store = BlobStore(template / "store")
    rotten = sorted(store, key=str)[::4]
    for digest in rotten:
        path = store.path(digest)
        data = bytearray(path.read_bytes())
        data[0] ^= 1
        path.chmod(0o644)
        path.write_bytes(data)

    def check(upkeep: Upkeep) -> None:
        upkeep.check(ignore, Pace())

    whole = Path(shutil.copytree(template, tmp_path / "whole"))
    steps = kills.run(lambda: within(whole, check)).steps
    left = set(BlobStore(whole / "store"))
    assert left == set(store) - set(rotten)
    for last in range(1, steps + 1):
        zone = Path(shutil.copytree(template, tmp_path / "zone"))
        assert kills.run(lambda: within(zone, check), last).killed  # noqa: B023
        found = BlobStore(zone / "store")
        assert left <= set(found) <= set(store), last
        assert set(found) | set(found.aside()) >= set(store), last
        within(zone, check)
        assert set(found) == left
        assert set(found.aside()) >= set(rotten)
        shutil.rmtree(zone)
    check_count("check: rotten blobs", steps)
