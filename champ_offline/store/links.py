"""What clients gave to repositories by pushing: blobs and manifests, by name and digest.

Invariant: a link is written in the transaction in which its bytes got their final name, and those
are removed only in a transaction that found no link and no ref leading to them; so what a client
was promised stays. A repository has what was pushed to it or mounted into it, and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from champ_offline.durable.database import Database
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE links (
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        subject TEXT NOT NULL,
        pushed TEXT NOT NULL,
        client TEXT NOT NULL,
        PRIMARY KEY (name, kind, digest)
    ) STRICT;
    CREATE INDEX links_by_digest ON links (digest, kind)
    """,
)


class Kind(StrEnum):
    """As what content was pushed; the same bytes may be both."""

    BLOB = "blob"
    MANIFEST = "manifest"


@dataclass(frozen=True)
class Link:
    """Repository `name` has `descriptor`; `client` pushed it, at `pushed` (ISO 8601, UTC).

    `subject` is what a manifest refers to, None for most.
    """

    name: str
    kind: Kind
    descriptor: Descriptor
    pushed: str
    client: str
    subject: Digest | None = None


class Links:
    """The table of what was pushed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("links", _SCHEMA)

    def of(self, name: str) -> list[Link]:
        """Everything a repository was given, sorted by kind and digest."""
        rows = self._database.query(
            "SELECT * FROM links WHERE name = ? ORDER BY kind, digest", (name,)
        )
        return [_link(row) for row in rows]

    def one(self, name: str, kind: Kind, digest: Digest) -> Link | None:
        """What the repository has under a digest, or None."""
        rows = self._database.query(
            "SELECT * FROM links WHERE name = ? AND kind = ? AND digest = ?",
            (name, kind, str(digest)),
        )
        return _link(rows[0]) if rows else None

    def any(self, name: str) -> bool:
        """Whether anything is in the repository that was pushed to it."""
        rows = self._database.query("SELECT 1 FROM links WHERE name = ? LIMIT 1", (name,))
        return bool(rows)

    def holders(self, digest: Digest) -> list[str]:
        """The repositories that have the blob, sorted: where it may be mounted from."""
        rows = self._database.query(
            "SELECT name FROM links WHERE digest = ? AND kind = ? ORDER BY name",
            (str(digest), Kind.BLOB),
        )
        return [row["name"] for row in rows]

    def names(self) -> list[str]:
        """All repositories that were pushed to, sorted."""
        rows = self._database.query("SELECT DISTINCT name FROM links ORDER BY name")
        return [row["name"] for row in rows]

    def __iter__(self) -> Iterator[Link]:
        """Every link, sorted by name, kind and digest."""
        return map(_link, self._database.query("SELECT * FROM links ORDER BY name, kind, digest"))

    def put(self, connection: sqlite3.Connection, link: Link) -> None:
        """Write a link inside the caller's transaction; the latest push of one counts."""
        connection.execute(
            "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                link.name,
                link.kind,
                str(link.descriptor.digest),
                link.descriptor.size,
                link.descriptor.media_type,
                str(link.subject or ""),
                link.pushed,
                link.client,
            ),
        )

    def displace(self, connection: sqlite3.Connection, name: str) -> list[Link]:
        """Remove every link of a repository inside the caller's transaction; says which."""
        rows = connection.execute("SELECT * FROM links WHERE name = ?", (name,)).fetchall()
        connection.execute("DELETE FROM links WHERE name = ?", (name,))
        return list(map(_link, rows))

    def remove(self, connection: sqlite3.Connection, name: str, kind: Kind, digest: Digest) -> bool:
        """Remove a link inside the caller's transaction; False when there was none."""
        return bool(
            connection.execute(
                "DELETE FROM links WHERE name = ? AND kind = ? AND digest = ?",
                (name, kind, str(digest)),
            ).rowcount
        )


def _link(row: sqlite3.Row) -> Link:
    digest = Digest.parse_registered(row["digest"])
    return Link(
        name=row["name"],
        kind=Kind(row["kind"]),
        descriptor=Descriptor(row["media_type"], digest, row["size"]),
        pushed=row["pushed"],
        client=row["client"],
        subject=Digest.parse_registered(row["subject"]) if row["subject"] else None,
    )
