"""The bundles that a zone holds, or held: one row each, and their papers.

Invariant: a row stays for ever; a retired bundle keeps its row alone, so that it is known if it
comes again, and what it was.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.papers import Papers, wanted
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.trust.dates import packing_time
from champ_offline.trust.state import TrustState

_SCHEMA = (
    """
    CREATE TABLE bundles (
        digest TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        document BLOB NOT NULL,
        imported TEXT NOT NULL
    ) STRICT
    """,
    "ALTER TABLE bundles ADD COLUMN retired TEXT NOT NULL DEFAULT ''",
)


@dataclass(frozen=True)
class KnownBundle:
    """A bundle the zone holds; times are ISO 8601 in UTC, `retired` empty while it is wanted.

    `packed` is when it was packed. It `stands` unless only withdrawn keys vouch for it; `current`
    where it is the newest of its name that stands.
    """

    digest: Digest
    document: BundleDocument
    imported: str
    packed: datetime
    stands: bool
    current: bool
    retired: str = ""


class HeldBundles:
    """The table of bundles in a zone's database, with the `papers` of those that are wanted."""

    def __init__(self, database: Database, trust: TrustState) -> None:
        self._database, self._trust = database, trust
        self.papers = Papers(database)
        database.migrate("bundles", _SCHEMA)

    def ever(self) -> list[KnownBundle]:
        """All bundles the zone ever imported, those that were retired too, oldest first."""
        rows = self._database.query("SELECT * FROM bundles ORDER BY imported, name, sequence")
        root = self._trust.root()
        standing = self._trust.standing(root) if rows else set()
        current = {str(one.digest) for one in self._trust.floors(root)} if rows else set()
        return [
            KnownBundle(
                Digest.parse(row["digest"]),
                BundleDocument.from_bytes(row["document"], row["name"]),
                row["imported"],
                packing_time(row["sequence"]),
                stands=row["digest"] in standing,
                current=row["digest"] in current,
                retired=row["retired"],
            )
            for row in rows
        ]

    def retired(self, bundle: Digest) -> bool | None:
        """Whether a bundle was retired; None where the zone never had it."""
        rows = self._database.query("SELECT retired FROM bundles WHERE digest = ?", (str(bundle),))
        return bool(rows[0]["retired"]) if rows else None

    def retire(self, connection: sqlite3.Connection, bundle: Digest, now: str) -> None:
        """Want the bundle no more, inside the caller's transaction."""
        connection.execute("UPDATE bundles SET retired = ? WHERE digest = ?", (now, str(bundle)))
        self.papers.forget(connection, bundle)

    def record(self, connection: sqlite3.Connection, bundle: VerifiedBundle, now: str) -> None:
        """Hold the bundle from now on, inside the caller's transaction."""
        document = bundle.document
        connection.execute(
            "INSERT INTO bundles (digest, name, version, sequence, document, imported)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET retired = ''",
            (
                str(bundle.trusted.digest),
                document.name,
                document.version,
                bundle.trusted.version,
                document.to_bytes(),
                now,
            ),
        )

    def keep_papers(
        self, connection: sqlite3.Connection, bundle: VerifiedBundle, index: bytes
    ) -> None:
        """Keep the papers of a bundle whose `index` is its index.json, inside a transaction."""
        self.papers.keep(connection, bundle.trusted.digest, wanted(bundle, index))
