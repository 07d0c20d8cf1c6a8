"""Short-lived tokens (JWT, RFC 7519; the claims of Docker's "Token Authentication Specification").

Invariant: a token is read only in the one form in which it is made: its header is compared byte for
byte, so no algorithm is ever chosen by whoever brings it (RFC 8725, 3.1), and every claim is
checked: audience, times, form of the scope. What a token grants is what it says, never more than
its client may by then. Pure: keys and times are given.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LIFETIME = 300
"""Seconds a token is good for."""
KEY_BYTES = 32
_BACKDATED = 30
_LONGEST = 8192
_MOST_SCOPES = 32
_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_ISSUER = "champ"
_SCOPE = re.compile(r"(repository|registry):([A-Za-z0-9._:/-]{1,255}):([a-z*,]{1,64})")
_ACTIONS = frozenset({"pull", "push", "delete", "*"})


class TokenInvalid(Exception):
    """A token that grants nothing; its text says why, for tests and never for clients."""


class TokenForged(TokenInvalid):
    """Something that this registry never gave to anybody."""


@dataclass(frozen=True)
class Scope:
    """`actions` (pull, push, delete, or `*` for all) on a repository, or on registry `catalog`."""

    kind: str
    name: str
    actions: frozenset[str]


@dataclass(frozen=True)
class Grant:
    """Who may what by a token: `client` is empty for everybody, `account` the id of its account."""

    client: str
    account: str
    scopes: tuple[Scope, ...]


def scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """The scopes a client asks for, several to a text; what is none of ours is left out."""
    asked = [part for text in texts for part in text.split()][:_MOST_SCOPES]
    found: dict[tuple[str, str], frozenset[str]] = {}
    for match in filter(None, map(_SCOPE.fullmatch, asked)):
        kind, name, actions = match.groups()
        key = (kind, name)
        found[key] = found.get(key, frozenset()) | (_ACTIONS & set(actions.split(",")))
    return tuple(Scope(*key, actions) for key, actions in found.items() if actions)


@dataclass(frozen=True)
class Mint:
    """Makes and reads the tokens of one registry: HMAC-SHA256 under `key`, for `service` alone."""

    key: bytes
    service: str

    def issue(self, grant: Grant, now: datetime) -> str:
        """A token good for LIFETIME seconds from `now` on."""
        moment = int(now.timestamp())
        claims = {
            "iss": _ISSUER,
            "aud": self.service,
            "sub": grant.client,
            "account": grant.account,
            "iat": moment,
            # A clock that is set back a little does not end what it just gave.
            "nbf": moment - _BACKDATED,
            "exp": moment + LIFETIME,
            "access": [
                {"type": one.kind, "name": one.name, "actions": sorted(one.actions)}
                for one in grant.scopes
            ],
        }
        text = json.dumps(claims, sort_keys=True, separators=(",", ":"))
        signed = f"{_encoded(_HEADER)}.{_encoded(text.encode())}"
        return f"{signed}.{_encoded(self._signature(signed))}"

    def read(self, token: str, now: datetime) -> Grant:
        """What a token grants at `now`; raises TokenInvalid, TokenForged."""
        if len(token) > _LONGEST or token.count(".") != 2 or not token.isascii():
            raise TokenForged("not three parts")
        signed, _, signature = token.rpartition(".")
        header, _, claims = signed.partition(".")
        if header != _encoded(_HEADER):
            raise TokenForged("not the one header")
        if not hmac.compare_digest(_encoded(self._signature(signed)), signature):
            raise TokenForged("not signed by this registry")
        return self._checked(_document(claims), int(now.timestamp()))

    def _checked(self, claims: dict[str, Any], now: int) -> Grant:
        if claims.get("iss") != _ISSUER or claims.get("aud") != self.service:
            raise TokenInvalid("for somebody else")
        begins, ends = claims.get("nbf"), claims.get("exp")
        if type(begins) is not int or type(ends) is not int or not begins <= now < ends:
            raise TokenInvalid("not now")
        client, account, access = claims.get("sub"), claims.get("account"), claims.get("access")
        if not isinstance(client, str) or not isinstance(account, str):
            raise TokenInvalid("of nobody")
        if not isinstance(access, list):
            raise TokenInvalid("without a scope")
        return Grant(client, account, tuple(map(_scope, access)))

    def _signature(self, signed: str) -> bytes:
        return hmac.digest(self.key, signed.encode(), hashlib.sha256)


def _scope(item: object) -> Scope:
    if not isinstance(item, dict):
        raise TokenInvalid("a scope of another form")
    actions = item.get("actions")
    if not isinstance(actions, list) or not all(isinstance(one, str) for one in actions):
        raise TokenInvalid("a scope without actions")
    found = scopes([f"{item.get('type')}:{item.get('name')}:{','.join(actions)}"])
    if len(found) != 1 or len(found[0].actions) != len(actions):
        raise TokenInvalid("a scope of another form")
    return found[0]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _document(text: str) -> dict[str, Any]:
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = json.loads(data)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise TokenInvalid("claims that are no JSON") from error
    if not isinstance(found, dict):
        raise TokenInvalid("claims that are no object")
    return found
