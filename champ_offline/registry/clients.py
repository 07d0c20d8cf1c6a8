"""The zone's clients: names, password hashes, roles; and what everybody may (store/FORMAT.md).

Invariant: every change is in the audit chain, in the same transaction. An account that is removed
and made again is another one, so nothing given to the first is good for the second.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.journal.audit import Audit, Entry
from champ_offline.registry.access import Action, Role
from champ_offline.registry.tokens import KEY_BYTES

_SCHEMA = (
    """
    CREATE TABLE clients (
        name TEXT PRIMARY KEY,
        id TEXT NOT NULL,
        password TEXT NOT NULL,
        roles TEXT NOT NULL,
        added TEXT NOT NULL
    ) STRICT;
    CREATE TABLE registry_access (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        anonymous TEXT NOT NULL,
        token_key BLOB NOT NULL
    ) STRICT
    """,
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PATTERN = re.compile(r"[A-Za-z0-9._:/*-]{1,255}")


class Anonymous(StrEnum):
    """What clients may that do not say who they are."""

    PULL = "pull"
    NONE = "none"


class InvalidClientName(ChampError):
    """A client with a name that HTTP or the audit could not tell."""

    id = "registry.invalid-client-name"
    exit_code = ExitCode.USAGE
    message = "“{name}” cannot name a client."
    remedy = "Use up to 64 lower-case letters, digits, dots, dashes and underscores."


class InvalidPattern(ChampError):
    """A pattern that can match no repository."""

    id = "registry.invalid-pattern"
    exit_code = ExitCode.USAGE
    message = "“{pattern}” is no pattern of repository names."
    remedy = "Write a name such as team/app, with * for any text: team/*."


class ClientExists(ChampError):
    """A second client of one name."""

    id = "registry.client-exists"
    exit_code = ExitCode.PREFLIGHT
    message = "There is already a client “{name}”; it stays as it is."
    remedy = "Remove it first with `champ registry client remove {name}`, or choose another name."


class ClientUnknown(ChampError):
    """No client has that name."""

    id = "registry.client-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "This zone has no client “{name}”."
    remedy = "`champ registry client list` shows those it has."


@dataclass(frozen=True)
class Account:
    """One client as it is kept; `added` is ISO 8601 in UTC, `id` is of this account alone."""

    name: str
    roles: tuple[Role, ...]
    added: str
    id: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class AccessView:
    """Who may what: `anonymous` is what everybody may, `clients` how many have a name."""

    anonymous: Anonymous
    clients: int


class Clients:
    """The tables of clients and of what everybody may."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._audit = Audit(database, now)
        database.migrate("clients", _SCHEMA)

    def all(self) -> list[Account]:
        """Every client, sorted by name."""
        return [_account(row) for row in self._database.query("SELECT * FROM clients ORDER BY 1")]

    def add(self, name: str, password: str, roles: tuple[Role, ...], by: str) -> Account:
        """Keep a client; `password` is its PHC string, `by` who adds it.

        Raises InvalidClientName, InvalidPattern, ClientExists.
        """
        if not _NAME.fullmatch(name):
            raise InvalidClientName(name=name[:100])
        for role in roles:
            if not _PATTERN.fullmatch(role.pattern):
                raise InvalidPattern(pattern=role.pattern[:300])
        added = self._now().isoformat(timespec="seconds")
        made = Account(name, roles, added, secrets.token_hex(8), password)
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM clients WHERE name = ?", (name,)).fetchone():
                raise ClientExists(name=name)
            # Its tokens want a key, and then the disk may be full.
            self._settle(connection)
            connection.execute(
                "INSERT INTO clients VALUES (?, ?, ?, ?, ?)",
                (name, made.id, password, json.dumps(_plain(roles)), added),
            )
            self._record(connection, by, "client.add", name, roles=_plain(roles))
        return made

    def remove(self, name: str, by: str) -> None:
        """Let go of a client; its tokens are good for nothing at once. Raises ClientUnknown."""
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM clients WHERE name = ?", (name,)).rowcount:
                raise ClientUnknown(name=name[:100])
            self._record(connection, by, "client.remove", name)

    def anonymous(self) -> Anonymous:
        """What everybody may: pulling, unless it was said otherwise."""
        rows = self._database.query("SELECT anonymous FROM registry_access")
        return Anonymous(rows[0]["anonymous"]) if rows else Anonymous.PULL

    def allow(self, anonymous: Anonymous, by: str) -> None:
        """Say what everybody may."""
        with self._database.transaction() as connection:
            self._settle(connection)
            connection.execute("UPDATE registry_access SET anonymous = ?", (anonymous,))
            self._record(connection, by, "access.anonymous", anonymous)

    def token_key(self) -> bytes:
        """The key of this zone's tokens, made when it is first asked for."""
        sql = "SELECT token_key FROM registry_access"
        if not self._database.query(sql):
            with self._database.transaction() as connection:
                self._settle(connection)
        return bytes(self._database.query(sql)[0]["token_key"])

    def view(self) -> AccessView:
        """What `champ registry access` shows."""
        return AccessView(self.anonymous(), len(self.all()))

    def _settle(self, connection: sqlite3.Connection) -> None:
        """The row of settings, with a new key, where there is none."""
        row = (Anonymous.PULL, secrets.token_bytes(KEY_BYTES))
        connection.execute("INSERT OR IGNORE INTO registry_access VALUES (1, ?, ?)", row)

    def _record(
        self, connection: sqlite3.Connection, by: str, act: str, subject: str, **detail: object
    ) -> None:
        self._audit.append(connection, Entry(by, act, subject, detail))


def roles(
    pull: Iterable[str] = (), push: Iterable[str] = (), delete: Iterable[str] = ()
) -> tuple[Role, ...]:
    """Roles by what they are for; whoever pushes or deletes reads there too, as its tools must."""
    given = (
        (pull, frozenset({Action.PULL})),
        (push, frozenset({Action.PULL, Action.PUSH})),
        (delete, frozenset({Action.PULL, Action.DELETE})),
    )
    return tuple(Role(pattern, actions) for patterns, actions in given for pattern in patterns)


def _plain(given: tuple[Role, ...]) -> list[dict[str, object]]:
    return [{"pattern": one.pattern, "actions": sorted(one.actions)} for one in given]


def _account(row: sqlite3.Row) -> Account:
    kept = tuple(
        Role(role["pattern"], frozenset(map(Action, role["actions"])))
        for role in json.loads(row["roles"])
    )
    return Account(row["name"], kept, row["added"], row["id"], row["password"])
