"""What long runs read of the store: pushes to other registries, and exports to media.

Invariant: what a run under way holds stays in the store, whatever is retired and collected
meanwhile. A run is under way as long as it has the flock(2) of its place: the kernel ends it with
the process, so whoever was killed holds nothing, nobody cleans up, and no process id is compared.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock, Locked, is_held
from champ_offline.durable.write import make_directory
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE readings (
        place INTEGER PRIMARY KEY,
        reader TEXT NOT NULL,
        since TEXT NOT NULL,
        content TEXT NOT NULL
    ) STRICT
    """,
)


class Reader(StrEnum):
    """What kind of run reads the store."""

    PUSH = "push"
    EXPORT = "export"


@dataclass(frozen=True, order=True)
class UnderWay:
    """A run that has not ended, and since when it reads (ISO 8601, UTC)."""

    since: str
    reader: Reader


@dataclass(frozen=True)
class Reading:
    """All that a run under way will still read."""

    run: UnderWay
    content: frozenset[Digest]


class Place:
    """That of one run under way; see `Readings.begin`."""

    def __init__(self, number: int, run: UnderWay) -> None:
        self._number, self._run = number, run

    def hold(self, connection: sqlite3.Connection, content: Iterable[Digest]) -> None:
        """From now on keep this and nothing else in the store.

        `connection` is of the transaction in which the caller found that all of it was needed: what
        nothing led to before may be gone already.
        """
        digests = json.dumps(sorted(map(str, set(content))))
        connection.execute(
            "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)",
            (self._number, self._run.reader, self._run.since, digests),
        )


class Readings:
    """Those of one zone; `folder` has a lock file for each place (store/FORMAT.md)."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        database.migrate("readings", _SCHEMA)

    @contextmanager
    def begin(self, reader: Reader, now: Callable[[], datetime]) -> Iterator[Place]:
        """A run, which ends with the block or with the process; it holds nothing yet."""
        make_directory(self._folder)
        with ExitStack() as lock:
            number = self._take_place(lock)
            yield Place(number, UnderWay(now().isoformat(timespec="seconds"), reader))

    def under_way(self) -> list[Reading]:
        """The runs that have not ended, the longest first; changes nothing."""
        rows = self._database.query("SELECT * FROM readings ORDER BY since, place")
        return [_reading(row) for row in rows if self._is_taken(row["place"])]

    def forget(self) -> None:
        """Let go of rows of runs that have ended; they count for nothing as it is."""
        rows = self._database.query("SELECT place FROM readings")
        if all(self._is_taken(row["place"]) for row in rows):
            return
        with self._database.transaction() as connection:  # places are taken before rows are written
            ended = [(row["place"],) for row in rows if not self._is_taken(row["place"])]
            connection.executemany("DELETE FROM readings WHERE place = ?", ended)

    def _take_place(self, lock: ExitStack) -> int:
        """The first place that nobody has; whoever looks at it right now leaves it to the next."""
        for number in count(1):
            with suppress(Locked):
                lock.enter_context(FileLock(self._path(number)))
                return number
        raise AssertionError

    def _is_taken(self, number: int) -> bool:
        return is_held(self._path(number))

    def _path(self, number: int) -> Path:
        return self._folder / str(number)


def _reading(row: sqlite3.Row) -> Reading:
    run = UnderWay(row["since"], Reader(row["reader"]))
    return Reading(run, frozenset(map(Digest.parse_registered, json.loads(row["content"]))))
