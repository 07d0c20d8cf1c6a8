"""The zone's own store: made once, when the zone is commissioned, and never by being used.

Invariant: the mark in the folder is durable before the database says that there is one; from then
on a folder without it, such as the mount point of a disk that is away, is not the zone's store.
"""

from __future__ import annotations

from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.store.blobs import BlobStore

_SCHEMA = ("CREATE TABLE store (marked INTEGER NOT NULL) STRICT",)


def home(database: Database, root: Path) -> BlobStore:
    """The store of the zone that the database is of."""
    database.migrate("store", _SCHEMA)
    return BlobStore(root, marked=bool(database.query("SELECT 1 FROM store")))


def settle(database: Database, root: Path) -> BlobStore:
    """Make the zone's store, or mark one that was made before stores were marked; then as `home`.

    Nothing where it has its mark already.
    """
    if not database.query("SELECT 1 FROM store"):
        BlobStore.mark(root)
        with database.transaction() as connection:
            connection.execute("INSERT INTO store VALUES (1)")
    return home(database, root)
