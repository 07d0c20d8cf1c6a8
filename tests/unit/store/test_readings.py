"""Runs that hold what they read: as long as they live, and not a moment longer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock, is_held
from champ_offline.oci.digest import Digest
from champ_offline.store.readings import Reader, Reading, Readings, UnderWay

ONE, TWO = Digest.of(b"1"), Digest("a" * 128)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
SINCE = "2026-05-01T00:00:00+00:00"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as found:
        yield found


def places(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def held(readings: Readings) -> list[tuple[str, frozenset[Digest]]]:
    return [(one.run.reader.value, one.content) for one in readings.under_way()]


def test_each_run_holds_what_is_its_own_until_it_ends(database: Database, tmp_path: Path) -> None:
    readings = Readings(database, tmp_path / "readings")
    assert readings.under_way() == []
    with readings.begin(Reader.PUSH, lambda: NOW) as first:
        assert readings.under_way() == []
        with database.transaction() as connection:
            first.hold(connection, [ONE, TWO, ONE])
        push = Reading(UnderWay(SINCE, Reader.PUSH), frozenset({ONE, TWO}))
        assert readings.under_way() == [push]
        with readings.begin(Reader.EXPORT, lambda: NOW) as second:
            with database.transaction() as connection:
                second.hold(connection, [ONE])
                first.hold(connection, [TWO])
            assert held(readings) == [("push", frozenset({TWO})), ("export", frozenset({ONE}))]
        assert held(readings) == [("push", frozenset({TWO}))]
        readings.forget()
        assert held(readings) == [("push", frozenset({TWO}))]
    assert readings.under_way() == []
    assert places(tmp_path / "readings") == ["1", "2"]


def test_what_was_undone_is_not_held(database: Database, tmp_path: Path) -> None:
    readings = Readings(database, tmp_path / "readings")
    with readings.begin(Reader.PUSH, lambda: NOW) as place:
        with database.rehearsal() as connection:
            place.hold(connection, [ONE])
        assert readings.under_way() == []


def test_a_killed_run_holds_nothing_and_leaves_its_place(tmp_path: Path) -> None:
    folder, (told, tell) = tmp_path / "readings", os.pipe()
    child = os.fork()
    if not child:
        with closing(Database.create(tmp_path / "champ.db")) as database:
            with Readings(database, folder).begin(Reader.EXPORT, lambda: NOW) as place:
                with database.transaction() as connection:
                    place.hold(connection, [ONE])
                os.write(tell, b"held")
                signal.pause()
        os._exit(0)
    assert os.read(told, 4) == b"held"
    with closing(Database.create(tmp_path / "champ.db")) as database:
        readings = Readings(database, folder)
        assert held(readings) == [("export", frozenset({ONE}))]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert readings.under_way() == []
        with readings.begin(Reader.PUSH, lambda: NOW) as place:
            with database.transaction() as connection:
                place.hold(connection, [TWO])
            assert held(readings) == [("push", frozenset({TWO}))]
        readings.forget()
        assert database.query("SELECT * FROM readings") == []
    assert places(folder) == ["1"]


def test_looking_at_a_lock_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists()
    with FileLock(path):
        assert is_held(path)
        assert is_held(path)
    assert not is_held(path)
