"""The tables of clients: what is kept, refused, and told to the audit chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.registry.access import Action, Role
from champ_offline.registry.clients import (
    AccessView,
    Anonymous,
    ClientExists,
    Clients,
    ClientUnknown,
    InvalidClientName,
    InvalidPattern,
    roles,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEPT = "$argon2id$..."
PUSH = roles(push=["team/*"])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield database


@pytest.fixture
def clients(database: Database) -> Clients:
    return Clients(database, lambda: NOW)


def acts(database: Database) -> list[tuple[str, str, str]]:
    return [(row.actor, row.act, row.subject) for row in Audit(database, lambda: NOW).rows()]


def test_clients_come_and_go(clients: Clients, database: Database) -> None:
    made = clients.add("ci", KEPT, PUSH, "anna")
    assert clients.all() == [made]
    assert (made.name, made.roles, made.added) == ("ci", PUSH, NOW.isoformat())
    clients.remove("ci", "bo")
    assert clients.all() == []
    again = clients.add("ci", KEPT, PUSH, "bo")
    assert again.id != made.id
    assert acts(database) == [
        ("anna", "client.add", "ci"),
        ("bo", "client.remove", "ci"),
        ("bo", "client.add", "ci"),
    ]


def test_nothing_of_the_password_is_told(clients: Clients, database: Database) -> None:
    made = clients.add("ci", KEPT, PUSH, "anna")
    rows = Audit(database, lambda: NOW).rows()
    assert json.loads(rows[0].detail) == {
        "roles": [{"actions": ["pull", "push"], "pattern": "team/*"}]
    }
    assert KEPT not in repr(made)
    assert KEPT not in repr(rows)


def test_what_is_refused_leaves_nothing(clients: Clients, database: Database) -> None:
    clients.add("ci", KEPT, PUSH, "anna")
    with pytest.raises(ClientExists):
        clients.add("ci", "other", roles(push=["*"]), "anna")
    with pytest.raises(ClientUnknown):
        clients.remove("other", "anna")
    assert [(one.password, one.roles) for one in clients.all()] == [(KEPT, PUSH)]
    assert len(acts(database)) == 1


@pytest.mark.parametrize("name", ["", "CI", "a:b", "-x", "a b", "é", "x" * 65, "ci\n", "a/b"])
def test_names_that_nothing_could_tell(clients: Clients, name: str) -> None:
    with pytest.raises(InvalidClientName):
        clients.add(name, KEPT, PUSH, "anna")


@pytest.mark.parametrize("pattern", ["", "a b", "te?m", "[ab]", "a\n", "x" * 256, "é/*"])
def test_patterns_that_match_no_repository(clients: Clients, pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        clients.add("ci", KEPT, roles(push=["team/*", pattern]), "anna")
    assert clients.all() == []


def test_whoever_pushes_or_deletes_also_reads() -> None:
    assert roles(["a"], ["b"], ["c"]) == (
        Role("a", frozenset({Action.PULL})),
        Role("b", frozenset({Action.PULL, Action.PUSH})),
        Role("c", frozenset({Action.PULL, Action.DELETE})),
    )


def test_everybody_may_pull_until_it_is_said_otherwise(
    clients: Clients, database: Database
) -> None:
    assert clients.view() == AccessView(Anonymous.PULL, 0)
    clients.allow(Anonymous.NONE, "anna")
    assert clients.anonymous() is Anonymous.NONE
    clients.allow(Anonymous.PULL, "anna")
    assert clients.anonymous() is Anonymous.PULL
    assert acts(database) == [
        ("anna", "access.anonymous", "none"),
        ("anna", "access.anonymous", "pull"),
    ]


def test_a_zone_has_one_key_for_its_tokens(clients: Clients, tmp_path: Path) -> None:
    key = clients.token_key()
    assert len(key) == 32
    clients.allow(Anonymous.NONE, "anna")
    with closing(Database.create(tmp_path / "champ.db")) as again:
        assert Clients(again, lambda: NOW).token_key() == key
    with closing(Database.create(tmp_path / "other.db")) as other:
        assert Clients(other, lambda: NOW).token_key() != key
    assert (tmp_path / "champ.db").stat().st_mode & 0o777 == 0o600
