"""Operations, their one outcome, and how interrupted ones are found and recovered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.journal.journal import Journal, NoRecovery, Record
from champ_offline.journal.process import Process

DEAD = Process(os.getpid(), 1, "another boot")


def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.create(tmp_path / "zone.db")
    yield database
    database.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, now)


@pytest.fixture
def dead(database: Database) -> Journal:
    """The journal as a process used it that is gone now."""
    return Journal(database, now, own=lambda: DEAD)


def test_an_operation_is_recorded_from_intent_to_outcome(journal: Journal) -> None:
    operation = journal.begin("import", "stick", {"bundle": "b"})
    operation.step("copy")
    [record] = journal.recent()
    assert (record.kind, record.subject, record.intent) == ("import", "stick", {"bundle": "b"})
    assert (record.step, record.outcome, record.ended) == ("copy", "", "")
    operation.finish("done")
    [record] = journal.recent()
    assert (record.outcome, record.ended) == ("done", "2026-01-02T03:04:05+00:00")


def test_the_first_outcome_stays(journal: Journal) -> None:
    operation = journal.begin("import", "stick", {})
    operation.fail("media.volume-corrupt")
    operation.finish("done")
    [record] = journal.recent()
    assert (record.outcome, record.error) == ("failed", "media.volume-corrupt")


def test_a_living_process_is_not_interrupted(journal: Journal) -> None:
    journal.begin("import", "stick", {})
    assert journal.interrupted() == ()


def test_a_gone_process_is_interrupted_until_recovered(journal: Journal, dead: Journal) -> None:
    dead.begin("import", "stick", {"bundle": "b"}).step("copy")
    dead.begin("import", "done", {}).finish("done")
    [record] = journal.interrupted()
    assert (record.subject, record.step) == ("stick", "copy")
    seen: list[Record] = []

    def recovery(found: Record) -> str:
        seen.append(found)
        return "put-back"

    journal.declare("import", recovery)
    assert journal.recover() == (record,)
    assert seen == [record]
    assert journal.recent()[1].outcome == "recovered: put-back"
    assert journal.interrupted() == ()


def test_a_recovery_that_raises_is_met_again(journal: Journal, dead: Journal) -> None:
    dead.begin("import", "stick", {})

    def broken(_: Record) -> str:
        raise OSError

    journal.declare("import", broken)
    with pytest.raises(OSError):  # noqa: PT011
        journal.recover()
    assert len(journal.interrupted()) == 1


def test_a_kind_nobody_can_recover_is_said(journal: Journal, dead: Journal) -> None:
    dead.begin("from-the-future", "stick", {}).step("x")
    with pytest.raises(NoRecovery, match="from-the-future of stick"):
        journal.recover()


def test_a_process_is_more_than_its_number() -> None:
    own = Process.own()
    assert own.alive
    assert not Process(own.pid, own.started + 1, own.boot).alive
    assert not Process(own.pid, own.started, "another boot").alive


def test_a_process_that_ended_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = Process.of(child.pid)
        assert found is not None
        assert found.alive
        child.kill()
    assert Process.of(child.pid) != found
