"""A copy of the zone's database that can be put back: made by SQLite, whole, while it is in use.

Invariant: the copy appears under its name when it is whole, sound and on the disk, and replaces
nothing. What it says of itself in the audit chain is part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.durable.write import filled
from champ_offline.errors import ChampError, ExitCode
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit


class BackupThere(ChampError):
    """A backup would overwrite something."""

    id = "zone.backup-there"
    exit_code = ExitCode.USAGE
    message = "{path} is there already, and a backup overwrites nothing."
    remedy = "Name a file that is not there yet."


@dataclass(frozen=True)
class BackedUp:
    """A copy of a zone's database: where it is, its bytes, and the head of the audit chain in it.

    The head is as `champ audit verify --head` takes it.
    """

    path: Path
    size: int
    head: str


def back_up(zone: str, database: Database, audit: Audit, path: Path) -> BackedUp:
    """Copy the zone's database to `path`, with mode 0600.

    Raises BackupThere, CopyFailed, DatabaseFull, DatabaseGone, DatabaseUnusable, OSError; nothing
    is left then but a row of the audit chain at most.
    """
    try:
        with filled(path) as partial:
            audit.record(done(Act.BACKUP, zone))
            database.copy_to(partial)
            head = str(audit.head())
    except FileExistsError as error:
        raise BackupThere(path=path) from error
    return BackedUp(path, path.stat().st_size, head)
