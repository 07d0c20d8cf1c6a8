"""The zone's own store: made once, when the zone is commissioned, and never by being used.

Invariant: the mark in the folder is durable before the database says which store it is; from then
on a folder without it, such as the mount point of a disk that is away, or with the mark of another,
is not the zone's store.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from champ_offline.durable.database import Database, DatabaseFull, DatabaseReadOnly
from champ_offline.oci.digest import ALGORITHMS
from champ_offline.store.blobs import BlobStore
from champ_offline.store.mark import MARK, Mark, StoreForeign

_SCHEMA = (
    "CREATE TABLE store (marked INTEGER NOT NULL) STRICT",
    "ALTER TABLE store ADD COLUMN identity TEXT NOT NULL DEFAULT ''",
)


def home(database: Database, root: Path) -> BlobStore:
    """The store of the zone that the database is of."""
    database.migrate("store", _SCHEMA)
    return BlobStore(root, identity=_known(database))


def settle(database: Database, blobs: BlobStore, zone: str) -> None:
    """Make the store of the zone of that name, or give one that was made before an identity.

    Nothing where the database knows it already, or the store is away. A mark that has an identity
    keeps it: it is this zone's from a moment before a crash, or before its database was restored.
    Raises StoreForeign where that mark names another zone.
    """
    known = _known(database)
    if known:
        return
    if known is None:
        _settle(database, blobs.root, zone)
    else:
        # The zone has its store as it was: a disk that takes nothing now is asked again next time.
        with suppress(DatabaseFull, DatabaseReadOnly, OSError):
            _settle(database, blobs.root, zone)
    blobs.hold_to(_known(database) or "")


def _settle(database: Database, root: Path, zone: str) -> None:
    with database.transaction() as connection:
        # Read again: another process may have done it meanwhile.
        known, found = _known(database), Mark.of(root)
        if known or (known == "" and found is None):
            return
        if known == "" and found is not None and found.zone not in {"", zone}:
            raise StoreForeign(path=root, zone=found.zone)
        mark = Mark(zone, found.identity) if found and found.identity else Mark.made_for(zone)
        if mark != found:
            mark.put(root)
        connection.execute("DELETE FROM store")
        connection.execute("INSERT INTO store VALUES (1, ?)", (mark.identity,))


def _known(database: Database) -> str | None:
    """The identity of the zone's store; empty where it was made before these, None for no store."""
    rows = database.query("SELECT identity FROM store")
    return str(rows[0]["identity"]) if rows else None


def holds_blobs(root: Path) -> bool:
    """Whether a folder, which may not be there, has blobs of a store in it."""
    folders = (root / algorithm for algorithm in ALGORITHMS)
    return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def is_marked(root: Path) -> bool:
    """Whether a folder was made, or taken over, as the store of some zone."""
    return (root / MARK).is_file()
