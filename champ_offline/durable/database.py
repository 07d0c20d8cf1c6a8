"""The zone's SQLite database: everything mutable, changed only in transactions.

Invariant: WAL with synchronous=FULL, so a committed transaction survives a power cut; each
component owns its tables and a list of schema steps that is only ever appended to. A disk that is
full or read-only lets everything be read that was committed; nothing is then written. The file is
made by `Database.create` alone; nothing is committed to one that is no longer at its path.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

from champ_offline.durable.owner import FileForbidden, obstacle, user_name
from champ_offline.durable.space import free_bytes, is_read_only
from champ_offline.durable.sqlite_file import (
    connected,
    copied,
    identity,
    make_private,
    switch_to_wal,
)
from champ_offline.errors import ChampError, ExitCode, Quoted

# One change of a component's tables: SQL, or a function where rows must be read to be changed.
Step: TypeAlias = str | Callable[[sqlite3.Connection], None]

_LEAST_ROOM = 64 * 1024
_BESIDE = ("-wal", "-shm")
# What SQLite says, among other reasons, where a disk takes nothing more.
_DISK = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


class DatabaseUnusable(ChampError):
    """The database file cannot be opened or is damaged."""

    id = "durable.database-unusable"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's database {path} cannot be used: {reason}."
    remedy = (
        "Check the disk and the file's owner; restore the file from the last backup if needed"
        " (docs/backup.md)."
    )


class DatabaseGone(ChampError):
    """The database file was removed or replaced, or its folder was."""

    id = "durable.database-gone"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's database {path} is gone: it was removed, or another file is in its place."
    remedy = (
        "Nothing is written any more. Stop the registry, restore the file from the last backup"
        " (docs/backup.md), and start the registry again."
    )


class DatabaseForbidden(ChampError):
    """Somebody else's zone."""

    id = "durable.database-forbidden"
    exit_code = ExitCode.PREFLIGHT
    message = "The zone {path} belongs to user {owner}; this is user {user}."
    remedy = "Run the command as user {owner}; nothing is wrong with the zone."


class DatabaseFull(ChampError):
    """The disk has no room for what the database is to remember."""

    id = "durable.database-full"
    exit_code = ExitCode.PREFLIGHT
    message = "The disk of the zone's database {path} is full."
    remedy = "Free some space, then run the command again; the zone is as it was before."


class DatabaseReadOnly(ChampError):
    """The disk with the database is mounted read-only and something is to be remembered."""

    id = "durable.database-read-only"
    exit_code = ExitCode.PREFLIGHT
    message = "The disk of the zone's database {path} is read-only."
    remedy = "Mount it for writing, then run the command again; nothing is wrong with the zone."


class CopyFailed(ChampError):
    """A copy of the database did not come about: a full disk where it was to be, or a fault."""

    id = "durable.copy-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The zone's database could not be copied to {folder}: {reason}."
    remedy = "Free some space there, or name another place; no part of a copy was left."


class DatabaseNewer(ChampError):
    """The database was written by a newer release of this program."""

    id = "durable.database-newer"
    exit_code = ExitCode.PREFLIGHT
    message = "The zone's database {path} has “{component}” at version {found}; known is {known}."
    remedy = "Use the release of champ that wrote it, or a newer one."


class Database:
    """One SQLite file, one connection a thread, transactions begun IMMEDIATE.

    The file that is opened first is the database for good: one that takes its place is another.
    """

    def __init__(self, path: Path) -> None:
        """Open the file; raises DatabaseGone where there is none, DatabaseUnusable."""
        self.path = path
        self._file: tuple[int, int] | None = None
        self._local = threading.local()
        self._every: list[sqlite3.Connection] = []
        with self._translated():
            self._connection().execute(
                "CREATE TABLE IF NOT EXISTS schema_version"
                " (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"
            )

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the file, with mode 0600, unless it is there; then open it. For new zones alone."""
        make_private(path)
        return cls(path)

    def require(self) -> None:
        """Raise DatabaseGone unless the file that was opened is the one at the path."""
        if self._file is None or identity(self.path) != self._file:
            raise DatabaseGone(path=self.path)

    def migrate(self, component: str, steps: Sequence[Step]) -> None:
        """Apply the schema steps of `component` that this file lacks, all or none.

        Raises DatabaseNewer where the file has more steps than there are.
        """
        if self._version(component) == len(steps):
            return
        with self.transaction() as connection:
            # Read again: another process may have brought the tables up to date meanwhile.
            version = self._version(component)
            if version > len(steps):
                raise DatabaseNewer(
                    path=self.path, component=component, found=version, known=len(steps)
                )
            for step in steps[version:]:
                if callable(step):
                    step(connection)
                else:
                    _execute(connection, step)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?)"
                " ON CONFLICT (component) DO UPDATE SET version = excluded.version",
                (component, len(steps)),
            )

    def _version(self, component: str) -> int:
        rows = self.query("SELECT version FROM schema_version WHERE component = ?", (component,))
        return int(rows[0]["version"]) if rows else 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, serialised against every other writer.

        Raises DatabaseFull, DatabaseGone, DatabaseUnusable, also for statements executed inside.
        """
        with self._translated():
            connection = self._writing()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                self.require()
                connection.execute("COMMIT")
                self._local.commits = self._commits + 1
            except BaseException:
                if connection.in_transaction:  # SQLite itself ends some that the disk refused
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every writer out without writing anything: also where the disk has no room at all.

        Nobody can have the database open to write where there is no room for the files beside it;
        it is then held as a whole (SQLite, "Write-Ahead Logging", section 8).
        """
        with self._translated():
            own = self._writing()
            connection = self._sole() if self._reads_only else own
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self.require()  # a lock on another file keeps nobody out
                    yield
                finally:
                    connection.execute("ROLLBACK")
            finally:
                if connection is not own:
                    connection.close()

    def _sole(self) -> sqlite3.Connection:
        connection = connected(self.path)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        return connection

    @contextmanager
    def rehearsal(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is undone at its end: to see what it would change."""
        with self._translated():
            connection = self._writing()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def _writing(self) -> sqlite3.Connection:
        """This thread's connection; one that could only read is opened anew: room may be back."""
        connection = self._connection()
        if not self._reads_only:
            return connection
        self._every.remove(connection)
        connection.close()
        self._local.connection = None
        self._local.commits = self._commits + 1  # what another connection counts is not comparable
        return self._connection()

    @property
    def _reads_only(self) -> bool:
        return bool(self._connection().execute("PRAGMA query_only").fetchone()[0])

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows of a read; raises DatabaseFull, DatabaseUnusable."""
        with self._translated():
            return self._connection().execute(sql, parameters).fetchall()

    def changes(self) -> tuple[int, int, int]:
        """A value that another one follows as soon as anybody commits: this thread or any other.

        For what is remembered of this database by one thread: values of two threads never agree
        (SQLite, "PRAGMA data_version": of a connection, and blind to its own commits).
        """
        try:
            row = self._connection().execute("PRAGMA data_version").fetchone()
        except sqlite3.DatabaseError as error:  # asked for every request: no context around it
            raise self._told(error) from error
        return threading.get_ident(), self._commits, row[0]

    @property
    def _commits(self) -> int:
        return int(getattr(self._local, "commits", 0))

    def damage(self) -> list[str]:
        """What SQLite's own integrity check finds; empty when the file is sound."""
        rows = [str(row[0]) for row in self.query("PRAGMA integrity_check")]
        return [row for row in rows if row != "ok"]

    def copy_to(self, path: Path) -> None:
        """Fill the empty file `path` with all that is committed now; others go on writing.

        Raises CopyFailed, DatabaseGone, and DatabaseUnusable where this file, and so the copy, is
        damaged.
        """
        with self._translated():
            connection = self._connection()
            try:
                found = copied(connection, path)
            except sqlite3.OperationalError as error:
                raise CopyFailed(folder=path.parent, reason=Quoted(error)) from error
        self.require()
        if found:
            raise DatabaseUnusable(path=self.path, reason=Quoted(found[0]))

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._every:
            self._every.pop().close()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Looked at before: opening another file would fold the log beside it into that one.
            found = identity(self.path)
            if found is None or found != (self._file or found):
                raise DatabaseGone(path=self.path)
            connection = self._open()
            self._file = self._file or identity(self.path)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            self._every.append(connection)
        return connection

    def _open(self) -> sqlite3.Connection:
        """To read and write; to read alone where the disk has no room for the files beside it."""
        if is_read_only(self.path.parent):
            return self._open_to_read()
        connection = connected(self.path)
        try:
            switch_to_wal(connection)
        except sqlite3.OperationalError as error:
            connection.close()
            if not _lacks_room(error, self.path) or self._has_log():
                raise
            return self._open_to_read()
        return connection

    def _open_to_read(self) -> sqlite3.Connection:
        """Without any file beside the database, unless a log has what the file itself lacks.

        Nobody else writes: the disk cannot be written to (SQLite, "Write-Ahead Logging", section
        "Read-Only Databases").
        """
        how = "mode=ro" if self._has_log() else "mode=ro&immutable=1"
        connection = connected(self.path, how)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _has_log(self) -> bool:
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.DatabaseError) -> ChampError:
        """What SQLite says, in our words."""
        if _code(error) & 0xFF in _DISK and identity(self.path) is None:
            return DatabaseGone(path=self.path)
        if _code(error) & 0xFF in _DISK and is_read_only(self.path.parent):
            return DatabaseReadOnly(path=self.path)
        if _lacks_room(error, self.path):
            return DatabaseFull(path=self.path)
        if _code(error) & 0xFF in _DISK and (found := _forbidden(self.path)):
            return found
        return DatabaseUnusable(path=self.path, reason=Quoted(error))


def _forbidden(path: Path) -> ChampError | None:
    """Why this user may not write to the database or a file beside it, if it is about whose."""
    for place in (path, *(path.with_name(f"{path.name}{end}") for end in _BESIDE)):
        found = obstacle(place) if place.exists() else None
        if isinstance(found, FileForbidden):
            owner, user = user_name(path.parent.stat().st_uid), user_name(os.geteuid())
            return DatabaseForbidden(path=path.parent, owner=owner, user=user)
        if found is not None:
            return found
    return None


def _execute(connection: sqlite3.Connection, step: str) -> None:
    for statement in _statements(step):
        connection.execute(statement)


def _statements(step: str) -> Iterator[str]:
    """The statements of a schema step; a trigger has semicolons of its own."""
    statement = ""
    for piece in step.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


def _lacks_room(error: sqlite3.DatabaseError, path: Path) -> bool:
    """Whether the disk is full: SQLite says so, except of the files beside the database."""
    code = _code(error)
    if code == sqlite3.SQLITE_FULL:
        return True
    return code & 0xFF in _DISK and free_bytes(path.parent) < _LEAST_ROOM


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR))
