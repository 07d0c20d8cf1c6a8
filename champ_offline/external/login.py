"""Who we are, as a registry wants to hear it: Basic (RFC 7617) or a token (Docker's Token
Authentication Specification; RFC 6750).

Invariant: the password goes to the target itself, or to the one other host and port that a person
named, over TLS wherever the target has it; a token goes to the target alone.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from champ_offline.errors import Phrase
from champ_offline.external.errors import (
    LoginNeeded,
    LoginRefused,
    TargetFailed,
    TokenServerUnknown,
)
from champ_offline.external.target import Target
from champ_offline.external.wire import Origin, Reply, Wire

_FIELD = re.compile(r'([A-Za-z_]{1,20})="((?:[^"\\]|\\.){0,4096})"')
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
_LONGEST = 64 * 1024
_CLIENT = "champ"


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for: `scheme` is "bearer", "basic" or empty."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge:
        """Read WWW-Authenticate; a token is preferred where both are offered."""
        lowered = header.lower()
        start = lowered.find("bearer ")
        if start >= 0:
            found = {name.lower(): value for name, value in _FIELD.findall(header[start:])}
            return cls(
                "bearer", found.get("realm", ""), found.get("service", ""), found.get("scope", "")
            )
        return cls("basic" if "basic" in lowered else "")


class Login:
    """The tokens of one run. Nothing is sent before the target asks for it."""

    def __init__(self, target: Target, wire: Wire) -> None:
        self._target, self._wire = target, wire
        self._tokens: dict[frozenset[str], str] = {}
        self._basic = False

    def headers(self, scopes: Iterable[str]) -> dict[str, str]:
        """What a request for `scopes` carries, as far as the target asked for it already."""
        if self._basic:
            return self._pair()
        token = self._tokens.get(frozenset(scopes))
        return {"Authorization": f"Bearer {token}"} if token else {}

    def answer(self, refused: Reply, scopes: Iterable[str]) -> None:
        """Get what a 401 asks for.

        The same answer to what was just got is for the caller to see: it asks once. Raises
        LoginNeeded, LoginRefused, TokenServerUnknown, TargetFailed, Broken.
        """
        challenge = Challenge.parse(refused.headers.get("www-authenticate", ""))
        if challenge.scheme == "bearer":
            self._tokens[frozenset(scopes)] = self._token(challenge, frozenset(scopes))
        elif challenge.scheme == "basic" and self._target.username and not self._basic:
            self._basic = True
        else:
            raise self.refused()

    def refused(self) -> LoginNeeded | LoginRefused:
        """The error of somebody whom the target does not know."""
        if not self._target.username:
            return LoginNeeded(where=self._target.address)
        return LoginRefused(where=self._target.address, user=self._target.username)

    def hide(self, text: str) -> str:
        """`text`, unless it holds what was sent to log in."""
        pair = self._pair().get("Authorization", "").removeprefix("Basic ")
        secrets = (self._target.password, pair, *self._tokens.values())
        return "" if any(secret and secret in text for secret in secrets) else text

    def _token(self, challenge: Challenge, scopes: frozenset[str]) -> str:
        url = self._realm(challenge)
        query = [("scope", scope) for scope in sorted(scopes | set(challenge.scope.split()))]
        query += [("service", challenge.service), ("client_id", _CLIENT)]
        joined = f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
        reply = self._wire.send("GET", joined, self._pair(), limit=_LONGEST)
        if reply.status in {401, 403}:
            raise self.refused()
        token = token_in(reply)
        if not token:
            said = Phrase("HTTP status {status}", status=reply.status)
            raise TargetFailed(where=self._target.address, what=Phrase("a token"), said=said)
        return token

    def _realm(self, challenge: Challenge) -> str:
        """Where tokens are; raises TokenServerUnknown for a host that nobody named."""
        try:
            origin = Origin.of(challenge.realm)
        except ValueError:
            host = challenge.realm[:200] or "?"
            raise TokenServerUnknown(where=self._target.address, host=host) from None
        scheme, _, _ = self._target.origin.partition("://")
        named = (self._target.host, self._target.token_server)
        if origin not in {Origin.of(f"{scheme}://{host}") for host in named if host}:
            raise TokenServerUnknown(where=self._target.address, host=origin)
        return challenge.realm.partition("#")[0]

    def _pair(self) -> dict[str, str]:
        if not self._target.username:
            return {}
        pair = f"{self._target.username}:{self._target.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def token_in(reply: Reply) -> str:
    """The token in an answer; empty where there is none."""
    if reply.status != 200 or len(reply.body) > _LONGEST:
        return ""
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, Mapping):
        return ""
    token = document.get("token") or document.get("access_token")
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else ""
