"""Operations with their intent, steps and outcome, in the zone's database (FORMAT.md).

Invariant: the intent is durable before anything is done, an operation gets one outcome only, and an
operation without outcome whose process is gone is interrupted until its kind's recovery ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
)
FAILED = "failed"
RECOVERED = "recovered: "


class NoRecovery(ChampError):
    """An operation of a kind that nobody declared a recovery for was interrupted."""

    id = "journal.no-recovery"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Operation {number} ({kind} of {subject}) was interrupted at step “{step}”."
    remedy = "Use the release of champ that began it, or a newer one."


@dataclass(frozen=True)
class Record:
    """One operation as it stands; times are ISO 8601, `outcome` is empty while it is open."""

    number: int
    kind: str
    subject: str
    intent: Mapping[str, Any]
    process: Process
    began: str
    step: str
    ended: str
    outcome: str
    error: str


# Puts right what an interrupted operation left, and says in a word what became of it.
Recovery: TypeAlias = Callable[[Record], str]


class Operation:
    """An operation that this process began."""

    def __init__(self, journal: Journal, number: int) -> None:
        self._journal = journal
        self.number = number

    def step(self, name: str) -> None:
        """Record that the step `name` begins; recovery reads the last one."""
        self._journal.set_step(self.number, name)

    def finish(self, outcome: str) -> None:
        """Record how it ended well."""
        self._journal.set_outcome(self.number, outcome, "")

    def fail(self, error: str) -> None:
        """Record the id of the error it ended with; nothing is left for recovery to do."""
        self._journal.set_outcome(self.number, FAILED, error)


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

    def begin(self, kind: str, subject: str, intent: Mapping[str, Any]) -> Operation:
        """Make the intent durable; `intent` is JSON without secrets."""
        own = self._own()
        row = (kind, subject, json.dumps(dict(intent), sort_keys=True), own.pid, own.started)
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO operations (kind, subject, intent, pid, pid_started, boot, began)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, own.boot, self._now().isoformat()),
            )
            return Operation(self, int(cursor.lastrowid or 0))

    def declare(self, kind: str, recovery: Recovery) -> None:
        """Say how interrupted operations of `kind` are put right; it must bear being repeated."""
        self._recoveries[kind] = recovery

    def interrupted(self) -> tuple[Record, ...]:
        """Open operations whose process is gone, oldest first."""
        return tuple(record for record in self.under_way() if not record.process.alive)

    def under_way(self) -> tuple[Record, ...]:
        """Operations that have not ended, whether their process lives or not, oldest first."""
        rows = self._database.query(
            "SELECT * FROM operations WHERE outcome IS NULL ORDER BY number"
        )
        return tuple(map(_record, rows))

    def recover(self) -> tuple[Record, ...]:
        """Put right everything interrupted; raises NoRecovery and what a recovery raises."""
        found = self.interrupted()
        for record in found:
            recovery = self._recoveries.get(record.kind)
            if recovery is None:
                raise NoRecovery(
                    number=record.number,
                    kind=record.kind,
                    subject=record.subject,
                    step=record.step,
                )
            self.set_outcome(record.number, RECOVERED + recovery(record), "")
        return found

    def recent(self, limit: int = 50) -> tuple[Record, ...]:
        """The newest operations, newest first."""
        rows = self._database.query(
            "SELECT * FROM operations ORDER BY number DESC LIMIT ?", (limit,)
        )
        return tuple(map(_record, rows))

    def set_step(self, number: int, name: str) -> None:
        """See Operation.step."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE operations SET step = ? WHERE number = ?", (name, number))

    def set_outcome(self, number: int, outcome: str, error: str) -> None:
        """See Operation.finish; the first outcome stays."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE operations SET outcome = ?, error = ?, ended = ?"
                " WHERE number = ? AND outcome IS NULL",
                (outcome, error, self._now().isoformat(), number),
            )


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
