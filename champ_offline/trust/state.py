"""A zone's trust state: the newest root, what was accepted under it, and what was overridden.

Invariant: the newest root only ever follows from the one before it. What was accepted is never
forgotten; the floor of a bundle is the highest version accepted that keys of the newest root still
vouch for, so it only falls when a root withdraws the keys that raised it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.trust.overrides import Overridden
from champ_offline.trust.roots import read_draft, read_root
from champ_offline.trust.trusted import Accepted, TrustedBundle

_SCHEMA = (
    """
    CREATE TABLE trust_roots (version INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT;
    CREATE TABLE trust_floor (
        bundle TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE trust_accepted (
        bundle TEXT NOT NULL,
        version INTEGER NOT NULL,
        digest TEXT NOT NULL,
        keys TEXT,
        time TEXT,
        PRIMARY KEY (bundle, version)
    ) STRICT;
    INSERT INTO trust_accepted SELECT bundle, version, digest, NULL, NULL FROM trust_floor;
    DROP TABLE trust_floor;
    CREATE TABLE trust_overrides (
        time TEXT NOT NULL,
        bundle TEXT NOT NULL,
        version INTEGER NOT NULL,
        kind TEXT NOT NULL,
        about TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT
    """,
)


@dataclass(frozen=True)
class OverrideRecord:
    """An override that was used: when (ISO 8601), for which bundle, about what, and why.

    Where the zone was commissioned `bundle` is empty and `version` that of the root.
    """

    time: str
    bundle: str
    version: int
    kind: str
    about: tuple[str, ...]
    reason: str


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

    def roots(self) -> list[bytes]:
        """Every root the zone ever trusted, oldest first."""
        rows = self._database.query("SELECT document FROM trust_roots ORDER BY version")
        return [bytes(row["document"]) for row in rows]

    def accepted(self) -> list[Accepted]:
        """Every bundle state the zone ever accepted, in ascending order of versions."""
        rows = self._database.query("SELECT * FROM trust_accepted ORDER BY version, bundle")
        return [
            Accepted(
                row["bundle"],
                row["version"],
                Digest.parse(row["digest"]),
                None if row["keys"] is None else json.loads(row["keys"]),
            )
            for row in rows
        ]

    def floor(self, bundle: str, root: bytes) -> Accepted | None:
        """The floor of one bundle under `root`, or None when the zone has none."""
        return next((a for a in self.floors(root) if a.bundle == bundle), None)

    def floors(self, root: bytes) -> list[Accepted]:
        """The floor of every bundle that has one under `root`."""
        trusted = read_root(root, "root")
        highest = {a.bundle: a for a in self.accepted() if a.stands(trusted)}
        return list(highest.values())

    def standing(self, root: bytes) -> set[str]:
        """The digests of every bundle.json that keys of `root` still vouch for."""
        trusted = read_root(root, "root")
        return {str(a.digest) for a in self.accepted() if a.stands(trusted)}

    def overrides(self) -> list[OverrideRecord]:
        """Every override that was used, oldest first."""
        rows = self._database.query("SELECT * FROM trust_overrides ORDER BY time, rowid")
        return [
            OverrideRecord(**{**dict(row), "about": tuple(json.loads(row["about"]))})
            for row in rows
        ]

    def pin(self, connection: sqlite3.Connection, version: int, root: bytes) -> None:
        """Trust `root` from now on, inside the caller's transaction."""
        connection.execute("INSERT OR IGNORE INTO trust_roots VALUES (?, ?)", (version, root))

    def keep_line(self, connection: sqlite3.Connection, roots: Iterable[bytes]) -> None:
        """Trust the last of roots that were followed, and keep those on the way to it.

        Another zone that is to follow needs every one. Inside the caller's transaction.
        """
        newest = read_root(self.root(), "root").version
        for root in roots:
            version = read_draft(root, "root").signed.version
            if version > newest:
                self.pin(connection, version, root)

    def accept(
        self, connection: sqlite3.Connection, bundle: str, trusted: TrustedBundle, now: str
    ) -> None:
        """Record that `bundle` was accepted: root, version, who signed, and what was overridden.

        Inside the caller's transaction; `now` is an ISO 8601 time.
        """
        self.pin(connection, trusted.root_version, trusted.root)
        keys: dict[str, list[str]] = {}
        for signer in trusted.signers:
            keys.setdefault(signer.role, []).append(signer.key)
        connection.execute(
            "INSERT OR REPLACE INTO trust_accepted VALUES (?, ?, ?, ?, ?)",
            (bundle, trusted.version, str(trusted.digest), json.dumps(keys, sort_keys=True), now),
        )
        self.keep(connection, bundle, trusted.version, trusted.overridden, now)

    def keep(
        self,
        connection: sqlite3.Connection,
        bundle: str,
        version: int,
        overridden: Sequence[Overridden],
        now: str,
    ) -> None:
        """Record overrides, inside the caller's transaction; the fields as in OverrideRecord."""
        connection.executemany(
            "INSERT INTO trust_overrides VALUES (?, ?, ?, ?, ?, ?)",
            [
                (now, bundle, version, used.kind, json.dumps(used.about), used.reason)
                for used in overridden
            ],
        )
