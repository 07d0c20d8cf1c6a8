"""Operations with their intent, steps and outcome, in the zone's database (FORMAT.md).

Invariant: intent and step are durable before anything is done, an operation gets one outcome only,
and one without outcome that nobody works on is interrupted until its kind's recovery ended it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.journal.process import Process

SCHEMA = (
    """
    CREATE TABLE operations (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        intent TEXT NOT NULL,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        boot TEXT NOT NULL,
        began TEXT NOT NULL,
        step TEXT NOT NULL DEFAULT '',
        ended TEXT,
        outcome TEXT,
        error TEXT
    ) STRICT;
    CREATE INDEX operations_open ON operations (number) WHERE outcome IS NULL
    """,
    """
    CREATE TABLE steps (
        operation INTEGER NOT NULL REFERENCES operations (number),
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        began TEXT NOT NULL,
        ended TEXT,
        outcome TEXT,
        detail TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (operation, number)
    ) STRICT;
    INSERT INTO steps (operation, number, name, began)
        SELECT number, 1, step, began FROM operations WHERE step != '';
    ALTER TABLE operations DROP COLUMN step
    """,
)
_SELECT = (
    "SELECT *, coalesce((SELECT name FROM steps WHERE operation = operations.number"
    " ORDER BY steps.number DESC LIMIT 1), '') AS step FROM operations"
)
FAILED = "failed"
RECOVERED = "recovered: "
_DONE = "done"
# What a step found and did, as JSON without secrets.
Detail: TypeAlias = dict[str, Any]


class NoRecovery(ChampError):
    """An operation of a kind that nobody declared a recovery for was interrupted."""

    id = "journal.no-recovery"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Operation {number} ({kind} of {subject}) was interrupted at step “{step}”."
    remedy = "Use the release of champ that began it, or a newer one."


@dataclass(frozen=True)
class StepRecord:
    """One step as it stands; `ended` and `outcome` are empty where it was cut off.

    `outcome` is `done` or the id of the error it ended with.
    """

    number: int
    name: str
    began: str
    ended: str
    outcome: str
    detail: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Record:
    """One operation as it stands; times are ISO 8601, `outcome` is empty while it is open.

    `step` is the name of the step begun last.
    """

    number: int
    kind: str
    subject: str
    intent: Mapping[str, Any] = field(hash=False)
    process: Process
    began: str
    step: str
    ended: str
    outcome: str
    error: str

    @property
    def unknown(self) -> NoRecovery:
        """The error to raise where nobody knows how to recover it."""
        return NoRecovery(
            number=self.number, kind=self.kind, subject=self.subject, step=self.step or "-"
        )


@dataclass(frozen=True)
class Recovered:
    """What became of one interrupted operation on `cluster`.

    `found` and `left` say how the world stood before and after, `acts` what was done about it (or
    would be, in a rehearsal); `outcome` is a word, `open` while there is more to do. `cleared` and
    `kept` name what the operation had made; `trouble` is why it could not be put right.
    """

    number: int
    subject: str
    cluster: str
    operation: str
    began: str
    step: str
    found: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    outcome: str = "open"
    cleared: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    trouble: str = ""


# Puts right what an interrupted operation left and ends it; only says what it would do where the
# flag is set. It bears being killed and run again.
Recovery: TypeAlias = Callable[[Record, bool], Recovered]


class Operation:
    """An operation that this process works on: it began it, or recovers it."""

    def __init__(self, journal: Journal, number: int) -> None:
        self._journal = journal
        self.number = number

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Record that a step begins, and after the block how it ended.

        A step that something else than a ChampError ends is left as one that was cut off.
        """
        step = Step(self._journal, self.number, self._journal.begin_step(self.number, name))
        try:
            yield step
        except ChampError as error:
            self._journal.end_step(self.number, step.number, error.id)
            raise
        self._journal.end_step(self.number, step.number, _DONE)

    def steps(self) -> tuple[StepRecord, ...]:
        """Its steps so far, in order."""
        return self._journal.steps(self.number)

    def let_go(self) -> None:
        """Leave it open for a recovery, also while this process lives."""
        self._journal.let_go(self.number)

    @contextmanager
    def left_open(self) -> Iterator[None]:
        """Let it go where a ChampError leaves the block: it is for a recovery then."""
        try:
            yield
        except ChampError:
            self.let_go()
            raise


class Step:
    """A step that was begun."""

    def __init__(self, journal: Journal, operation: int, number: int) -> None:
        self._journal, self._operation, self.number = journal, operation, number

    def note(self, detail: Mapping[str, Any]) -> None:
        """Keep what it found or did, beside what was noted before."""
        with self._journal.transaction() as connection:
            self.note_in(connection, detail)

    def note_in(self, connection: sqlite3.Connection, detail: Mapping[str, Any]) -> None:
        """Keep it in the caller's transaction."""
        connection.execute(
            "UPDATE steps SET detail = json_patch(detail, ?) WHERE operation = ? AND number = ?",
            (json.dumps(dict(detail), sort_keys=True), self._operation, self.number),
        )


class Journal:
    """The zone's operations. `now` is the clock that stamps them."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        own: Callable[[], Process] = Process.own,
    ) -> None:
        database.migrate("journal", SCHEMA)
        self._database = database
        self._now = now
        self._own = own
        self._recoveries: dict[str, Recovery] = {}
        self._left: frozenset[str] = frozenset()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """For rows that stand or fall with one of the journal's."""
        return self._database.transaction()

    def begin(
        self, connection: sqlite3.Connection, kind: str, subject: str, intent: Mapping[str, Any]
    ) -> Operation:
        """Keep the intent in the caller's transaction; `intent` is JSON without secrets."""
        own = self._own()
        row = (kind, subject, json.dumps(dict(intent), sort_keys=True), own.pid, own.started)
        cursor = connection.execute(
            "INSERT INTO operations (kind, subject, intent, pid, pid_started, boot, began)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, own.boot, self._now().isoformat()),
        )
        return Operation(self, int(cursor.lastrowid or 0))

    def end(
        self, connection: sqlite3.Connection, operation: Operation, outcome: str, error: str = ""
    ) -> None:
        """Keep how it ended in the caller's transaction; the first outcome stays."""
        connection.execute(
            "UPDATE operations SET outcome = ?, error = ?, ended = ?"
            " WHERE number = ? AND outcome IS NULL",
            (outcome, error, self._now().isoformat(), operation.number),
        )

    def declare(self, kind: str, recovery: Recovery) -> None:
        """Say how interrupted operations of `kind` are put right."""
        self._recoveries[kind] = recovery

    def leave(self, *kinds: str) -> None:
        """Say that interrupted operations of these kinds are for somebody else to recover."""
        self._left |= {*kinds}

    def resume(self, record: Record) -> Operation:
        """An interrupted operation, for its recovery."""
        return Operation(self, record.number)

    def interrupted(self) -> tuple[Record, ...]:
        """Open operations that nobody works on, oldest first, but for those that are left."""
        open_ = (record for record in self.under_way() if record.kind not in self._left)
        return tuple(record for record in open_ if not record.process.alive)

    def under_way(self) -> tuple[Record, ...]:
        """Operations that have not ended, whether their process lives or not, oldest first."""
        return self._records(f"{_SELECT} WHERE outcome IS NULL ORDER BY number")

    def about(self, kind: str, subject: str) -> tuple[Record, ...]:
        """Every operation of that kind on that subject, oldest first."""
        where = "WHERE kind = ? AND subject = ? ORDER BY number"
        return self._records(f"{_SELECT} {where}", kind, subject)

    def of_kinds(self, *kinds: str) -> tuple[Record, ...]:
        """Every operation of one of these kinds, oldest first."""
        places = ", ".join("?" * len(kinds))
        return self._records(f"{_SELECT} WHERE kind IN ({places}) ORDER BY number", *kinds)

    def recover(self, *, rehearsal: bool = False) -> tuple[Recovered, ...]:
        """Put right everything interrupted, or only say what that would take.

        Raises NoRecovery and what a recovery raises; what was not ended is met again.
        """
        found = self.interrupted()
        for record in found:
            if record.kind not in self._recoveries:
                raise record.unknown
        return tuple(self._recoveries[record.kind](record, rehearsal) for record in found)

    def recent(self, limit: int = 50) -> tuple[Record, ...]:
        """The newest operations, newest first."""
        return self._records(f"{_SELECT} ORDER BY number DESC LIMIT ?", limit)

    def steps(self, operation: int) -> tuple[StepRecord, ...]:
        """The steps of an operation, in order."""
        rows = self._database.query(
            "SELECT * FROM steps WHERE operation = ? ORDER BY number", (operation,)
        )
        return tuple(map(_step, rows))

    def begin_step(self, operation: int, name: str) -> int:
        """See Operation.step; gives the step's number."""
        with self.transaction() as connection:
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM steps WHERE operation = ?", (operation,)
            ).fetchone()[0]
            connection.execute(
                "INSERT INTO steps (operation, number, name, began) VALUES (?, ?, ?, ?)",
                (operation, last + 1, name, self._now().isoformat()),
            )
        return int(last) + 1

    def end_step(self, operation: int, number: int, outcome: str) -> None:
        """See Operation.step."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE steps SET outcome = ?, ended = ? WHERE operation = ? AND number = ?",
                (outcome, self._now().isoformat(), operation, number),
            )

    def let_go(self, operation: int) -> None:
        """See Operation.let_go; no process has the number 0."""
        with self.transaction() as connection:
            connection.execute("UPDATE operations SET pid = 0 WHERE number = ?", (operation,))

    def _records(self, statement: str, *parameters: object) -> tuple[Record, ...]:
        return tuple(map(_record, self._database.query(statement, parameters)))


def _record(row: Any) -> Record:  # noqa: ANN401 (sqlite3.Row)
    return Record(
        number=row["number"],
        kind=row["kind"],
        subject=row["subject"],
        intent=json.loads(row["intent"]),
        process=Process(row["pid"], row["pid_started"], row["boot"]),
        began=row["began"],
        step=row["step"],
        ended=row["ended"] or "",
        outcome=row["outcome"] or "",
        error=row["error"] or "",
    )


def _step(row: Any) -> StepRecord:  # noqa: ANN401 (sqlite3.Row)
    return StepRecord(
        number=row["number"],
        name=row["name"],
        began=row["began"],
        ended=row["ended"] or "",
        outcome=row["outcome"] or "",
        detail=json.loads(row["detail"]),
    )
