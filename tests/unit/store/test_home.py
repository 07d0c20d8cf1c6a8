"""Which store is a zone's: its mark and its database name the same one, whatever was restored."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.home import home, settle
from champ_offline.store.mark import MARK, Mark, StoreForeign, StoreGone

MADE_BEFORE = b"the blobs of a zone\n"


@contextmanager
def opened(zone: Path, name: str = "core") -> Iterator[BlobStore]:
    """The zone's store, as every verb has it."""
    zone.mkdir(exist_ok=True)
    with closing(Database.create(zone / "champ.db")) as database:
        blobs = home(database, zone / "store")
        settle(database, blobs, name)
        yield blobs


def mark(zone: Path) -> Mark:
    found = Mark.of(zone / "store")
    assert found is not None
    return found


def put(zone: Path, data: bytes = b"content", name: str = "core") -> Digest:
    with opened(zone, name) as blobs:
        return blobs.add(data)


def readable(zone: Path, digest: Digest, name: str = "core") -> bool:
    with opened(zone, name) as blobs:
        return blobs.read(digest) == b"content"


def make_older(zone: Path) -> None:
    """As a zone that was made before stores had an identity."""
    path = zone / "store" / MARK
    path.chmod(0o644)
    path.write_bytes(MADE_BEFORE)
    with closing(Database(zone / "champ.db")) as database, database.transaction() as connection:
        connection.execute("ALTER TABLE store DROP COLUMN identity")
        connection.execute("UPDATE schema_version SET version = 1 WHERE component = 'store'")


def swap(one: Path, other: Path) -> None:
    (one / "store").rename(one / "away")
    (other / "store").rename(one / "store")
    (one / "away").rename(other / "store")


def test_every_store_has_an_identity_of_its_own(tmp_path: Path) -> None:
    zones = [tmp_path / "one", tmp_path / "two"]
    for zone in zones:
        put(zone)
    first, second = map(mark, zones)
    assert (first.zone, second.zone) == ("core", "core")
    assert first.identity != second.identity
    assert (zones[0] / "store" / MARK).stat().st_mode & 0o777 == 0o444
    put(zones[0], b"more")
    assert mark(zones[0]) == first


def test_a_swapped_store_is_refused_in_every_act_and_left_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    held = [put(one), put(two, name="edge")]
    source = BlobStore(tmp_path / "source")
    taken = source.add(b"content of a push")
    with opened(one) as blobs:
        found = blobs.stamp(held[0])
        swap(one, two)
        before = sorted(tmp_path.rglob("*"))
        acts: list[Callable[[], object]] = [
            blobs.require,
            blobs.require_open,
            lambda: blobs.add(b"other"),
            lambda: blobs.take(source.path(taken), taken),
            lambda: blobs.adopt(source, [taken]),
            lambda: blobs.read(held[0]),
            lambda: blobs.examine(held[0]),
            lambda: blobs.set_aside(held[0], found),
            lambda: blobs.remove(held[0]),
            lambda: blobs.forget_aside(held[0]),
            blobs.remove_partials,
            lambda: list(blobs),
        ]
        for act in acts:
            with pytest.raises(StoreForeign) as foreign:
                act()
            assert "edge" in str(foreign.value)
        assert sorted(tmp_path.rglob("*")) == before
        swap(one, two)
        assert blobs.read(held[0]) == b"content"


def test_a_zone_made_before_gets_its_identity_when_it_is_opened(tmp_path: Path) -> None:
    zone = tmp_path / "zone"
    digest = put(zone)
    make_older(zone)
    assert mark(zone) == Mark()
    assert readable(zone, digest)
    given = mark(zone)
    assert given.zone == "core"
    assert given.identity
    assert readable(zone, digest)
    assert mark(zone) == given


def test_backups_of_the_store_the_database_or_both_are_this_zones(tmp_path: Path) -> None:
    zone, older = tmp_path / "zone", tmp_path / "older"
    digest = put(zone)
    make_older(zone)
    shutil.copytree(zone, older)
    put(zone, b"newer")
    given = mark(zone)
    both = shutil.copytree(older, tmp_path / "both")
    assert readable(both, digest)
    assert mark(both).identity
    database = shutil.copytree(zone, tmp_path / "database")
    for path in database.glob("champ.db*"):
        path.unlink()
    shutil.copy(older / "champ.db", database)
    assert readable(database, digest)
    assert mark(database) == given
    store = shutil.copytree(zone, tmp_path / "store-only")
    shutil.rmtree(store / "store")
    shutil.copytree(older / "store", store / "store")
    assert readable(store, digest)


def test_a_zone_without_an_identity_takes_no_other_zones_store(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    held = [put(one), put(two, name="edge")]
    make_older(one)
    swap(one, two)
    before = mark(one)
    with pytest.raises(StoreForeign), opened(one):
        pass
    assert mark(one) == before
    swap(one, two)
    assert readable(one, held[0])
    assert readable(two, held[1], "edge")


@pytest.mark.parametrize("older", [False, True])
def test_a_store_that_is_away_is_not_made(tmp_path: Path, older: bool) -> None:
    zone = tmp_path / "zone"
    digest = put(zone)
    if older:
        make_older(zone)
    away = (zone / "store").rename(tmp_path / "away")
    (zone / "store").mkdir()
    with opened(zone) as blobs, pytest.raises(StoreGone) as gone:
        blobs.require()
    assert gone.value.id == "store.gone"
    assert list((zone / "store").iterdir()) == []
    (zone / "store").rmdir()
    away.rename(zone / "store")
    assert readable(zone, digest)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_only_a_file_is_a_mark(tmp_path: Path, kind: str) -> None:
    zone = tmp_path / "zone"
    put(zone)
    path = zone / "store" / MARK
    kept = path.rename(tmp_path / "kept")
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(kept)
    with opened(zone) as blobs, pytest.raises(StoreGone) as gone:
        blobs.require()
    assert gone.value.id == "store.gone"


def test_a_disk_that_takes_no_mark_leaves_the_zone_as_it_was(tmp_path: Path) -> None:
    zone = tmp_path / "zone"
    digest = put(zone)
    make_older(zone)
    folder = zone / "store" / "sha256"
    kept = folder.rename(tmp_path / "kept")
    folder.write_bytes(b"")  # no folder can be made here
    with opened(zone) as blobs:
        blobs.require()
    assert mark(zone) == Mark()
    folder.unlink()
    kept.rename(folder)
    assert readable(zone, digest)
    assert mark(zone).identity


def test_many_who_open_an_older_zone_at_once_give_it_one_identity(tmp_path: Path) -> None:
    zone = tmp_path / "zone"
    digest = put(zone)
    make_older(zone)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: readable(zone, digest), range(16)))
    assert found == [True] * 16


@pytest.mark.parametrize(
    "data",
    [
        MADE_BEFORE,
        b"",
        b"\0" * 4096,
        b"\xff\xfe",
        MADE_BEFORE + b"zone: core\nidentity: 12\n",
        MADE_BEFORE + b"zone: a b\nidentity: " + b"0" * 32 + b"\n",
        MADE_BEFORE + b"zone: core\nidentity: " + b"0" * 32 + b"\nmore\n",
    ],
)
def test_what_is_no_identity_says_nothing(data: bytes) -> None:
    assert Mark.from_bytes(data) == Mark()


def test_a_mark_says_what_it_was_given() -> None:
    given = Mark.made_for("core-business.2")
    assert Mark.from_bytes(given.to_bytes()) == given
