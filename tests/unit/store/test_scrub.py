"""Every blob is read again; what rotted is set aside, and an ended check goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.events import Event, FaultFound, Progress, ignore
from champ_offline.oci.digest import Digest
from champ_offline.store import scrub as module
from champ_offline.store.blobs import BlobStore
from champ_offline.store.scrub import Pace, Scrub
from champ_offline.store.verified import Verified

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SIZE = 3000


class Shelf:
    """Twenty blobs, of both algorithms."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.create(folder / "champ.db")
        self.blobs = BlobStore(folder / "store")
        self.verified = Verified(self.database)
        self.digests = sorted(
            (
                self.blobs.add(bytes([n]) * SIZE, "sha512" if n % 4 == 0 else "sha256")
                for n in range(20)
            ),
            key=str,
        )

    @property
    def scrub(self) -> Scrub:
        return Scrub(self.database, self.blobs, lambda: NOW)

    def rot(self, digest: Digest) -> None:
        path = self.blobs.path(digest)
        data = bytearray(path.read_bytes())
        data[SIZE // 2] ^= 4
        path.chmod(0o644)
        path.write_bytes(data)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    with closing(shelf.database):
        yield shelf


def test_everything_is_read_and_gets_its_record(shelf: Shelf) -> None:
    told: list[Event] = []
    found = shelf.scrub.run(told.append, Pace())
    assert (found.blobs, found.size) == (20, 20 * SIZE)
    assert found.ended == NOW.isoformat(timespec="seconds")
    assert set(shelf.verified) == set(shelf.digests)
    for digest in shelf.digests:
        assert shelf.verified.of(digest) == shelf.blobs.stamp(digest)
    readings = [event for event in told if isinstance(event, Progress)]
    assert (readings[-1].done, readings[-1].total) == (20 * SIZE, 20 * SIZE)
    assert shelf.verified.last_check() == found
    assert shelf.verified.open_check() is None


def test_damage_is_set_aside_even_where_the_file_looks_the_same(shelf: Shelf) -> None:
    shelf.scrub.run(ignore, Pace())
    bad = [shelf.digests[3], shelf.digests[17]]
    for digest in bad:
        shelf.rot(digest)
        stamp = {digest: shelf.blobs.stamp(digest)}
        with shelf.database.transaction() as connection:
            shelf.verified.put(connection, stamp, NOW.isoformat())
    told: list[Event] = []
    shelf.scrub.run(told.append, Pace())
    assert {e.blob for e in told if isinstance(e, FaultFound)} == set(map(str, bad))
    assert shelf.blobs.aside() == dict.fromkeys(bad, SIZE)
    assert set(shelf.blobs) == set(shelf.digests) - set(bad)


def test_one_reading_that_goes_wrong_is_no_damage(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bit that fell over on its way to us, not on the disk: the second reading is right."""
    shelf.rot(shelf.digests[5])
    right = bytes(shelf.blobs.path(shelf.digests[5]).read_bytes())
    path = shelf.blobs.path(shelf.digests[5])
    mended = bytearray(right)
    mended[SIZE // 2] ^= 4

    def mend(_size: int) -> None:
        path.write_bytes(mended)

    found = shelf.blobs.examine(shelf.digests[5], mend)
    assert not found.sound  # it changed while it was read: nothing is said of it
    again = shelf.blobs.examine(shelf.digests[5])
    assert again.sound


def test_another_file_than_was_found_damaged_is_left_alone(shelf: Shelf) -> None:
    digest = shelf.digests[0]
    shelf.rot(digest)
    found = shelf.blobs.examine(digest)
    data = bytearray(shelf.blobs.path(digest).read_bytes())
    data[SIZE // 2] ^= 4
    shelf.blobs.remove(digest)
    assert shelf.blobs.add(bytes(data), digest.algorithm) == digest
    assert not shelf.blobs.set_aside(digest, found.stamp)
    assert shelf.blobs.has(digest)


class Ended(Exception):
    """The check is ended here."""


def test_a_check_that_was_ended_goes_on(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_BLOBS", 4)
    read = 0

    def end(event: Event) -> None:
        nonlocal read
        if isinstance(event, Progress):
            read += 1
            if read == 10:
                raise Ended

    with pytest.raises(Ended):
        shelf.scrub.run(end, Pace())
    assert shelf.scrub.under_way
    shelf.rot(shelf.digests[2])  # behind it: the next whole check finds that
    told: list[Event] = []
    found = shelf.scrub.run(told.append, Pace())
    assert (found.blobs, found.size) == (20, 20 * SIZE)
    readings = [event for event in told if isinstance(event, Progress)]
    assert (len(readings), readings[0].done) == (12, 9 * SIZE)
    assert not shelf.blobs.aside()
    shelf.scrub.run(ignore, Pace())
    assert list(shelf.blobs.aside()) == [shelf.digests[2]]


def test_anew_begins_with_the_first(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_BLOBS", 4)
    with shelf.database.transaction() as connection:
        check = shelf.verified.begin_check(connection, NOW.isoformat())
    shelf.rot(shelf.digests[1])
    past = shelf.digests[10]
    with shelf.database.transaction() as connection:
        connection.execute("UPDATE checks SET last = ?", (str(past),))
    assert check.number == 1
    shelf.scrub.run(ignore, Pace(), anew=True)
    assert list(shelf.blobs.aside()) == [shelf.digests[1]]
    assert not shelf.scrub.under_way


def test_what_is_collected_meanwhile_is_passed_over(shelf: Shelf) -> None:
    def collect(event: Event) -> None:
        if isinstance(event, Progress):
            shelf.blobs.remove(shelf.digests[-1])

    found = shelf.scrub.run(collect, Pace())
    assert (found.ended != "", found.size) == (True, 19 * SIZE)


def test_a_pace_is_kept() -> None:
    now, slept = 100.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    keep = Pace(1000, sleep, lambda: now).keeper()
    for _ in range(4):
        keep(500)
    assert now == 102.0
    assert slept == [0.5] * 4
    Pace(None, sleep, lambda: now).keeper()(10**9)
    assert len(slept) == 4
