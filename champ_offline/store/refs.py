"""What leads to content: a repository and tag to a manifest, a manifest to those that refer to it.

Invariant: a ref points at a manifest whose every blob was in the store when the ref was written;
refs and referrers of one bundle appear together in one transaction or not at all. A manifest that
lost its tag to a newer one stays reachable by digest under its name: a rollback pulls it. What
refers to a reachable manifest is reachable too. Every bundle that gave a tag its manifest is kept.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE refs (
        name TEXT NOT NULL,
        tag TEXT NOT NULL,
        digest TEXT NOT NULL,
        descriptor TEXT NOT NULL,
        bundle TEXT NOT NULL,
        PRIMARY KEY (name, tag)
    ) STRICT;
    CREATE TABLE ref_manifests (
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        descriptor TEXT NOT NULL,
        PRIMARY KEY (name, digest)
    ) STRICT
    """,
    """
    CREATE TABLE referrers (
        subject TEXT NOT NULL,
        digest TEXT NOT NULL,
        descriptor TEXT NOT NULL,
        bundle TEXT NOT NULL,
        PRIMARY KEY (subject, digest)
    ) STRICT
    """,
    """
    CREATE TABLE ref_bundles (
        name TEXT NOT NULL,
        tag TEXT NOT NULL,
        digest TEXT NOT NULL,
        bundle TEXT NOT NULL,
        PRIMARY KEY (name, tag, digest, bundle)
    ) STRICT;
    INSERT INTO ref_bundles SELECT name, tag, digest, bundle FROM refs
    """,
)


@dataclass(frozen=True)
class Ref:
    """`name` (registry host included) and `tag` lead to `descriptor`; `bundle` brought it first.

    A bundle is known by the digest of its bundle.json.
    """

    name: str
    tag: str
    descriptor: Descriptor
    bundle: str

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True)
class Referrer:
    """`descriptor`, with artifactType and annotations, has `subject`; `bundle` brought it."""

    subject: Digest
    descriptor: Descriptor
    bundle: str


class Refs:
    """The tables of names and referrers in the zone's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("refs", _SCHEMA)

    def resolve(self, name: str, tag: str) -> Descriptor | None:
        """What `name:tag` means now, or None."""
        rows = self._database.query(
            "SELECT descriptor FROM refs WHERE name = ? AND tag = ?", (name, tag)
        )
        return _descriptor(rows[0]) if rows else None

    def tags(self, name: str) -> list[str]:
        """The tags of a repository in the order of distribution-spec 1.1 ("Listing Tags")."""
        rows = self._database.query("SELECT tag FROM refs WHERE name = ? ORDER BY tag", (name,))
        return [row["tag"] for row in rows]

    def manifests(self, name: str) -> list[Descriptor]:
        """Every manifest a repository was ever given by a bundle, tagged now or not."""
        rows = self._database.query(
            "SELECT descriptor FROM ref_manifests WHERE name = ? ORDER BY digest", (name,)
        )
        return [_descriptor(row) for row in rows]

    def names(self) -> list[str]:
        """All repositories, sorted."""
        return [
            row["name"] for row in self._database.query("SELECT DISTINCT name FROM refs ORDER BY 1")
        ]

    def all(self) -> list[Ref]:
        """Every ref, sorted by name and tag."""
        rows = self._database.query("SELECT * FROM refs ORDER BY name, tag")
        return [Ref(row["name"], row["tag"], _descriptor(row), row["bundle"]) for row in rows]

    def not_of(self, bundles: Collection[str]) -> list[Ref]:
        """The refs that lead where none of `bundles` made them lead, sorted by name and tag."""
        rows = self._database.query(
            "SELECT name, tag, ref_bundles.bundle AS giver FROM refs"
            " JOIN ref_bundles USING (name, tag, digest)"
        )
        given = {(row["name"], row["tag"]) for row in rows if row["giver"] in bundles}
        return [ref for ref in self.all() if (ref.name, ref.tag) not in given]

    def given_by(self, bundles: Collection[str]) -> set[tuple[str, str]]:
        """Names and tags that one of `bundles` gave, wherever they lead now."""
        rows = self._database.query("SELECT name, tag, bundle FROM ref_bundles")
        return {(row["name"], row["tag"]) for row in rows if row["bundle"] in bundles}

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """The manifests that refer to `subject`, sorted by digest."""
        rows = self._database.query(
            "SELECT descriptor FROM referrers WHERE subject = ? ORDER BY digest", (str(subject),)
        )
        return [_descriptor(row) for row in rows]

    def all_referrers(self) -> list[Referrer]:
        """Every referrer, sorted by subject and digest."""
        rows = self._database.query("SELECT * FROM referrers ORDER BY subject, digest")
        return [
            Referrer(Digest.parse(row["subject"]), _descriptor(row), row["bundle"]) for row in rows
        ]

    def put(self, connection: sqlite3.Connection, refs: Iterable[Ref]) -> int:
        """Write refs inside the caller's transaction; returns how many changed."""
        changed = 0
        for ref in refs:
            connection.execute(
                "INSERT OR IGNORE INTO ref_manifests VALUES (?, ?, ?)",
                (ref.name, str(ref.descriptor.digest), _text(ref.descriptor)),
            )
            row = (ref.name, ref.tag, str(ref.descriptor.digest), _text(ref.descriptor), ref.bundle)
            changed += connection.execute(
                "INSERT INTO refs VALUES (?, ?, ?, ?, ?) ON CONFLICT (name, tag) DO UPDATE SET"
                " digest = excluded.digest, descriptor = excluded.descriptor,"
                " bundle = excluded.bundle WHERE digest <> excluded.digest",
                row,
            ).rowcount
            self.vouch(connection, (ref,))
        return changed

    def vouch(self, connection: sqlite3.Connection, refs: Iterable[Ref]) -> None:
        """Record that the refs' bundles give these names, inside the caller's transaction.

        Where the names lead does not change.
        """
        connection.executemany(
            "INSERT OR IGNORE INTO ref_bundles VALUES (?, ?, ?, ?)",
            [(ref.name, ref.tag, str(ref.descriptor.digest), ref.bundle) for ref in refs],
        )

    def put_referrers(self, connection: sqlite3.Connection, found: Iterable[Referrer]) -> None:
        """Write referrers inside the caller's transaction; known ones stay as they are."""
        connection.executemany(
            "INSERT OR IGNORE INTO referrers VALUES (?, ?, ?, ?)",
            [
                (str(one.subject), str(one.descriptor.digest), _text(one.descriptor), one.bundle)
                for one in found
            ],
        )


def _text(descriptor: Descriptor) -> str:
    return json.dumps(descriptor.to_document(), sort_keys=True)


def _descriptor(row: sqlite3.Row) -> Descriptor:
    return Descriptor.from_document(json.loads(row["descriptor"]))
