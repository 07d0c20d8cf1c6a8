"""Who may do what; what came with a bundle is only ever read."""

from __future__ import annotations

import asyncio

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.registry.access import (
    READER,
    Action,
    Client,
    Open,
    ReadOnly,
    Role,
    judge,
    may,
    needs,
)
from champ_offline.registry.requests import Refusal
from champ_offline.registry.routes import parse

ID = "0b5d3f6e-2f57-4d7c-9a80-6b1c2d3e4f50"
D = Digest.of(b"x")
TEAM = Client(
    "ci",
    (
        Role("*", frozenset({Action.PULL})),
        Role("team/*", frozenset({Action.PUSH})),
        Role("team/app", frozenset({Action.DELETE})),
    ),
)
REQUESTS = {
    ("GET", "/v2/team/app/manifests/1"): Action.PULL,
    ("HEAD", f"/v2/team/app/blobs/{D}"): Action.PULL,
    ("GET", "/v2/team/app/tags/list"): Action.PULL,
    ("GET", f"/v2/team/app/referrers/{D}"): Action.PULL,
    ("POST", "/v2/team/app/blobs/uploads/"): Action.PUSH,
    ("GET", f"/v2/team/app/blobs/uploads/{ID}"): Action.PUSH,
    ("PATCH", f"/v2/team/app/blobs/uploads/{ID}"): Action.PUSH,
    ("DELETE", f"/v2/team/app/blobs/uploads/{ID}"): Action.PUSH,
    ("PUT", "/v2/team/app/manifests/1"): Action.PUSH,
    ("DELETE", "/v2/team/app/manifests/1"): Action.DELETE,
    ("DELETE", f"/v2/team/app/blobs/{D}"): Action.DELETE,
}


@pytest.mark.parametrize(
    ("action", "repository", "allowed"),
    [
        (Action.PULL, "anything", True),
        (Action.PUSH, "team/app", True),
        (Action.PUSH, "team/deep/app", True),
        (Action.PUSH, "team", False),
        (Action.PUSH, "teams/app", False),
        (Action.DELETE, "team/app", True),
        (Action.DELETE, "team/other", False),
    ],
)
def test_roles(action: Action, repository: str, allowed: bool) -> None:
    assert may(TEAM, action, repository) is allowed
    assert not may(Client("nobody", ()), action, repository)


@pytest.mark.parametrize(("line", "action"), REQUESTS.items())
def test_what_a_request_needs(line: tuple[str, str], action: Action) -> None:
    assert needs(parse(*line, "")) == (action, "team/app")


@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog"])
def test_requests_about_no_repository(path: str) -> None:
    assert needs(parse("GET", path, "")) is None


@pytest.mark.parametrize(("line", "action"), REQUESTS.items())
def test_what_a_bundle_brought_is_only_read(line: tuple[str, str], action: Action) -> None:
    anybody = asyncio.run(Open().identify({}))
    found = judge(Open(), anybody, parse(*line, ""), {}, lambda _name: True)
    if action is Action.PULL:
        assert found is None
    else:
        assert isinstance(found, Refusal)
        assert (found.status, found.code) == (403, "DENIED")
        assert "bundle" in found.message
    assert judge(Open(), anybody, parse(*line, ""), {}, lambda _name: False) is None


@pytest.mark.parametrize(("line", "action"), REQUESTS.items())
def test_a_zone_that_is_only_read(line: tuple[str, str], action: Action) -> None:
    found = judge(ReadOnly(), READER, parse(*line, ""), {}, lambda _name: False)
    if action is Action.PULL:
        assert found is None
    else:
        assert isinstance(found, Refusal)
        assert (found.status, found.code, dict(found.headers)["allow"]) == (
            405,
            "UNSUPPORTED",
            "GET, HEAD",
        )
