"""Which external registry a zone uses, and what is known to be there (store/FORMAT.md, "Tables").

Invariant: a change is in the audit chain, in the same transaction, without the password, which is
only in the zone's database (file mode 0600). A manifest counts as there only after it and all
below it were found at that very address; that was then, and nobody keeps the registry from losing
it since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.external.errors import NotExternal
from champ_offline.external.target import Target
from champ_offline.journal.audit import Audit, Entry
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE external_registry (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        host TEXT NOT NULL,
        prefix TEXT NOT NULL,
        ca TEXT NOT NULL,
        username TEXT NOT NULL,
        password TEXT NOT NULL,
        token_server TEXT NOT NULL,
        plain_http INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE external_pushed (
        target TEXT NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        verified TEXT NOT NULL,
        PRIMARY KEY (target, name, digest)
    ) STRICT
    """,
    """
    CREATE TABLE external_tagged (
        target TEXT NOT NULL,
        name TEXT NOT NULL,
        tag TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (target, name, tag)
    ) STRICT
    """,
)


@dataclass(frozen=True)
class There:
    """Manifest `digest` of the zone's name `name` was verified at the target at that time."""

    name: str
    digest: Digest
    verified: str


class Settings:
    """The tables of the external registry."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._audit = Audit(database, now)
        database.migrate("external", _SCHEMA)

    def target(self) -> Target | None:
        """The external registry; None where nodes pull from the zone's own."""
        rows = self._database.query(
            "SELECT host, prefix, ca, username, password, token_server, plain_http"
            " FROM external_registry"
        )
        if not rows:
            return None
        found = dict(rows[0])
        return Target(**{**found, "plain_http": bool(found["plain_http"])})

    def use(self, target: Target, by: str) -> None:
        """Use `target` from now on; raises as `Target.check`."""
        target.check()
        with self._database.transaction() as connection:
            _overwrite(connection)
            connection.execute(
                "INSERT OR REPLACE INTO external_registry VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                (
                    target.host,
                    target.prefix,
                    target.ca,
                    target.username,
                    target.password,
                    target.token_server,
                    int(target.plain_http),
                ),
            )
            detail = {
                "authority": str(Digest.of(target.ca.encode())) if target.ca else "",
                "plain_http": target.plain_http,
                "token_server": target.token_server,
                "user": target.username,
            }
            self._audit.append(connection, Entry(by, "external.set", target.address, detail))

    def remove(self, by: str) -> str:
        """Let nodes pull from the zone's own registry again; the address that was used.

        What is known to be there is forgotten too. Raises NotExternal.
        """
        with self._database.transaction() as connection:
            found = self.target()
            if found is None:
                raise NotExternal
            _overwrite(connection)
            connection.execute("DELETE FROM external_registry")
            connection.execute("DELETE FROM external_pushed")
            connection.execute("DELETE FROM external_tagged")
            self._audit.append(connection, Entry(by, "external.remove", found.address, {}))
        return found.address

    def pushed(self, target: Target) -> list[There]:
        """What was verified at that address, sorted by name."""
        rows = self._database.query(
            "SELECT name, digest, verified FROM external_pushed WHERE target = ? ORDER BY 1, 2",
            (target.address,),
        )
        return [There(row[0], Digest.parse_registered(row[1]), row[2]) for row in rows]

    def tagged(self, target: Target, name: str) -> dict[str, Digest]:
        """To what the last push let the tags of a name lead at that address."""
        rows = self._database.query(
            "SELECT tag, digest FROM external_tagged WHERE target = ? AND name = ?",
            (target.address, name),
        )
        return {row["tag"]: Digest.parse_registered(row["digest"]) for row in rows}

    def keep(
        self, target: Target, name: str, digests: Iterable[Digest], tags: Mapping[str, Digest]
    ) -> None:
        """Remember manifests of a name that were verified at the target just now, and its tags."""
        now = self._now().isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO external_pushed VALUES (?, ?, ?, ?)",
                [(target.address, name, str(digest), now) for digest in digests],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO external_tagged VALUES (?, ?, ?, ?)",
                [(target.address, name, tag, str(digest)) for tag, digest in tags.items()],
            )

    def record(self, act: str, by: str, target: Target, **detail: object) -> None:
        """A row of the audit chain about the target."""
        self._audit.record(Entry(by, act, target.address, detail))


def _overwrite(connection: sqlite3.Connection) -> None:
    """A password that goes shall not stay in pages of the file that nothing uses any more."""
    connection.execute("PRAGMA secure_delete = ON")
