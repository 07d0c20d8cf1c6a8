"""Tokens: what is granted, and what is made of tokens that are not ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from champ_offline.registry.tokens import LIFETIME, Grant, Mint, Scope, TokenInvalid, scopes

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
MINT = Mint(KEY, "registry.zone:5443")
PUSH = Scope("repository", "team/app", frozenset({"pull", "push"}))
GRANT = Grant("ci", "0123456789abcdef", (PUSH,))
HS256 = {"alg": "HS256", "typ": "JWT"}


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changed: Any) -> dict[str, Any]:
    text = MINT.issue(GRANT, NOW).split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(text + "=="))
    return {key: value for key, value in {**found, **changed}.items() if value is not ...}


def signed(body: object, header: object = HS256, key: bytes = KEY, name: str = "sha256") -> str:
    text = f"{encoded(header)}.{encoded(body)}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), name))}"


def test_a_token_says_what_was_granted() -> None:
    assert MINT.read(MINT.issue(GRANT, NOW), NOW) == GRANT
    assert signed(claims()) == MINT.issue(GRANT, NOW)
    nobody = Grant("", "", ())
    assert MINT.read(MINT.issue(nobody, NOW), NOW) == nobody


def test_how_long_it_is_good() -> None:
    token = MINT.issue(GRANT, NOW)
    for seconds in (-30, 0, LIFETIME - 1):
        assert MINT.read(token, NOW + timedelta(seconds=seconds)) == GRANT
    for seconds in (-31, LIFETIME, 86_400):
        with pytest.raises(TokenInvalid, match="not now"):
            MINT.read(token, NOW + timedelta(seconds=seconds))


MOMENT = int(NOW.timestamp())
APP = {"type": "repository", "name": "team/app", "actions": ["pull"]}
FORGED = {
    "empty": "",
    "two parts": "a.b",
    "four parts": f"{MINT.issue(GRANT, NOW)}.x",
    "no signature": MINT.issue(GRANT, NOW).rpartition(".")[0] + ".",
    "algorithm none": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims())}.",
    "none, but signed": signed(claims(), {"alg": "none", "typ": "JWT"}),
    "another algorithm": signed(claims(), {"alg": "HS512", "typ": "JWT"}, name="sha512"),
    "algorithm of a public key": signed(claims(), {"alg": "ES256", "typ": "JWT"}),
    "a header with more in it": signed(claims(), {**HS256, "kid": "../../dev/null"}),
    "a header in another order": signed(claims(), dict(reversed(HS256.items()))),
    "another key": signed(claims(), key=bytes(32)),
    "an empty key": signed(claims(), key=b""),
    "another zone's": Mint(bytes(32), MINT.service).issue(GRANT, NOW),
    "another audience": signed(claims(aud="other:5443")),
    "several audiences": signed(claims(aud=[MINT.service, "other"])),
    "no audience": signed(claims(aud=...)),
    "another issuer": signed(claims(iss="other")),
    "expired": signed(claims(exp=MOMENT)),
    "not yet": signed(claims(nbf=MOMENT + 1)),
    "without an end": signed(claims(exp=...)),
    "an end that is text": signed(claims(exp=str(MOMENT + 99))),
    "an end that is true": signed(claims(exp=True)),
    "an endless end": signed(claims(exp=float("inf"))),
    "nobody": signed(claims(sub=...)),
    "a client that is a list": signed(claims(sub=["ci"])),
    "no scope": signed(claims(access=...)),
    "a scope that is text": signed(claims(access=["repository:team/app:push"])),
    "a scope with a pattern": signed(claims(access=[{**APP, "name": "*"}])),
    "a scope of another type": signed(claims(access=[{**APP, "type": "admin"}])),
    "an action nobody knows": signed(claims(access=[{**APP, "actions": ["pull", "own"]}])),
    "an action that is a number": signed(claims(access=[{**APP, "actions": [1]}])),
    "claims that are a list": signed([]),
    "claims that are no JSON": signed(b"{"),
    "claims that are very deep": signed(b"[" * 5000),
    "padding": MINT.issue(GRANT, NOW) + "=",
    "not ASCII": MINT.issue(GRANT, NOW)[:-1] + "é",
    "too long": signed(claims(more="x" * 9000)),
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_tokens(what: str) -> None:
    with pytest.raises(TokenInvalid):
        MINT.read(FORGED[what], NOW)


def test_a_swapped_scope_under_the_old_signature() -> None:
    header, _, signature = MINT.issue(GRANT, NOW).split(".")
    other = claims(access=[{"type": "repository", "name": "other/app", "actions": ["push"]}])
    with pytest.raises(TokenInvalid, match="signed"):
        MINT.read(f"{header}.{encoded(other)}.{signature}", NOW)


def test_every_flipped_character_is_seen() -> None:
    token = MINT.issue(GRANT, NOW)
    for at, character in enumerate(token):
        flipped = token[:at] + ("A" if character != "A" else "B") + token[at + 1 :]
        with pytest.raises(TokenInvalid):
            MINT.read(flipped, NOW)


def test_the_signature_is_over_what_the_specification_says() -> None:
    head, body, signature = MINT.issue(GRANT, NOW).split(".")
    digest = hmac.new(KEY, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == digest


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ()),
        (["repository:team/app:pull,push"], (PUSH,)),
        (["repository:team/app:pull repository:team/app:push"], (PUSH,)),
        (["repository:team/app:pull", "repository:team/app:push"], (PUSH,)),
        (
            ["repository:quay.io:8443/lab/web:*"],
            (Scope("repository", "quay.io:8443/lab/web", frozenset({"*"})),),
        ),
        (["registry:catalog:*"], (Scope("registry", "catalog", frozenset({"*"})),)),
        (["repository:team/*:push", "repository:te?m:push", "repository:[t]eam:push"], ()),
        (["repository:team/app:own", "repository:team/app:", "repository::push", "x"], ()),
        (["repository(plugin):team/app:pull", "repository:team/app"], ()),
        ([f"repository:{'a' * 256}:pull"], ()),
    ],
)
def test_scopes(texts: list[str], expected: tuple[Scope, ...]) -> None:
    assert scopes(texts) == expected


def test_no_more_scopes_than_a_client_needs() -> None:
    assert len(scopes(f"repository:a{number}:pull" for number in range(1000))) == 32
