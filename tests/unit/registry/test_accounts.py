"""Clients at the door: Basic, tokens, what both may, and what ends them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.registry import accounts
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.challenge import Called
from champ_offline.registry.clients import Anonymous, Clients, roles
from champ_offline.registry.limits import Limits
from champ_offline.registry.passwords import fits, hashed
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Response, digest_of
from tests.simulators.asgi import ask, exchange, framed

CALLED = Called(("registry.zone",), 5443)
PASSWORD = "correct horse battery staple"
HASHED = hashed(PASSWORD.encode())
DATA = b"a layer"
PUSHED = f"blobs/uploads/?digest={digest_of(DATA)}"
BLOB = f"blobs/{digest_of(DATA)}"


class Door:
    """A zone with one client, `ci`, that may push to team/* and delete in team/app."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)
        self.database, self.folder = database, folder
        self.clients = Clients(database, lambda: self.now)
        self.add("ci", push=["team/*"], delete=["team/app"])
        self.app = self.made()

    def made(self, **limits: int) -> RegistryApp:
        bounds, folder = Limits(**limits), self.folder
        doors = Accounts(self.database, CALLED, lambda: self.now, bounds)
        blobs, uploads = BlobStore(folder / "store"), folder / "uploads"
        return registry(self.database, blobs, uploads, lambda: self.now, doors, bounds)

    def add(self, name: str, **patterns: list[str]) -> None:
        self.clients.add(name, HASHED, roles(**patterns), "anna")

    def ask(self, method: str, target: str, body: bytes = b"", authorization: str = "") -> Response:
        headers = {"authorization": authorization} if authorization else {}
        return ask(self.app, method, target, body, {**headers, "host": "registry.zone"})

    def token(self, *scopes: str, authorization: str = "") -> str:
        query = urlencode([("service", CALLED.service), *(("scope", one) for one in scopes)])
        found = self.ask("GET", f"/v2/token?{query}", authorization=authorization)
        assert found.status == 200, found
        assert found.json["token"] == found.json["access_token"]
        assert (found.json["expires_in"], found.json["issued_at"][-1]) == (300, "Z")
        assert found.headers["cache-control"] == "no-store"
        return f"Bearer {found.json['token']}"

    def push(self, repository: str, authorization: str = "") -> int:
        return self.ask("POST", f"/v2/{repository}/{PUSHED}", DATA, authorization).status

    def refusals(self) -> list[tuple[str, dict[str, Any]]]:
        self.app.refusals.write()
        rows = Audit(self.database, lambda: self.now).rows()
        return [(one.actor, json.loads(one.detail)) for one in rows if "refused" in one.act]


def basic(name: str = "ci", password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield Door(tmp_path, database)


def test_whoever_does_not_say_who_it_is(door: Door) -> None:
    found = door.ask("GET", "/v2/")
    assert (found.status, found.codes) == (401, ["UNAUTHORIZED"])
    challenge = 'Bearer realm="https://registry.zone/v2/token",service="registry.zone:5443"'
    assert found.headers["www-authenticate"] == challenge
    found = door.ask("POST", f"/v2/team/app/{PUSHED}", DATA)
    assert found.status == 401
    scope = ',scope="repository:team/app:pull,push"'
    assert found.headers["www-authenticate"] == challenge + scope
    found = door.ask("DELETE", "/v2/team/app/manifests/1")
    assert 'scope="repository:team/app:pull,delete"' in found.headers["www-authenticate"]


def test_everybody_may_read(door: Door) -> None:
    assert door.push("team/app", basic()) == 201
    for authorization in ("", door.token(), basic(), "Basic " + base64.b64encode(b":").decode()):
        assert door.ask("GET", f"/v2/team/app/{BLOB}", authorization=authorization).body == DATA
        catalog = door.ask("GET", "/v2/_catalog", authorization=authorization)
        assert catalog.json == {"repositories": ["team/app"]}


def test_nobody_reads_without_a_name_where_that_is_not_allowed(door: Door) -> None:
    door.push("team/app", basic())
    everybody = door.token("repository:team/app:pull")
    door.clients.allow(Anonymous.NONE, "anna")
    found = door.ask("GET", f"/v2/team/app/{BLOB}")
    assert found.status == 401
    assert 'scope="repository:team/app:pull"' in found.headers["www-authenticate"]
    for target in ("/v2/", "/v2/_catalog", "/v2/token"):
        assert door.ask("GET", target).status == 401
    assert door.ask("GET", f"/v2/team/app/{BLOB}", authorization=everybody).status == 401
    assert door.ask("GET", f"/v2/team/app/{BLOB}", authorization=basic()).status == 200
    assert door.ask("GET", f"/v2/other/app/{BLOB}", authorization=basic()).codes == ["DENIED"]


def test_a_zone_without_clients_asks_nobody(door: Door) -> None:
    door.clients.remove("ci", "anna")
    assert door.ask("GET", "/v2/").status == 200
    found = door.ask("PUT", "/v2/team/app/manifests/1", b"{}")
    assert (found.status, found.codes) == (405, ["UNSUPPORTED"])


def test_basic_on_any_request(door: Door) -> None:
    assert door.ask("GET", "/v2/", authorization=basic()).status == 200
    assert door.push("team/app", basic()) == 201
    assert door.push("other/app", basic()) == 403
    delete = f"/v2/team/app/{BLOB}"
    assert door.ask("DELETE", delete, authorization=basic()).status == 202
    assert door.push("team/two", basic()) == 201
    found = door.ask("DELETE", f"/v2/team/two/{BLOB}", authorization=basic())
    assert (found.status, found.codes) == (403, ["DENIED"])


@pytest.mark.parametrize(
    "authorization",
    [
        basic("ci", "wrong"),
        basic("ci", ""),
        basic("ci", PASSWORD + "x"),
        basic("other", PASSWORD),
        basic("", PASSWORD),
        basic("CI", PASSWORD),
        "Basic",
        "Basic ????",
        "Basic " + base64.b64encode(b"ci").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Digest username=ci",
        "Bearer",
        "Bearer a.b.c",
    ],
)
def test_wrong_credentials(door: Door, authorization: str) -> None:
    """Also where reading is open to all: who says a wrong word hears so."""
    for target in ("/v2/", f"/v2/team/app/{BLOB}", "/v2/token"):
        found = door.ask("GET", target, authorization=authorization)
        assert (found.status, found.codes) == (401, ["UNAUTHORIZED"]), target
        assert found.headers["www-authenticate"].startswith("Bearer realm=")
    assert door.push("team/app", authorization) == 401


def test_a_token_is_for_what_was_asked_and_allowed(door: Door) -> None:
    token = door.token("repository:team/app:pull,push", authorization=basic())
    assert door.push("team/app", token) == 201
    found = door.ask("POST", f"/v2/team/two/{PUSHED}", DATA, token)
    assert found.status == 401
    assert 'error="insufficient_scope"' in found.headers["www-authenticate"]
    assert door.push("other/app", token) == 403
    delete = f"/v2/team/app/{BLOB}"
    assert door.ask("DELETE", delete, authorization=token).status == 401
    everything = door.token("repository:team/app:*", authorization=basic())
    assert door.ask("DELETE", delete, authorization=everything).status == 202


def test_asking_for_more_gives_no_more(door: Door) -> None:
    for scope in ("repository:other/app:*", "repository:*:push", "repository:team/*:push"):
        token = door.token(scope, authorization=basic())
        assert door.ask("GET", "/v2/", authorization=token).status == 200
        assert door.push("other/app", token) == 403
        assert door.push("team/app", token) == 401
    nobody = door.token("repository:team/app:push")
    assert door.push("team/app", nobody) == 401


def test_the_catalog_by_a_token(door: Door) -> None:
    door.push("team/app", basic())
    door.push("team/two", basic())
    door.clients.allow(Anonymous.NONE, "anna")

    def catalog(*scopes: str) -> list[str]:
        token = door.token(*scopes, authorization=basic())
        found = door.ask("GET", "/v2/_catalog", authorization=token)
        listed: list[str] = found.json["repositories"]
        return listed

    assert catalog("registry:catalog:*") == ["team/app", "team/two"]
    assert catalog("repository:team/two:pull") == ["team/two"]
    assert catalog() == []
    lists = door.token("registry:catalog:*", authorization=basic())
    assert door.ask("GET", f"/v2/team/app/{BLOB}", authorization=lists).status == 401


def test_a_token_ends(door: Door) -> None:
    token = door.token("repository:team/app:push", authorization=basic())
    door.now += timedelta(seconds=299)
    assert door.push("team/app", token) == 201
    door.now += timedelta(seconds=1)
    found = door.ask("POST", f"/v2/team/app/{PUSHED}", DATA, token)
    assert found.status == 401
    assert 'error="invalid_token"' in found.headers["www-authenticate"]


def test_a_token_buys_no_token(door: Door) -> None:
    token = door.token("repository:team/app:push", authorization=basic())
    assert door.ask("GET", "/v2/token", authorization=token).status == 401


def test_removing_a_client_ends_its_tokens_and_its_password(door: Door) -> None:
    token = door.token("repository:team/app:push", authorization=basic())
    assert door.push("team/app", basic()) == 201
    door.clients.remove("ci", "anna")
    door.add("other", push=["team/*"])
    assert door.push("team/app", token) == door.push("team/app", basic()) == 401
    door.add("ci", push=["team/*"])
    assert door.push("team/app", token) == 401
    assert door.push("team/app", basic()) == 201


@pytest.mark.parametrize("by", ["basic", "token"])
@pytest.mark.parametrize("change", ["removed", "other", "role"])
def test_a_client_that_goes_while_its_body_comes(door: Door, by: str, change: str) -> None:
    """The blob, and the manifest, are refused at their end, and nothing of them is kept."""
    shown = (
        basic() if by == "basic" else door.token("repository:team/app:push", authorization=basic())
    )

    def change_midway(data: bytes) -> Iterator[bytes]:
        yield data[:3]
        if change == "role":
            with door.database.transaction() as connection:
                connection.execute("UPDATE clients SET roles = '[]'")
        else:
            door.clients.remove("ci", "anna")
        if change == "other":
            door.add("ci", push=["team/*"])
        yield data[3:]

    headers = {"authorization": shown, "host": "registry.zone"}
    found = ask(door.app, "POST", f"/v2/team/app/{PUSHED}", change_midway(DATA), headers)
    assert (found.status, found.codes) == (403, ["DENIED"])
    assert list(door.database.query("SELECT 1 FROM links")) == []
    assert list((door.folder / "uploads").iterdir()) == []
    assert door.refusals()[-1][1]["action"] == "push"


def test_a_manifest_of_a_client_that_went(door: Door) -> None:
    def change_midway() -> Iterator[bytes]:
        yield b"{"
        door.clients.remove("ci", "anna")
        yield b"}"

    headers = {"authorization": basic(), "host": "registry.zone"}
    found = ask(door.app, "PUT", "/v2/team/app/manifests/1", change_midway(), headers)
    assert (found.status, found.codes) == (403, ["DENIED"])


def test_a_long_push_outlives_its_token(door: Door) -> None:
    """Tokens are for five minutes; a layer may take an hour."""
    shown = door.token("repository:team/app:push", authorization=basic())

    def slowly() -> Iterator[bytes]:
        yield DATA[:3]
        door.now += timedelta(hours=1)
        yield DATA[3:]

    headers = {"authorization": shown, "host": "registry.zone"}
    assert ask(door.app, "POST", f"/v2/team/app/{PUSHED}", slowly(), headers).status == 201


def test_a_role_that_was_taken_away_is_gone_from_tokens(door: Door) -> None:
    token = door.token("repository:team/app:push", authorization=basic())
    row = '[{"pattern": "team/two", "actions": ["push"]}]'
    with door.database.transaction() as connection:
        connection.execute("UPDATE clients SET roles = ?", (row,))
    assert door.push("team/app", token) == 403


def test_tokens_outlive_a_restart(door: Door) -> None:
    token = door.token("repository:team/app:push", authorization=basic())
    door.app = door.made()
    assert door.push("team/app", token) == 201


def test_tokens_by_form(door: Door) -> None:
    form = {"grant_type": "password", "username": "ci", "password": PASSWORD, "client_id": "x"}
    form["scope"] = "repository:team/app:pull,push repository:team/two:pull"
    found = door.ask("POST", "/v2/token", urlencode(form).encode())
    assert found.status == 200
    assert door.push("team/app", f"Bearer {found.json['access_token']}") == 201
    for changed, status in (
        ({"password": "wrong"}, 401),
        ({"username": ""}, 401),
        ({"grant_type": "refresh_token"}, 400),
        ({"grant_type": ""}, 400),
    ):
        assert door.ask("POST", "/v2/token", urlencode({**form, **changed}).encode()).status == (
            status
        )
    assert door.ask("POST", "/v2/token", b"\xff=\xfe").status == 400
    assert door.ask("POST", "/v2/token", b"a=b&" * 1000).status == 400
    assert door.ask("POST", "/v2/token", b"a" * 20_000).status == 413
    assert door.ask("PUT", "/v2/token").status == 405


def test_a_right_password_is_not_hashed_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def counted(password: bytes, kept: str | None) -> bool:
        checked.append(password)
        return fits(password, kept)

    monkeypatch.setattr(accounts, "fits", counted)
    for _ in range(3):
        assert door.ask("GET", "/v2/", authorization=basic()).status == 200
    assert len(checked) == 1
    for _ in range(2):
        assert door.ask("GET", "/v2/", authorization=basic("ci", "wrong")).status == 401
        assert door.ask("GET", "/v2/", authorization=basic("nobody")).status == 401
    assert len(checked) == 5
    door.now += timedelta(minutes=5)
    assert door.ask("GET", "/v2/", authorization=basic()).status == 200
    assert len(checked) == 6


def test_no_more_passwords_at_a_time_than_the_limits_say(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = [0], [0]

    async def slowly(function: Any, *arguments: Any) -> bool:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running[0] -= 1
        return bool(function(*arguments))

    app = door.made(passwords=2, passwords_waiting=6)
    monkeypatch.setattr(accounts, "done", slowly)
    headers = {"authorization": basic("ci", "wrong")}

    async def flood() -> list[int]:
        asked = [exchange(app, "GET", "/v2/", *framed(b"", headers)) for _ in range(10)]
        answers = await asyncio.gather(*asked)
        return sorted(found.status for found in answers if found is not None)

    assert asyncio.run(flood()) == [401] * 6 + [429] * 4
    assert most == [2]


def test_what_is_told_of_wrong_passwords(door: Door) -> None:
    for name in ("ci", "hunter2 typed as a name"):
        for _ in range(3):
            door.ask("GET", "/v2/token", authorization=basic(name, "wrong"))
    told = door.refusals()
    assert [(who, one["action"], one["status"], one["count"]) for who, one in told] == [
        ("ci", "login", 401, 3),
        ("", "login", 401, 3),
    ]
    assert "hunter2" not in str(told)
    door.ask("GET", "/v2/")
    door.ask("GET", f"/v2/team/app/{BLOB}")
    assert len(door.refusals()) == 2


@pytest.mark.parametrize("shown", ["Bearer eyJhbGciOiJub25lIn0.e30.", "Digest x", "Basic ????"])
def test_what_was_never_given_out_is_told(door: Door, shown: str) -> None:
    door.ask("GET", f"/v2/team/app/{BLOB}", authorization=shown)
    assert [(one["action"], one["status"]) for _, one in door.refusals()] == [("pull", 401)]
    assert door.app.monitor.metrics.rejected == 1


def test_a_token_that_has_ended_is_how_clients_learn_to_get_another(door: Door) -> None:
    token = door.token("repository:team/app:pull", authorization=basic())
    door.now += timedelta(hours=1)
    assert door.ask("GET", f"/v2/team/app/{BLOB}", authorization=token).status == 401
    assert door.refusals() == []
