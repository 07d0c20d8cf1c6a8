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
from champ_offline.journal.journal import (
    SCHEMA,
    Journal,
    NoRecovery,
    Operation,
    Record,
    Recovered,
)
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


def begin(journal: Journal, kind: str, subject: str, **intent: object) -> Operation:
    with journal.transaction() as connection:
        return journal.begin(connection, kind, subject, intent)


def end(journal: Journal, operation: Operation, outcome: str, error: str = "") -> None:
    with journal.transaction() as connection:
        journal.end(connection, operation, outcome, error)


def cut_off(operation: Operation, name: str) -> None:
    """A step that something else than an error of ours ended."""
    with pytest.raises(KeyboardInterrupt), operation.step(name):
        raise KeyboardInterrupt


def test_an_operation_is_recorded_from_intent_to_outcome(journal: Journal) -> None:
    operation = begin(journal, "import", "stick", bundle="b")
    cut_off(operation, "copy")
    [record] = journal.recent()
    assert (record.kind, record.subject, record.intent) == ("import", "stick", {"bundle": "b"})
    assert (record.step, record.outcome, record.ended) == ("copy", "", "")
    end(journal, operation, "done")
    [record] = journal.recent()
    assert (record.outcome, record.ended) == ("done", "2026-01-02T03:04:05+00:00")


def test_an_intent_stands_with_what_its_transaction_did(journal: Journal) -> None:
    with pytest.raises(KeyboardInterrupt), journal.transaction() as connection:
        journal.begin(connection, "import", "stick", {})
        raise KeyboardInterrupt
    assert journal.recent() == ()


def test_the_first_outcome_stays(journal: Journal) -> None:
    operation = begin(journal, "import", "stick")
    end(journal, operation, "failed", "media.volume-corrupt")
    end(journal, operation, "done")
    [record] = journal.recent()
    assert (record.outcome, record.error) == ("failed", "media.volume-corrupt")


def test_every_step_is_a_row_with_what_it_found(journal: Journal) -> None:
    operation = begin(journal, "import", "stick")
    with operation.step("look") as step:
        step.note({"there": ["a", "b"], "left": "x"})
        step.note({"left": "y"})
    with pytest.raises(NoRecovery), operation.step("copy"):
        raise journal.recent()[0].unknown
    cut_off(operation, "clear")
    look, copy, clear = operation.steps()
    assert (look.number, look.name, look.outcome) == (1, "look", "done")
    assert look.detail == {"there": ["a", "b"], "left": "y"}
    assert look.began == look.ended == "2026-01-02T03:04:05+00:00"
    assert (copy.name, copy.outcome) == ("copy", "journal.no-recovery")
    assert (clear.number, clear.ended, clear.outcome) == (3, "", "")


def test_steps_of_an_older_database_are_kept(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "older.db")
    database.migrate("journal", SCHEMA[:1])
    row = ("import", "stick", "{}", 1, 1, "another boot", "2026-01-01T00:00:00+00:00")
    with database.transaction() as connection:
        for step in ("copy", ""):
            connection.execute(
                "INSERT INTO operations (kind, subject, intent, pid, pid_started, boot, began,"
                " step) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, step),
            )
    journal = Journal(database, now)
    assert [record.step for record in journal.interrupted()] == ["copy", ""]
    assert [one.name for one in journal.steps(1)] == ["copy"]
    database.close()


def test_a_living_process_is_not_interrupted(journal: Journal) -> None:
    begin(journal, "import", "stick")
    assert journal.interrupted() == ()


def test_a_living_process_can_let_go(journal: Journal) -> None:
    begin(journal, "import", "stick").let_go()
    assert len(journal.interrupted()) == 1


def test_a_gone_process_is_interrupted_until_recovered(journal: Journal, dead: Journal) -> None:
    cut_off(begin(dead, "import", "stick", bundle="b"), "copy")
    end(dead, begin(dead, "import", "done"), "done")
    [record] = journal.interrupted()
    assert (record.subject, record.step) == ("stick", "copy")
    seen: list[tuple[Record, bool]] = []

    def recovery(found: Record, rehearsal: bool) -> Recovered:
        seen.append((found, rehearsal))
        if not rehearsal:
            end(journal, journal.resume(found), "recovered: put-back")
        return Recovered(found.number, found.subject, "", "import", found.began, found.step)

    journal.declare("import", recovery)
    journal.recover(rehearsal=True)
    assert journal.interrupted() == (record,)
    assert [one.number for one in journal.recover()] == [record.number]
    assert seen == [(record, True), (record, False)]
    assert journal.recent()[1].outcome == "recovered: put-back"
    assert journal.interrupted() == ()
    assert journal.recover() == ()


def test_a_recovery_that_raises_is_met_again(journal: Journal, dead: Journal) -> None:
    begin(dead, "import", "stick")

    def broken(_: Record, rehearsal: bool) -> Recovered:
        raise OSError(rehearsal)

    journal.declare("import", broken)
    with pytest.raises(OSError):  # noqa: PT011
        journal.recover()
    assert len(journal.interrupted()) == 1


def test_a_kind_nobody_can_recover_is_said(journal: Journal, dead: Journal) -> None:
    cut_off(begin(dead, "from-the-future", "stick"), "x")
    with pytest.raises(NoRecovery, match=r"from-the-future of stick.*“x”"):
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
