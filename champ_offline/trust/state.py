"""A zone's trust state: the pinned root chain and the version floor of every bundle.

Invariant: the newest root only ever follows from the one before it, and a floor only rises.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE trust_roots (version INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT;
    CREATE TABLE trust_floor (
        bundle TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL
    ) STRICT
    """,
)


@dataclass(frozen=True)
class Floor:
    """The newest accepted state of a bundle: its version and the digest of its bundle.json."""

    version: int
    digest: Digest


class TrustState:
    """Reads and raises what the zone trusts, in the zone's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("trust", _SCHEMA)

    def root(self) -> bytes:
        """The newest trusted root document; empty before the zone was commissioned."""
        rows = self._database.query(
            "SELECT document FROM trust_roots ORDER BY version DESC LIMIT 1"
        )
        return bytes(rows[0]["document"]) if rows else b""

    def floor(self, bundle: str) -> Floor | None:
        """The floor of one bundle, or None when the zone never accepted it."""
        rows = self._database.query(
            "SELECT version, digest FROM trust_floor WHERE bundle = ?", (bundle,)
        )
        return Floor(rows[0]["version"], Digest.parse(rows[0]["digest"])) if rows else None

    def pin(self, connection: sqlite3.Connection, version: int, root: bytes) -> None:
        """Trust `root` from now on, inside the caller's transaction."""
        connection.execute("INSERT OR IGNORE INTO trust_roots VALUES (?, ?)", (version, root))

    def raise_floor(self, connection: sqlite3.Connection, bundle: str, floor: Floor) -> None:
        """Never accept less than `floor` for `bundle` again, inside the caller's transaction."""
        connection.execute(
            "INSERT INTO trust_floor VALUES (?, ?, ?) ON CONFLICT (bundle) DO UPDATE SET"
            " version = excluded.version, digest = excluded.digest"
            " WHERE excluded.version > version",
            (bundle, floor.version, str(floor.digest)),
        )
