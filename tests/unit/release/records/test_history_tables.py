"""A zone's database from before releases were known by their cluster, brought to what it is now.

`first_tables.sql` was written by the release of champ that kept them by namespace and name: the
name `orthanc` was installed and upgraded on one cluster, then installed on another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.retention import Retention, dispensable
from champ_offline.release.records.vault import Vault

FIRST, SECOND = "cluster-first", "cluster-second"
BEFORE = Path(__file__).with_name("first_tables.sql")


def written(path: Path, *changes: str) -> Database:
    """A database as it was then, changed by these statements."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BEFORE.read_text(encoding="utf-8"))
        for change in changes:
            connection.execute(change)
        connection.commit()
    path.chmod(0o600)
    return Database(path)


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Database]:
    database = written(tmp_path / "champ.db")
    yield database
    database.close()


def test_each_cluster_gets_its_own_revisions_back(before: Database) -> None:
    history = History(before)
    on_first = history.revisions(FIRST, "pacs", "orthanc")
    assert [(one.number, one.version, one.outcome) for one in on_first] == [
        (1, "1.0", Outcome.DEPLOYED),
        (2, "2.0", Outcome.DEPLOYED),
    ]
    (on_second,) = history.revisions(SECOND, "pacs", "orthanc")
    assert (on_second.number, on_second.version) == (3, "3.0")
    assert history.clusters("pacs", "orthanc") == (FIRST, SECOND)


def test_what_stands_is_known_again_on_both(before: Database) -> None:
    history = History(before)
    first, second = (history.current(at, "pacs", "orthanc") for at in (FIRST, SECOND))
    assert first is not None
    assert second is not None
    assert (first.version, second.version) == ("2.0", "3.0")
    assert history.current(FIRST, "other", "other") is not None
    assert history.current(SECOND, "other", "other") is None
    assert history.current(SECOND, "lone", "lone") is None
    assert len(history.releases()) == 3


def test_all_that_was_kept_may_be_returned_to(before: Database) -> None:
    history = History(before)
    assert sum(len(history.revisions(FIRST, *at)) for at in (("pacs", "orthanc"),)) == 2
    vault = Vault(before, lambda: "another")
    for one in history.returnable(10):
        assert vault.get(one.plan)
    assert not dispensable(history, vault, Retention(10), datetime.now(UTC))


def test_salts_go_on_wherever_the_name_is_used(before: Database) -> None:
    vault = Vault(before, lambda: "another")
    assert vault.salt(FIRST, "pacs", "orthanc") == vault.salt(SECOND, "pacs", "orthanc") == "salt-0"
    assert vault.salt(FIRST, "made", "now") == "another"


def test_a_plan_that_is_gone_takes_no_revision_with_it(tmp_path: Path) -> None:
    gone = "DELETE FROM vault WHERE digest IN (SELECT plan FROM revisions WHERE number = 2)"
    with closing(written(tmp_path / "champ.db", gone)) as database:
        versions = [one.version for one in History(database).revisions(FIRST, "pacs", "orthanc")]
    assert versions == ["1.0", "2.0"]


def test_without_any_plan_the_release_tells_its_cluster(tmp_path: Path) -> None:
    with closing(written(tmp_path / "champ.db", "DELETE FROM vault")) as database:
        history = History(database)
        assert len(history.revisions(SECOND, "pacs", "orthanc")) == 3
        assert [one.cluster for one in history.releases()] == [FIRST, SECOND]


def test_it_is_brought_over_once_and_goes_on(before: Database) -> None:
    assert History(before).releases() == History(before).releases()
    names = {row["name"] for row in before.query("SELECT name FROM sqlite_schema")}
    assert not {name for name in names if name.endswith("_before")}
