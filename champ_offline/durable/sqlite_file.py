"""How SQLite's files are made, opened and copied; `database` alone asks for it.

Invariant: SQLite itself never makes a database here: a file that is away is not replaced by an
empty one. No descriptor of a database is ever opened and closed beside SQLite's own: that would
drop the locks this process holds on it (SQLite, "How To Corrupt An SQLite Database File", section
2.2).
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from champ_offline.durable.owner import opened
from champ_offline.durable.write import sync_directory

_BUSY_SECONDS = 20.0
_PAUSE_SECONDS = 0.02


def make_private(path: Path) -> None:
    """Create an empty file with mode 0600, durably; one that is there is left as it is."""
    if not path.exists():
        with suppress(FileExistsError):
            os.close(opened(path, os.O_RDWR | os.O_EXCL, 0o600))
            sync_directory(path.parent)


def connected(path: Path, how: str = "mode=rw") -> sqlite3.Connection:
    """A connection to a file that is there (SQLite, "Uniform Resource Identifiers")."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
    )


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file, which no other has while it is open; None without a file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def switch_to_wal(connection: sqlite3.Connection) -> None:
    """WAL mode, waiting for whoever makes the same switch: SQLite's own timeout leaves it out."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def copied(source: sqlite3.Connection, path: Path) -> list[str]:
    """Fill the empty file `path` with all that is committed; gives what is damaged in the copy.

    Others go on writing meanwhile (SQLite, "Online Backup API"). Nothing belongs beside the copy.
    """
    with closing(connected(path)) as copy:
        # Nobody else has it, and the caller makes it durable: no shared memory, log or locks beside
        # it, which the file systems of sticks may not have.
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("PRAGMA journal_mode = OFF")
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check")]
    return [row for row in found if row != "ok"]
