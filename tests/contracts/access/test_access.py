"""The way of a client that pushes, step by step, and of those that are refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from champ_offline.registry.clients import Anonymous
from tests.contracts.access.conftest import PASSWORD, Zone, basic, challenge
from tests.contracts.distribution.client import IMAGE, digest_of

DATA = secrets.token_bytes(2000)
DIGEST = digest_of(DATA)
WHOLE = f"blobs/uploads/?digest={DIGEST}"


@pytest.fixture
def closed(zone: Zone) -> Iterator[Zone]:
    zone.clients.allow(Anonymous.NONE, "anna")
    yield zone
    zone.clients.allow(Anonymous.PULL, "anna")


def test_the_way_of_docker(zone: Zone) -> None:
    """Ping, challenge, token with Basic, then everything with the token."""
    fields = challenge(zone.registry.send("GET", "/v2/"))
    place = f"127.0.0.1:{zone.registry.port}"
    assert fields == {"realm": f"https://{place}/v2/token", "service": "localhost:5443"}
    login = zone.bearer(fields, basic())
    assert zone.registry.send("GET", "/v2/", headers=login).status == 200
    repository = zone.repository()
    fields["scope"] = f"repository:{repository.name}:pull,push"
    token = zone.bearer(fields, basic())
    begun = repository.send("POST", "blobs/uploads/", b"", token)
    assert begun.status == 202
    moved = repository.follow("PATCH", begun.location, DATA, token)
    assert moved.status == 202
    done = repository.follow("PUT", moved.location, b"", token, digest=DIGEST)
    assert done.status == 201
    document = {"schemaVersion": 2, "mediaType": IMAGE, "layers": []}
    config = {"mediaType": "application/x-config", "digest": DIGEST, "size": len(DATA)}
    manifest = json.dumps({**document, "config": config}).encode()
    assert repository.send("PUT", "manifests/1", manifest, token).status == 201
    assert repository.send("GET", "manifests/1", headers=token).body == manifest
    assert repository.send("GET", "tags/list").json["tags"] == ["1"]


def test_the_way_of_containerd(zone: Zone) -> None:
    """It pushes, hears what it needs, and asks for that by form."""
    repository = zone.repository()
    fields = challenge(repository.send("POST", "blobs/uploads/", b""))
    assert fields["scope"] == f"repository:{repository.name}:pull,push"
    form = {
        "grant_type": "password",
        "service": fields["service"],
        "scope": fields["scope"],
        "client_id": "containerd-client",
        "username": "ci",
        "password": PASSWORD,
    }
    found = zone.registry.send("POST", "/v2/token", urlencode(form).encode())
    assert found.status == 200
    assert found.json["token_type"] == "Bearer"
    token = {"authorization": f"Bearer {found.json['access_token']}"}
    assert repository.send("POST", WHOLE, DATA, token).status == 201


def test_a_mount_from_a_repository_that_may_be_read(closed: Zone) -> None:
    source, target = closed.repository(), closed.repository()
    assert source.send("POST", WHOLE, DATA, basic()).status == 201
    fields = challenge(closed.registry.send("GET", "/v2/"))
    both = f"repository:{target.name}:pull,push repository:{source.name}:pull"
    token = closed.bearer({**fields, "scope": both}, basic())
    mount = f"blobs/uploads/?mount={DIGEST}&from={source.name}"
    assert target.send("POST", mount, b"", token).status == 201
    one = closed.bearer({**fields, "scope": both.split(maxsplit=1)[0]}, basic())
    assert closed.repository().send("POST", mount, b"", one).status == 401
    assert target.send("DELETE", f"blobs/{DIGEST}", headers=basic()).status == 202
    assert target.send("POST", mount, b"", one).status == 202


def test_basic_everywhere(zone: Zone) -> None:
    repository = zone.repository()
    assert zone.registry.send("GET", "/v2/", headers=basic()).status == 200
    assert repository.send("POST", WHOLE, DATA, basic()).status == 201
    assert repository.send("DELETE", f"blobs/{DIGEST}", headers=basic()).status == 202


def test_a_token_for_nobody_pulls(zone: Zone) -> None:
    repository = zone.repository()
    repository.send("POST", WHOLE, DATA, basic())
    fields = challenge(zone.registry.send("GET", "/v2/"))
    fields["scope"] = f"repository:{repository.name}:pull,push"
    token = zone.bearer(fields)
    assert repository.send("GET", f"blobs/{DIGEST}", headers=token).body == DATA
    assert challenge(repository.send("POST", WHOLE, DATA, token))["error"] == "insufficient_scope"


def test_a_closed_zone(closed: Zone) -> None:
    repository = closed.repository()
    repository.send("POST", WHOLE, DATA, basic())
    fields = challenge(repository.send("GET", f"blobs/{DIGEST}"))
    assert fields["scope"] == f"repository:{repository.name}:pull"
    assert closed.token(fields).status == 401
    token = closed.bearer(fields, basic("reader"))
    assert repository.send("GET", f"blobs/{DIGEST}", headers=token).body == DATA
    assert repository.send("HEAD", f"blobs/{DIGEST}", headers=token).status == 200
    assert repository.send("HEAD", f"blobs/{DIGEST}").status == 401
    assert challenge(closed.registry.send("GET", "/v2/_catalog"))["service"] == "localhost:5443"


@pytest.mark.parametrize("name", ["pusher", "reader"])
def test_who_may_not(zone: Zone, name: str) -> None:
    """403 in the specification's form, and nothing happens; whatever was asked of the token."""
    repository = zone.repository()
    repository.send("POST", WHOLE, DATA, basic())
    fields = challenge(repository.send("DELETE", f"blobs/{DIGEST}"))
    for headers in (basic(name), zone.bearer(fields, basic(name))):
        found = repository.send("DELETE", f"blobs/{DIGEST}", headers=headers)
        assert (found.status, found.codes) == (403, ["DENIED"])
    assert repository.send("HEAD", f"blobs/{DIGEST}").status == 200


def test_another_repository_than_the_tokens(zone: Zone) -> None:
    mine, other = zone.repository(), zone.repository()
    token = zone.bearer(challenge(mine.send("POST", WHOLE, DATA)), basic())
    found = other.send("POST", WHOLE, DATA, token)
    fields = challenge(found)
    assert fields["error"] == "insufficient_scope"
    assert fields["scope"] == f"repository:{other.name}:pull,push"


def test_a_host_that_is_not_ours_is_not_repeated(zone: Zone) -> None:
    for host in ("evil.example", "localhost.evil.example:5443", 'x",realm="https://evil'):
        fields = challenge(zone.registry.send("GET", "/v2/", headers={"host": host}))
        assert fields["realm"] == "https://localhost:5443/v2/token"
    fields = challenge(zone.registry.send("GET", "/v2/", headers={"host": "LOCALHOST:8443"}))
    assert fields["realm"] == "https://localhost:8443/v2/token"


def test_a_wrong_password(zone: Zone) -> None:
    fields = challenge(zone.registry.send("GET", "/v2/"))
    for credentials in (basic("ci", "wrong"), basic("nobody"), basic("ci", PASSWORD + " ")):
        found = zone.token(fields, credentials)
        assert (found.status, found.codes) == (401, ["UNAUTHORIZED"])
        assert zone.registry.send("GET", "/v2/", headers=credentials).status == 401
    form = {"grant_type": "password", "username": "ci", "password": "wrong"}
    assert zone.registry.send("POST", "/v2/token", urlencode(form).encode()).status == 401


def test_a_form_that_never_ends(zone: Zone) -> None:
    found = zone.registry.send("POST", "/v2/token", iter([b"a" * 4096] * 5))
    assert (found.status, found.codes) == (413, ["SIZE_INVALID"])


def test_head_of_a_token_says_nothing_of_it(zone: Zone) -> None:
    found = zone.registry.send("HEAD", "/v2/token", headers=basic())
    assert (found.status, found.body) == (200, b"")


def test_deeds_and_refusals_are_in_the_chain(zone: Zone) -> None:
    repository = zone.repository()
    pushed = repository.send("POST", WHOLE, DATA, basic())
    deeds = zone.rows("registry.blob.push", repository.name)
    assert [(one["actor"], one["digest"], one["address"], one["request"]) for one in deeds] == [
        ("ci", DIGEST, "127.0.0.1", pushed.headers["x-request-id"])
    ]
    for _ in range(5):
        repository.send("DELETE", f"blobs/{DIGEST}", headers=basic("reader"))
        repository.send("DELETE", f"blobs/{DIGEST}")
    repository.send("POST", "blobs/uploads/?digest=" + DIGEST, b"x" * 100_001, basic())
    told = zone.rows("registry.refused", repository.name)
    found = sorted((one["actor"], one["action"], one["status"], one["count"]) for one in told)
    assert found == [
        ("", "delete", 401, 5),
        ("ci", "push", 413, 1),
        ("reader", "delete", 403, 5),
    ]
    zone.audit.check()


def test_a_flood_of_wrong_passwords_leaves_the_registry_working(zone: Zone) -> None:
    def guess(number: int) -> int:
        return zone.registry.send("GET", "/v2/", headers=basic("ci", f"guess {number}")).status

    repository = zone.repository()
    repository.send("POST", WHOLE, DATA, basic())
    with ThreadPoolExecutor(60) as pool:
        guesses = pool.map(guess, range(120))
        for _ in range(20):
            assert repository.send("GET", f"blobs/{DIGEST}").body == DATA
        assert set(guesses) <= {401, 429}
    rows = zone.rows("registry.refused", "")
    assert sum(int(str(one["count"])) for one in rows if one["actor"] == "ci") >= 120
    assert zone.registry.send("GET", "/v2/", headers=basic()).status == 200
