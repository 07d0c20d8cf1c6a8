"""What each blob's file was when its bytes were last hashed to its name, and the last full checks.

Invariant: a record is written of a file that was hashed whole, and in the transaction that makes
its blob reachable or after a check; a file that is not as its record says is hashed again before
anybody relies on it. A record alone says nothing about bytes that rot under an unmoved inode: that
is what checks are for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import Stamp

_SCHEMA = (
    """
    CREATE TABLE verified (
        digest TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        checked TEXT NOT NULL
    ) STRICT;
    CREATE TABLE checks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        begun TEXT NOT NULL,
        last TEXT NOT NULL,
        blobs INTEGER NOT NULL,
        size INTEGER NOT NULL,
        ended TEXT NOT NULL
    ) STRICT
    """,
    # 0 is no file's: what was verified before is hashed once more.
    "ALTER TABLE verified ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0",
)


@dataclass(frozen=True)
class CheckRecord:
    """A check of all blobs: how many, and their bytes, until `last` in the order of digests.

    Times are ISO 8601 in UTC; `ended` is empty while the check is not at its end.
    """

    number: int
    begun: str
    last: str
    blobs: int
    size: int
    ended: str


class Verified:
    """The tables of what was verified in the zone's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("verified", _SCHEMA)

    def of(self, digest: Digest) -> Stamp | None:
        """What the blob's file was when it was last hashed, or None where nobody wrote it down."""
        sql = "SELECT size, mtime_ns, ctime_ns, inode FROM verified WHERE digest = ?"
        rows = self._database.query(sql, (str(digest),))
        return Stamp(**dict(rows[0])) if rows else None

    def put(self, connection: sqlite3.Connection, stamps: Mapping[Digest, Stamp], now: str) -> None:
        """Remember files that were hashed, inside the caller's transaction."""
        connection.executemany(
            "INSERT OR REPLACE INTO verified (digest, size, mtime_ns, ctime_ns, inode, checked)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (str(digest), stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode, now)
                for digest, stamp in stamps.items()
            ],
        )

    def forget(self, connection: sqlite3.Connection, digests: Iterable[Digest]) -> None:
        """Let go of the records of blobs that are gone, inside the caller's transaction."""
        connection.executemany(
            "DELETE FROM verified WHERE digest = ?", [(str(digest),) for digest in digests]
        )

    def __iter__(self) -> Iterator[Digest]:
        """The blobs that have a record, in no particular order."""
        rows = self._database.query("SELECT digest FROM verified")
        return (Digest.parse_registered(row["digest"]) for row in rows)

    def oldest(self) -> str:
        """When the file that was not hashed for longest was hashed; empty without any record."""
        return str(self._database.query("SELECT coalesce(min(checked), '') FROM verified")[0][0])

    def last_check(self) -> CheckRecord | None:
        """The newest check that came to its end."""
        return self._check("ended <> ''")

    def open_check(self) -> CheckRecord | None:
        """The newest check, where it did not come to its end."""
        found = self._check("1")
        return None if found is None or found.ended else found

    def _check(self, condition: str) -> CheckRecord | None:
        sql = f"SELECT * FROM checks WHERE {condition} ORDER BY number DESC LIMIT 1"  # noqa: S608
        rows = self._database.query(sql)
        return CheckRecord(**dict(rows[0])) if rows else None

    def begin_check(self, connection: sqlite3.Connection, now: str) -> CheckRecord:
        """A check from the first blob on, inside the caller's transaction."""
        sql = "INSERT INTO checks (begun, last, blobs, size, ended) VALUES (?, '', 0, 0, '')"
        number = connection.execute(sql, (now,)).lastrowid
        return CheckRecord(int(number or 0), now, "", 0, 0, "")

    def keep_check(self, connection: sqlite3.Connection, check: CheckRecord) -> None:
        """Remember how far a check came, inside the caller's transaction."""
        connection.execute(
            "UPDATE checks SET last = ?, blobs = ?, size = ?, ended = ? WHERE number = ?",
            (check.last, check.blobs, check.size, check.ended, check.number),
        )
