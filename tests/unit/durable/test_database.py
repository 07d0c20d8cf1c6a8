"""The zone's database: schema steps, transactions, damage."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from champ_offline.durable.database import (
    Database,
    DatabaseFull,
    DatabaseGone,
    DatabaseNewer,
    DatabaseReadOnly,
    DatabaseUnusable,
)
from champ_offline.durable.lock import FileLock, Locked

STEPS = ("CREATE TABLE first (n INTEGER) STRICT", "CREATE TABLE second (n INTEGER) STRICT")


def test_steps_are_applied_once_and_later_ones_added(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "db")
    database.migrate("part", STEPS[:1])
    database.migrate("part", STEPS)
    database.migrate("part", STEPS)
    names = {row["name"] for row in database.query("SELECT name FROM sqlite_master")}
    assert {"first", "second"} <= names


def test_many_may_bring_a_file_up_to_date_at_once(tmp_path: Path) -> None:
    def migrate(_number: int) -> None:
        database = Database.create(tmp_path / "db")
        database.migrate("part", STEPS)
        database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(migrate, range(32)))
    assert Database(tmp_path / "db").damage() == []


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    Database.create(tmp_path / "db").migrate("part", STEPS)
    with pytest.raises(DatabaseNewer):
        Database(tmp_path / "db").migrate("part", STEPS[:1])


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "db")
    database.migrate("part", STEPS)
    with pytest.raises(RuntimeError), database.transaction() as connection:
        connection.execute("INSERT INTO first VALUES (1)")
        raise RuntimeError
    assert database.query("SELECT * FROM first") == []


def test_a_full_disk_is_told_apart_and_leaves_nothing(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "db")
    database.migrate("part", STEPS)
    pages = database.query("PRAGMA page_count")[0][0]
    database.query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseFull) as caught, database.transaction() as connection:
        for _ in range(10_000):
            connection.execute("INSERT INTO first VALUES (1)")
    assert caught.value.exit_code == 4
    assert database.query("SELECT * FROM first") == []
    with database.transaction() as connection:
        connection.execute("INSERT INTO first VALUES (1)")
    assert len(database.query("SELECT * FROM first")) == 1


def test_the_file_is_private_and_durable(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "db")
    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600
    assert database.query("PRAGMA synchronous")[0][0] == 2
    assert database.query("PRAGMA journal_mode")[0][0] == "wal"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"no database at all" * 100)
    with pytest.raises(DatabaseUnusable) as caught:
        Database(tmp_path / "db")
    assert str(tmp_path / "db") in str(caught.value)


def test_a_lock_names_its_holder(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"):
        with pytest.raises(Locked) as caught, FileLock(tmp_path / "lock"):
            pass
        assert caught.value.fields["holder"].isdigit()
    with FileLock(tmp_path / "lock") as again:
        assert again is not None


def test_a_read_only_disk_is_told_apart_from_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Database.create(tmp_path / "db")
    writer.migrate("part", STEPS)
    writer.close()
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("champ_offline.durable.database.is_read_only", lambda _folder: True)
    database = Database(tmp_path / "db")
    database.migrate("part", STEPS)
    assert database.query("SELECT * FROM first") == []
    with pytest.raises(DatabaseReadOnly), database.transaction() as connection:
        connection.execute("INSERT INTO first VALUES (1)")
    assert sorted(tmp_path.iterdir()) == before


def test_what_only_the_log_holds_is_read_on_a_read_only_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Database.create(tmp_path / "db")
    writer.migrate("part", STEPS)
    with writer.transaction() as connection:
        connection.execute("INSERT INTO first VALUES (7)")
    monkeypatch.setattr("champ_offline.durable.database.is_read_only", lambda _folder: True)
    assert [row["n"] for row in Database(tmp_path / "db").query("SELECT n FROM first")] == [7]


def test_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    with closing(Database.create(tmp_path / "zone.db")) as database:
        database.migrate("a", ["CREATE TABLE a (b INTEGER) STRICT"])
        before = database.changes()
        with database.rehearsal() as connection:
            connection.execute("INSERT INTO a VALUES (1)")
            assert len(database.query("SELECT * FROM a")) == 1
        assert (database.query("SELECT * FROM a"), database.changes()) == ([], before)


def test_holding_keeps_writers_out_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "zone.db"
    with closing(Database.create(path)) as database, closing(Database(path)) as other:
        database.migrate("a", ["CREATE TABLE a (b INTEGER) STRICT"])
        other._connection().execute("PRAGMA busy_timeout = 0")
        log = path.with_name("zone.db-wal")
        size = log.stat().st_size
        with database.hold():
            with pytest.raises(DatabaseUnusable, match="locked"):
                with other.transaction():
                    raise AssertionError
            assert other.query("SELECT * FROM a") == []
        assert log.stat().st_size == size
        with other.transaction() as connection:
            connection.execute("INSERT INTO a VALUES (1)")


def test_one_that_could_only_read_writes_again(tmp_path: Path) -> None:
    """As after a disk was full when it was opened: held as a whole, then opened anew."""
    path = tmp_path / "zone.db"
    with closing(Database.create(path)) as database:
        database.migrate("a", ["CREATE TABLE a (b INTEGER) STRICT"])
    database = Database(path)
    database.close()
    room = False

    class Full(Database):
        def _open(self) -> sqlite3.Connection:
            return super()._open() if room else self._open_to_read()

    with closing(Full(path)) as database:
        changes = database.changes()
        with database.hold():
            assert database.query("SELECT * FROM a") == []
            late = sqlite3.connect(path, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                late.execute("SELECT * FROM a")
            late.close()
        room = True
        with database.transaction() as connection:
            connection.execute("INSERT INTO a VALUES (1)")
        assert len(database.query("SELECT * FROM a")) == 1
        assert database.changes() != changes


STRANGER = """
import os, sys
from pathlib import Path
from champ_offline.durable.database import Database, DatabaseForbidden
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    Database(Path(sys.argv[1])).query("SELECT 1")
except DatabaseForbidden as error:
    print(error.exit_code, error, error.advice)
"""


def test_somebody_elses_zone_is_no_damage() -> None:
    with tempfile.TemporaryDirectory() as name:
        zone = Path(name)
        zone.chmod(0o755)
        with closing(Database.create(zone / "champ.db")) as database:
            database.migrate("a", STEPS)
        words = [sys.executable, "-c", STRANGER, str(zone / "champ.db")]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"4 The zone {zone} belongs to user root; this is user nobody.")
    assert "as user root" in done.stdout


def test_a_database_is_not_made_by_being_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "db", tmp_path / "no" / "db"):
        with pytest.raises(DatabaseGone) as caught:
            Database(path)
        assert str(path) in str(caught.value)
        assert "last backup" in caught.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_signs_of_an_address_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#b%20c"
    with closing(Database.create(path)) as database:
        database.migrate("part", STEPS)
    assert path.stat().st_size > 0
    with closing(Database(path)) as database:
        assert database.query("SELECT * FROM first") == []


def removed(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def moved_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").rename(path)


def folder_gone(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [removed, moved_away, replaced, folder_gone])
def test_nothing_is_written_to_a_file_that_is_no_longer_there(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "zone" / "db"
    path.parent.mkdir()
    with closing(Database.create(path)) as database:
        database.migrate("part", STEPS)
        database.require()
        harm(path)
        with pytest.raises(DatabaseGone):
            database.require()
        for _ in range(2):
            with pytest.raises(DatabaseGone), database.transaction() as connection:
                connection.execute("INSERT INTO first VALUES (1)")
        with pytest.raises(DatabaseGone), database.hold():
            raise AssertionError
        with ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseGone):
            pool.submit(database.query, "SELECT * FROM first").result()
        assert database.query("SELECT * FROM first") == []
        assert path.exists() == (harm is replaced)


def test_one_that_goes_while_it_is_written_keeps_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with closing(Database.create(path)) as database:
        database.migrate("part", STEPS)
        with pytest.raises(DatabaseGone), database.transaction() as connection:
            connection.execute("INSERT INTO first VALUES (1)")
            moved_away(path)
        (tmp_path / "elsewhere").rename(path)
        assert database.query("SELECT * FROM first") == []
        with database.transaction() as connection:
            connection.execute("INSERT INTO first VALUES (2)")
    with closing(Database(path)) as database:
        assert [row["n"] for row in database.query("SELECT n FROM first")] == [2]


def test_leaving_a_file_that_was_replaced_spares_the_log_of_the_other(tmp_path: Path) -> None:
    """The last one to close a database removes the log beside it, but not another's."""
    path = tmp_path / "db"
    before = Database.create(path)
    before.migrate("part", STEPS)
    removed(path)
    with closing(Database.create(path)) as database:
        database.migrate("part", STEPS)
        with database.transaction() as connection:
            connection.execute("INSERT INTO first VALUES (3)")
        before.close()
        copy = tmp_path / "copy"
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
    with closing(Database(copy)) as database:
        assert [row["n"] for row in database.query("SELECT n FROM first")] == [3]


def test_a_copy_is_whole_and_alone_while_the_file_is_in_use(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.touch()
    with closing(Database.create(tmp_path / "db")) as database:
        database.migrate("part", STEPS)
        with database.transaction() as connection:
            connection.executemany("INSERT INTO first VALUES (?)", [(n,) for n in range(5000)])
        assert (tmp_path / "db-wal").stat().st_size > 0
        database.copy_to(copy)
        with database.transaction() as connection:
            connection.execute("DELETE FROM first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "db"]
    with closing(Database(copy)) as found:
        assert (len(found.query("SELECT * FROM first")), found.damage()) == (5000, [])
