"""What leads to content: a repository and tag to a manifest, a manifest to those that refer to it.

Invariant: a ref points at a manifest whose every blob was in the store when the ref was written;
refs and referrers of one bundle appear together in one transaction or not at all. A manifest that
lost its tag to a newer one stays reachable by digest under its name: a rollback pulls it. What
refers to a reachable manifest is reachable too. A name that a bundle brought belongs to bundles;
tags that clients pushed have no bundle, and only the registry knows of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.brought import Bringing

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
        self.brought = Bringing(database)

    def resolve(self, name: str, tag: str) -> Descriptor | None:
        """What `name:tag` means now, or None."""
        rows = self._database.query(
            "SELECT descriptor FROM refs WHERE name = ? AND tag = ?", (name, tag)
        )
        return _descriptor(rows[0]) if rows else None

    def tags(self, name: str) -> list[str]:
        """The tags of a repository in the order of distribution-spec 1.1 ("Listing Tags")."""
        return list(self.tagged(name))

    def tagged(self, name: str) -> dict[str, Descriptor]:
        """What each tag of a repository leads to, in the order of `tags`.

        Pushed ones count where no bundle brought the repository.
        """
        rows = self._database.query(
            "SELECT tag, descriptor FROM refs WHERE name = ? AND (bundle <> '' OR NOT EXISTS"
            " (SELECT 1 FROM ref_manifests m WHERE m.name = refs.name)) ORDER BY tag",
            (name,),
        )
        return {row["tag"]: _descriptor(row) for row in rows}

    def owned(self, name: str) -> bool:
        """Whether a bundle brought the repository; nobody else writes into it then."""
        sql = "SELECT 1 FROM ref_manifests WHERE name = ? LIMIT 1"
        return bool(self._database.query(sql, (name,)))

    def manifests(self, name: str) -> list[Descriptor]:
        """Every manifest a repository was ever given by a bundle, tagged now or not."""
        rows = self._database.query(
            "SELECT descriptor FROM ref_manifests WHERE name = ? ORDER BY digest", (name,)
        )
        return [_descriptor(row) for row in rows]

    def names(self) -> list[str]:
        """All repositories that bundles brought, sorted."""
        rows = self._database.query("SELECT DISTINCT name FROM ref_manifests ORDER BY 1")
        return [row["name"] for row in rows]

    def all(self) -> list[Ref]:
        """Every ref that a bundle brought, sorted by name and tag."""
        rows = self._database.query("SELECT * FROM refs WHERE bundle <> '' ORDER BY name, tag")
        return [Ref(row["name"], row["tag"], _descriptor(row), row["bundle"]) for row in rows]

    def tagged_anywhere(self) -> list[Descriptor]:
        """What tags lead to that bundles brought."""
        sql = "SELECT descriptor FROM refs WHERE bundle <> ''"
        return list(map(_descriptor, self._database.query(sql)))

    def pushed(self) -> list[Ref]:
        """Every tag that clients pushed, sorted by name and tag."""
        rows = self._database.query("SELECT * FROM refs WHERE bundle = '' ORDER BY name, tag")
        return [Ref(row["name"], row["tag"], _descriptor(row), "") for row in rows]

    def pushed_anywhere(self) -> list[Descriptor]:
        """What tags lead to that clients pushed."""
        sql = "SELECT descriptor FROM refs WHERE bundle = ''"
        return list(map(_descriptor, self._database.query(sql)))

    def manifests_anywhere(self) -> list[Descriptor]:
        """Every manifest that bundles gave any repository, tagged now or not."""
        return list(map(_descriptor, self._database.query("SELECT descriptor FROM ref_manifests")))

    def not_of(self, bundles: Collection[str]) -> list[Ref]:
        """The refs that lead where none of `bundles` made them lead, sorted by name and tag."""
        given = self.brought.leading(bundles)
        return [ref for ref in self.all() if (ref.name, ref.tag) not in given]

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
        changed, rows = 0, []
        for ref in refs:
            connection.execute(
                "INSERT OR IGNORE INTO ref_manifests VALUES (?, ?, ?)",
                (ref.name, str(ref.descriptor.digest), _text(ref.descriptor)),
            )
            row = _row(ref)
            rows.append(row)
            changed += connection.execute(
                "INSERT INTO refs VALUES (?, ?, ?, ?, ?) ON CONFLICT (name, tag) DO UPDATE SET"
                " digest = excluded.digest, descriptor = excluded.descriptor,"
                " bundle = excluded.bundle WHERE digest <> excluded.digest OR bundle = ''",
                row,
            ).rowcount
        self.brought.put(connection, rows)
        return changed

    def vouch(self, connection: sqlite3.Connection, refs: Iterable[Ref]) -> None:
        """Record that the refs' bundles give these names, inside the caller's transaction.

        Where the names lead does not change.
        """
        self.brought.put(connection, map(_row, refs))

    def tag(
        self, connection: sqlite3.Connection, name: str, tag: str, descriptor: Descriptor
    ) -> None:
        """Let a pushed tag lead to `descriptor`, inside the caller's transaction."""
        connection.execute(
            "INSERT OR REPLACE INTO refs VALUES (?, ?, ?, ?, '')",
            (name, tag, str(descriptor.digest), _text(descriptor)),
        )

    def untag(
        self,
        connection: sqlite3.Connection,
        name: str,
        *,
        tag: str = "",
        digest: Digest | None = None,
    ) -> int:
        """Remove pushed tags, by name or by what they lead to; returns how many went."""
        return connection.execute(
            "DELETE FROM refs WHERE bundle = '' AND name = ? AND (tag = ? OR digest = ?)",
            (name, tag, str(digest) if digest else ""),
        ).rowcount

    def displace(self, connection: sqlite3.Connection, name: str) -> dict[str, Digest]:
        """Remove all pushed tags of a repository; what each led to, in the order of tags."""
        rows = connection.execute(
            "SELECT tag, digest FROM refs WHERE bundle = '' AND name = ? ORDER BY tag", (name,)
        ).fetchall()
        connection.execute("DELETE FROM refs WHERE bundle = '' AND name = ?", (name,))
        return {row["tag"]: Digest.parse_registered(row["digest"]) for row in rows}

    def put_referrers(self, connection: sqlite3.Connection, found: Iterable[Referrer]) -> None:
        """Write referrers inside the caller's transaction; known ones stay as they are."""
        rows = [
            (str(one.subject), str(one.descriptor.digest), _text(one.descriptor), one.bundle)
            for one in found
        ]
        connection.executemany("INSERT OR IGNORE INTO referrers VALUES (?, ?, ?, ?)", rows)
        self.brought.put(
            connection, [("", digest, digest, text, bundle) for _, digest, text, bundle in rows]
        )

    def drop_referrers(self, connection: sqlite3.Connection, kept: Collection[Digest]) -> None:
        """Remove those whose subject is not `kept`, inside the caller's transaction."""
        rows = connection.execute("SELECT DISTINCT subject FROM referrers").fetchall()
        gone = [(row["subject"],) for row in rows if Digest.parse(row["subject"]) not in kept]
        connection.executemany("DELETE FROM referrers WHERE subject = ?", gone)


def _row(ref: Ref) -> tuple[str, str, str, str, str]:
    descriptor = ref.descriptor
    return (ref.name, ref.tag, str(descriptor.digest), _text(descriptor), ref.bundle)


def _text(descriptor: Descriptor) -> str:
    return json.dumps(descriptor.to_document(), sort_keys=True)


def _descriptor(row: sqlite3.Row) -> Descriptor:
    document = json.loads(row["descriptor"])
    return Descriptor.from_document(document, Digest.parse_registered)
