"""The names a zone knows, read at a glance: for whoever completes a word that is being typed.

Invariant: reads only. No lock is taken, no file is made or changed, nobody is waited for, and what
cannot be read at once has no names. Nothing is decided by what stands here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from enum import Enum
from pathlib import Path

from champ_offline.paths import ZonePaths

MOST = 1000


class Names(Enum):
    """A kind of name, with the query that lists it."""

    RELEASES = "SELECT release FROM releases"
    APPS = "SELECT substr(name, 18) FROM refs WHERE name LIKE 'champ.local/apps/%'"
    BUNDLES = "SELECT name FROM bundles WHERE retired = ''"
    CLUSTERS = "SELECT name FROM clusters"
    CLIENTS = "SELECT name FROM clients"
    BACKUPS = "SELECT CAST(number AS TEXT) FROM backups"


def names(zone: Path, kind: Names) -> list[str]:
    """The names of that kind in a zone's folder, sorted; at most 1,000, none where none are had."""
    path = ZonePaths(zone).database
    try:
        return _read(path, kind) if path.is_file() else []
    except (OSError, sqlite3.Error):
        # A folder that is no zone, a zone of another version, one that may not be read: whoever
        # types is told by the command itself, when it is run.
        return []


def _read(path: Path, kind: Names) -> list[str]:
    log = path.with_name(f"{path.name}-wal")
    # Without a log the file is all there is: read so, SQLite makes no file beside it ("Uniform
    # Resource Identifiers", immutable). With one its shared memory is there as well.
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", timeout=0, uri=True)) as base:
        return sorted({str(row[0]) for row in base.execute(kind.value)})[:MOST]
