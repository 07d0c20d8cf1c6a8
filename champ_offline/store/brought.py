"""Which bundle brought which names, and what becomes of names whose bundle is wanted no more.

Invariant: a manifest keeps its name while any bundle that is not retired brought it under that
name, and what refers to something stays while any of them brought it; a tag leads to what the
latest of those bundles meant by it. What a retired bundle brought stays written down: it tells what
a blob once was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest

# The zones made before this table know what their bundles brought last.
_SCHEMA = (
    """
    CREATE TABLE brought (
        bundle TEXT NOT NULL,
        name TEXT NOT NULL,
        tag TEXT NOT NULL,
        digest TEXT NOT NULL,
        descriptor TEXT NOT NULL,
        retired INTEGER NOT NULL,
        PRIMARY KEY (bundle, name, tag)
    ) STRICT;
    CREATE INDEX brought_by_name ON brought (name, digest);
    INSERT INTO brought
        SELECT bundle, name, tag, digest, descriptor, 0 FROM refs WHERE bundle <> '';
    INSERT OR IGNORE INTO brought
        SELECT bundle, '', digest, digest, descriptor, 0 FROM referrers
    """,
)
_NOT_BY_ANOTHER = (
    "NOT EXISTS (SELECT 1 FROM brought o WHERE o.name = b.name AND o.digest = b.digest"
    " AND o.bundle <> b.bundle AND o.retired = 0)"
)


@dataclass(frozen=True)
class Brought:
    """Bundle `bundle` (a digest) gave `descriptor` the name `name:tag`.

    What refers to something has no name of its own: its `tag` is its digest then.
    """

    bundle: str
    name: str
    tag: str
    descriptor: Descriptor
    retired: bool

    @property
    def label(self) -> str:
        """How people know it."""
        return f"{self.name}:{self.tag}" if self.name else self.descriptor.artifact_type


class Bringing:
    """The table of what bundles brought. The tables of names are there already."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("brought", _SCHEMA)

    def all(self) -> list[Brought]:
        """Everything that any bundle ever brought, in the order of imports."""
        return [
            _brought(row) for row in self._database.query("SELECT * FROM brought ORDER BY rowid")
        ]

    def alone(self, bundle: str) -> list[Brought]:
        """What only this bundle, of those that are not retired, brought under its name."""
        rows = self._database.query(
            f"SELECT * FROM brought b WHERE bundle = ? AND {_NOT_BY_ANOTHER}"  # noqa: S608
            " ORDER BY name, tag",
            (bundle,),
        )
        return [_brought(row) for row in rows]

    def given(self, bundles: Collection[str]) -> set[tuple[str, str]]:
        """Names and tags that one of `bundles` brought, wherever they lead now."""
        return {(one.name, one.tag) for one in self.all() if one.name and one.bundle in bundles}

    def leading(self, bundles: Collection[str]) -> set[tuple[str, str]]:
        """Names and tags that lead to what one of `bundles` brought under them."""
        rows = self._database.query(
            "SELECT name, tag, b.bundle FROM refs r JOIN brought b USING (name, tag, digest)"
        )
        return {(row["name"], row["tag"]) for row in rows if row["bundle"] in bundles}

    def put(
        self, connection: sqlite3.Connection, rows: Iterable[tuple[str, str, str, str, str]]
    ) -> None:
        """Write down name, tag, digest, descriptor and bundle, inside the caller's transaction."""
        connection.executemany(
            "INSERT INTO brought (name, tag, digest, descriptor, bundle, retired)"
            " VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET retired = 0",
            list(rows),
        )

    def retire(self, connection: sqlite3.Connection, bundle: str) -> None:
        """Take back the names that only this bundle brought, inside the caller's transaction."""
        connection.execute("UPDATE brought SET retired = 1 WHERE bundle = ?", (bundle,))
        held = connection.execute(
            "SELECT r.name, r.tag FROM refs r JOIN brought b USING (name, tag, digest)"
            " WHERE b.bundle = ? AND r.bundle <> ''",
            (bundle,),
        ).fetchall()
        for row in held:
            self._pass_on(connection, row["name"], row["tag"])
        connection.execute(
            "DELETE FROM ref_manifests WHERE (name, digest) IN"  # noqa: S608
            f" (SELECT name, digest FROM brought b WHERE bundle = ? AND {_NOT_BY_ANOTHER})",
            (bundle,),
        )
        connection.execute(
            "DELETE FROM referrers WHERE digest IN"  # noqa: S608
            f" (SELECT digest FROM brought b WHERE bundle = ? AND name = '' AND {_NOT_BY_ANOTHER})",
            (bundle,),
        )

    def _pass_on(self, connection: sqlite3.Connection, name: str, tag: str) -> None:
        """Let a tag lead to what the latest bundle still wanted meant by it, or go."""
        row = connection.execute(
            "SELECT digest, descriptor, bundle FROM brought"
            " WHERE name = ? AND tag = ? AND retired = 0 ORDER BY rowid DESC LIMIT 1",
            (name, tag),
        ).fetchone()
        if row is None:
            connection.execute("DELETE FROM refs WHERE name = ? AND tag = ?", (name, tag))
        else:
            connection.execute(
                "UPDATE refs SET digest = ?, descriptor = ?, bundle = ? WHERE name = ? AND tag = ?",
                (*row, name, tag),
            )


def _brought(row: sqlite3.Row) -> Brought:
    descriptor = Descriptor.from_document(json.loads(row["descriptor"]), Digest.parse_registered)
    return Brought(row["bundle"], row["name"], row["tag"], descriptor, bool(row["retired"]))
