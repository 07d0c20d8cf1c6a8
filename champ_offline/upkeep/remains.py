"""What is left in the folder of a zone that lost its database: it is told apart from no zone.

Invariant: nobody is led to begin anew over what a backup gives back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from champ_offline.errors import ChampError, ExitCode
from champ_offline.paths import ZonePaths
from champ_offline.store.home import holds_blobs, is_marked


class DatabaseMissing(ChampError):
    """What a zone stores is there, and what names it is not."""

    id = "zone.database-missing"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "{path} holds {found} of a zone, but the zone's database champ.db is missing or empty."
    )
    remedy = (
        "Restore champ.db from the last backup (docs/backup.md), or mount the disk that has it."
        " Until then leave everything there as it is."
    )


class RemainsThere(ChampError):
    """A zone would be commissioned where another one lost its database."""

    id = "zone.remains-there"
    exit_code = ExitCode.USAGE
    message = "{path} holds {found} of a zone whose database champ.db is missing or empty."
    remedy = (
        "Nothing was changed. Restore that zone's champ.db from the last backup (docs/backup.md)."
        " Only if that zone is given up for good: move {found} out of {path}, then run the command"
        " again."
    )


def refuse_lost(paths: ZonePaths) -> None:
    """Raise DatabaseMissing where a folder that does not open as a zone was one."""
    if found := ", ".join(_remains(paths)):
        raise DatabaseMissing(path=paths.root, found=found)


def refuse_remains(paths: ZonePaths) -> None:
    """Raise RemainsThere where a zone that is to be made would take over what another left."""
    if found := ", ".join(_remains(paths)):
        raise RemainsThere(path=paths.root, found=found)


def _remains(paths: ZonePaths) -> Iterator[str]:
    """What of a zone is there, besides a database that names none.

    Making a zone that was cut short leaves a database and a mark: it is made by doing it again.
    """
    cut_short = paths.database.exists()
    if holds_blobs(paths.store) or (is_marked(paths.store) and not cut_short):
        yield paths.store.name
    for folder in (paths.pki, paths.uploads):
        if _has_files(folder):
            yield folder.name


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.iterdir())
