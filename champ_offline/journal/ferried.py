"""What became of each bundle that a ferry folder brought, by its digest (FORMAT.md).

Invariant: a bundle is noted before anything is done about it, and its end after; so one whose
process was killed is met again, and one that was seen to is not. No name that lies in such a folder
is kept: places are hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE ferried (
        bundle TEXT PRIMARY KEY,
        policy TEXT NOT NULL,
        fate TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        time TEXT NOT NULL
    ) STRICT;
    CREATE TABLE ferry_places (
        folder TEXT NOT NULL,
        place TEXT NOT NULL,
        print TEXT NOT NULL,
        told TEXT NOT NULL,
        bundle TEXT NOT NULL,
        PRIMARY KEY (folder, place)
    ) STRICT
    """,
)


class Fate(StrEnum):
    """What became of a bundle.

    BEGUN: it is being seen to, or the process that did was killed. DONE, FORBIDDEN and FAILED are
    for good, FORBIDDEN as long as the policy stays as it is. EARLY: the hour keeps it. LATER:
    nothing was changed, and it may go better another time.
    """

    BEGUN = "begun"
    DONE = "done"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    EARLY = "early"
    LATER = "later"


@dataclass(frozen=True)
class Noted:
    """The newest note about a bundle; `time` is when it was made."""

    policy: Digest
    fate: Fate
    exit_code: int
    time: datetime


@dataclass(frozen=True)
class Place:
    """What was told of a place in a ferry folder when its files were as `print` says.

    `told` is what was said, in a form to compare; `bundle` the digest found there, or empty.
    """

    print: str
    told: str
    bundle: str = ""


class Ferried:
    """The notes of one zone."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        database.migrate("ferry", _SCHEMA)
        self._database, self._clock = database, clock

    def bundle(self, digest: Digest) -> Noted | None:
        """The note about a bundle; None for one that is new."""
        rows = self._database.query("SELECT * FROM ferried WHERE bundle = ?", (str(digest),))
        return None if not rows else Noted(
            Digest.parse(rows[0]["policy"]),
            Fate(rows[0]["fate"]),
            rows[0]["exit_code"],
            datetime.fromisoformat(rows[0]["time"]),
        )  # fmt: skip

    def note(self, digest: Digest, policy: Digest, fate: Fate, exit_code: int = 0) -> None:
        """Note what became of a bundle, in the place of what was noted before."""
        time = self._clock().isoformat(timespec="seconds")
        row = (str(digest), str(policy), fate.value, exit_code, time)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO ferried VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, digest: Digest) -> None:
        """Let a bundle be new again: what came of it was not whole."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM ferried WHERE bundle = ?", (str(digest),))

    def place(self, folder: str, place: str) -> Place | None:
        """What was told of a place."""
        rows = self._database.query(
            "SELECT print, told, bundle FROM ferry_places WHERE folder = ? AND place = ?",
            (folder, place),
        )
        return Place(**dict(rows[0])) if rows else None

    def tell(self, folder: str, place: str, told: Place) -> None:
        """Note what was told of a place."""
        row = (folder, place, told.print, told.told, told.bundle)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO ferry_places VALUES (?, ?, ?, ?, ?)", row)

    def keep(self, folder: str, places: Collection[str]) -> None:
        """Forget the places of a folder that are there no more."""
        rows = self._database.query("SELECT place FROM ferry_places WHERE folder = ?", (folder,))
        gone = [(folder, row["place"]) for row in rows if row["place"] not in places]
        if gone:
            with self._database.transaction() as connection:
                connection.executemany(
                    "DELETE FROM ferry_places WHERE folder = ? AND place = ?", gone
                )
