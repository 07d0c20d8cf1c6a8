"""The audit chain: who changed what, and who was refused, in rows that vouch for each other.

Invariant: rows are only ever appended, inside a transaction; each carries the SHA-256 of the row
before it and its own (FORMAT.md, "The audit chain"), so no row is edited, removed or moved without
the chain saying so, and rows missing at the end are missed by whoever kept an earlier head.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode

_SCHEMA = (
    """
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        actor TEXT NOT NULL,
        act TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_time ON audit (time);
    CREATE TRIGGER audit_stays BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit chain is only appended to'); END;
    CREATE TRIGGER audit_is_kept BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit chain is only appended to'); END
    """,
)
BEFORE_THE_FIRST = "0" * 64
_LONGEST = 512
# What LIKE would take for patterns, as it is meant.
_LITERAL = str.maketrans({sign: f"!{sign}" for sign in "!%_"})
# Rows that are in memory at a time.
_PIECE = 1000
_HEAD = re.compile(r"(?P<seq>[0-9]{1,18}):(?P<hash>[0-9a-f]{64})")


class AuditBroken(ChampError):
    """A row of the chain is not what it was when it was written, or not where it was."""

    id = "journal.audit-broken"
    exit_code = ExitCode.CORRUPT
    message = "The audit chain is broken at row {seq}: somebody edited, removed or moved rows."
    remedy = "Keep a copy of champ.db as evidence, find out who could write to it, then restore it."


class AuditTruncated(ChampError):
    """The chain does not reach, or does not contain, a head that was kept elsewhere."""

    id = "journal.audit-truncated"
    exit_code = ExitCode.TRUNCATED
    message = "The audit chain ends at {found} and does not contain {expected}."
    remedy = "Rows were cut off or written anew after that head was noted; keep champ.db as proof."


class HeadInvalid(ChampError):
    """What should be the head of a chain has not its form."""

    id = "journal.head-invalid"
    exit_code = ExitCode.USAGE
    message = "“{text}” is no head of an audit chain."
    remedy = "Give it as `champ audit show` prints it: the number of a row, a colon, 64 hex digits."


@dataclass(frozen=True)
class Entry:
    """What is to be recorded: `actor` did `act` to `subject`; `detail` is JSON without secrets."""

    actor: str
    act: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True)
class Row:
    """One row as it is in the table; `detail` is canonical JSON, `time` ISO 8601 in UTC."""

    seq: int
    time: str
    actor: str
    act: str
    subject: str
    detail: str
    previous: str
    hash: str

    def hashed(self) -> str:
        """What `hash` must be (FORMAT.md, "The audit chain")."""
        fields = (self.seq, self.time, self.actor, self.act, self.subject, self.detail)
        text = "".join(f"{field}\n" for field in (*fields, self.previous))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def sound(self) -> bool:
        """Whether it says what it said when it was written, as far as its own hash tells."""
        return self.hash == self.hashed()

    def told(self) -> dict[str, Any] | None:
        """The detail, read; None for what no release of champ wrote (`sound` is another matter)."""
        try:
            found = json.loads(self.detail)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Head:
    """The end of a chain: number and hash of its last row; none of either in an empty one."""

    seq: int = 0
    hash: str = BEFORE_THE_FIRST

    @classmethod
    def parse(cls, text: str) -> Self:
        """A head as a person noted it; raises HeadInvalid."""
        match = _HEAD.fullmatch(text.strip().lower())
        if match is None:
            raise HeadInvalid(text=text[:100])
        return cls(int(match["seq"]), match["hash"])

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


class Audit:
    """The chain in a zone's database; `now` stamps its rows."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        database.migrate("audit", _SCHEMA)

    def append(self, connection: sqlite3.Connection, entry: Entry) -> None:
        """Append a row inside the caller's transaction: what it is about is done, or neither is."""
        last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        head = Head(*(last.fetchone() or ()))
        row = _row(head, self._now().isoformat(timespec="seconds"), entry)
        connection.execute(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.seq, row.time, row.actor, row.act, row.subject, row.detail, head.hash, row.hash),
        )

    def record(self, *entries: Entry) -> None:
        """Append rows in a transaction of their own; raises DatabaseFull, DatabaseUnusable."""
        if entries:
            with self._database.transaction() as connection:
                for entry in entries:
                    self.append(connection, entry)

    def rows(self, since: str = "", most: int = -1) -> list[Row]:
        """The newest `most` rows (-1: all) of the time `since` or later, oldest first."""
        found = self._database.query(
            "SELECT * FROM audit WHERE time >= ? ORDER BY seq DESC LIMIT ?", (since, most)
        )
        return [Row(*row) for row in reversed(found)]

    def numbers(self, text: str = "") -> list[int]:
        """The numbers of the rows that have `text` in a field, in any case; the newest first."""
        if not text:
            found = self._database.query("SELECT seq FROM audit ORDER BY seq DESC")
        else:
            like = _line(text).translate(_LITERAL)
            found = self._database.query(
                "SELECT seq FROM audit WHERE time || ' ' || actor || ' ' || act || ' ' || subject"
                " || ' ' || detail LIKE '%' || ? || '%' ESCAPE '!' ORDER BY seq DESC",
                (like,),
            )
        return [row["seq"] for row in found]

    def numbered(self, numbers: Sequence[int]) -> list[Row]:
        """The rows with these numbers, in that order; those that are not there are left out."""
        found = self._database.query(
            "SELECT * FROM audit WHERE seq IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        rows = {row["seq"]: Row(*row) for row in found}
        return [rows[number] for number in numbers if number in rows]

    def of_acts(self, *acts: str) -> Iterator[Row]:
        """Every row of one of these acts, oldest first, read piece by piece, as they stand."""
        places, last = ", ".join("?" * len(acts)), 0
        sql = f"SELECT * FROM audit WHERE seq > ? AND act IN ({places}) ORDER BY seq LIMIT {_PIECE}"  # noqa: S608
        while rows := self._database.query(sql, (last, *acts)):
            yield from (Row(*row) for row in rows)
            last = rows[-1]["seq"]

    def last(self, act: str) -> Row | None:
        """The newest row of that act."""
        found = self._database.query(
            "SELECT * FROM audit WHERE act = ? ORDER BY seq DESC LIMIT 1", (act,)
        )
        return Row(*found[0]) if found else None

    def length(self) -> int:
        """How many rows there are."""
        return int(self._database.query("SELECT count(*) FROM audit")[0][0])

    def counts(self, since: str, until: str) -> dict[str, int]:
        """How many rows of each act there are of the time `since` or later and before `until`."""
        rows = self._database.query(
            "SELECT act, count(*) AS rows FROM audit WHERE time >= ? AND time < ?"
            " GROUP BY act ORDER BY act",
            (since, until),
        )
        return {row["act"]: row["rows"] for row in rows}

    def following(self, after: Head) -> Iterator[Row]:
        """The rows behind `after`, oldest first; raises AuditTruncated where the chain lacks it.

        They are read piece by piece, as they stand: whoever takes them follows them (`verify`).
        """
        known = Head() == after or self._database.query(
            "SELECT 1 FROM audit WHERE seq = ? AND hash = ?", (after.seq, after.hash)
        )
        if not known:
            raise AuditTruncated(found=self.head(), expected=after)
        last = after.seq
        while rows := self._piece(last):
            yield from rows
            last = rows[-1].seq

    def head(self) -> Head:
        """The last row as it stands."""
        rows = self._database.query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        return Head(*rows[0]) if rows else Head()

    def begins(self, act: str) -> None:
        """Raise AuditBroken unless the first row is there and tells of `act`."""
        if not self._database.query("SELECT 1 FROM audit WHERE seq = 1 AND act = ?", (act,)):
            raise AuditBroken(seq=1)

    def check(self, known: Head | None = None, first: str = "") -> Head:
        """Hash every row again and return the head; `known` is one that was noted before.

        `first` is the act that the chain must begin with: an emptied one has no row to find
        wrong. Raises AuditBroken, AuditTruncated.
        """
        if first:
            self.begins(first)
        if self._database.query("SELECT 1 FROM audit WHERE seq < 1"):
            raise AuditBroken(seq=0)
        last, seen = Head(), known in {None, Head()}
        while rows := self._piece(last.seq):
            last = verify(last, rows)
            seen = seen or known in {Head(row.seq, row.hash) for row in rows}
        if not seen:
            raise AuditTruncated(found=last, expected=known)
        return last

    def _piece(self, after: int) -> list[Row]:
        found = self._database.query(
            "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, _PIECE)
        )
        return [Row(*row) for row in found]


def verify(head: Head, rows: Iterable[Row]) -> Head:
    """Follow `rows` from `head` on and return the last; raises AuditBroken."""
    for row in rows:
        follows = row.seq == head.seq + 1 and row.previous == head.hash
        if not follows or not row.sound:
            raise AuditBroken(seq=head.seq + 1)
        head = Head(row.seq, row.hash)
    return head


def _row(head: Head, time: str, entry: Entry) -> Row:
    detail = json.dumps(dict(entry.detail), sort_keys=True, separators=(",", ":"))
    actor, subject = _line(entry.actor), _line(entry.subject)
    row = Row(head.seq + 1, time, actor, entry.act, subject, detail, head.hash, "")
    return replace(row, hash=row.hashed())


def _line(text: str) -> str:
    """On one line, in ASCII: a row's fields are told apart by their line ends."""
    return text[:_LONGEST].encode("unicode_escape").decode()
