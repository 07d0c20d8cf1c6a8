"""Lets in the zone's clients: HTTP Basic (RFC 7617) on any request, or a token got with it.

Invariant: what a client may is looked up in the zone's database for every request, tokens or not,
so a role that was taken away is gone at once. Passwords are checked in threads, a few at a time;
one that was right is remembered for a while as a keyed hash that dies with this process.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from champ_offline.durable.database import Database
from champ_offline.registry.access import (
    NOBODY,
    READ_ONLY,
    READER,
    Action,
    Client,
    Headers,
    Rejected,
    Role,
    Token,
    may,
)
from champ_offline.registry.challenge import Called, unauthorized
from champ_offline.registry.clients import Account, Anonymous, Clients
from champ_offline.registry.limits import Limits
from champ_offline.registry.passwords import fits
from champ_offline.registry.requests import Refusal, TokenRequest
from champ_offline.registry.threads import done
from champ_offline.registry.tokens import (
    LIFETIME,
    Grant,
    Mint,
    Scope,
    TokenForged,
    TokenInvalid,
    scopes,
)

_REMEMBERED = timedelta(minutes=5)
_MOST_REMEMBERED = 256
_BUSY = Refusal(
    429, "TOOMANYREQUESTS", "too many passwords are being checked", (("retry-after", "5"),)
)
_NOT_BASIC = "the credentials are not in the form of Basic"
_UNKNOWN_SCHEME = "only Basic and Bearer are known here"
_WRONG = "the name or the password is wrong"


@dataclass(frozen=True)
class _Known:
    """The clients as the database has them now, and whether everybody may pull."""

    accounts: Mapping[str, Account]
    anonymous: Client


class Accounts:
    """The gatekeeper of a zone; used by one thread, the event loop's."""

    def __init__(
        self,
        database: Database,
        called: Called,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        self._database, self._called, self._clock = database, called, clock
        self._limits = limits or Limits()
        self._clients = Clients(database, clock)
        self._changes: object = None
        self._found = _Known({}, NOBODY)
        self._minted: Mint | None = None
        self._checks = asyncio.Semaphore(self._limits.passwords)
        self._waiting = 0
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, datetime] = OrderedDict()

    async def identify(self, headers: Headers) -> Client | Rejected:
        """Who asks, by the Authorization header."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "":
                return self._known().anonymous
            case "basic":
                return await self._basic(value.strip(), headers)
            case "bearer":
                return self._bearer(value.strip(), headers)
            case _:
                return self._rejected(headers, _UNKNOWN_SCHEME, guess=True)

    def greet(self, client: Client, headers: Headers) -> Refusal | None:
        """Clients that might push or delete are asked who they are: they ask here, and only here.

        A zone without clients has nobody to ask.
        """
        known = self._known()
        if client.name or client.own is not None or (not known.accounts and client.roles):
            return None
        return unauthorized(self._called.challenge(headers), "say who you are")

    def refuse(self, client: Client, action: Action, repository: str, headers: Headers) -> Refusal:
        """403 for a client that may not, whatever it shows; else where it gets a token."""
        if client.name and not may(_whole(client), action, repository):
            message = f"client {client.name} may not {action} in this repository"
            return Refusal(403, "DENIED", message)
        if not self._known().accounts and action is not Action.PULL:
            return READ_ONLY
        actions = action if action is Action.PULL else f"pull,{action}"
        error = "" if client.own is None else "insufficient_scope"
        challenge = self._called.challenge(headers, f"repository:{repository}:{actions}", error)
        return unauthorized(challenge, f"this wants a client that may {action} here")

    def still(self, client: Client, action: Action, repository: str) -> bool:
        """By the accounts as they are now, whether or not its token has ended meanwhile."""
        known = self._known()
        account = known.accounts.get(client.name)
        if client.name and (account is None or account.id != client.account):
            return False
        return may(Client(client.name, _roles(account, known)), action, repository)

    async def token(self, request: TokenRequest, headers: Headers) -> Token | Rejected:
        """A token for what is asked and allowed; it may be for nothing, which still says who."""
        if request.client is None:
            if headers.get("authorization", "").lower().startswith("bearer"):
                return self._rejected(headers, "a token buys no token")
            client = await self.identify(headers)
        else:
            client = await self._checked(request.client, request.password.encode(), headers)
        if isinstance(client, Rejected):
            return client
        account = self._known().accounts.get(client.name)
        if client == NOBODY or (client.name and account is None):
            return self._rejected(headers, "say who you are")
        granted = tuple(filter(None, (_granted(client, one) for one in scopes(request.scopes))))
        now = self._clock()
        identity = account.id if account else ""
        text = self._mint().issue(Grant(client.name, identity, granted), now)
        return Token(text, LIFETIME, now)

    async def _basic(self, value: str, headers: Headers) -> Client | Rejected:
        try:
            name, colon, password = base64.b64decode(value, validate=True).partition(b":")
            text = name.decode()
        except (binascii.Error, ValueError):
            return self._rejected(headers, _NOT_BASIC, guess=True)
        if not colon:
            return self._rejected(headers, _NOT_BASIC, guess=True)
        if not text and not password:
            return self._known().anonymous
        return await self._checked(text, password, headers)

    async def _checked(self, name: str, password: bytes, headers: Headers) -> Client | Rejected:
        account = self._known().accounts.get(name)
        proof = self._proof(account, password)
        if account is None or self._right.get(proof, self._clock()) <= self._clock():
            if self._waiting >= self._limits.passwords_waiting:
                return Rejected(_BUSY, account.name if account else "")
            if not await self._fits(password, account.password if account else None):
                named = account.name if account else ""
                return self._rejected(headers, _WRONG, named, guess=True)
            self._remember(proof)
        # Looked up again: the account may have gone while its password was checked.
        known = self._known()
        now = known.accounts.get(name)
        if account is None or now != account:
            return self._rejected(headers, _WRONG, guess=True)
        return Client(name, _roles(now, known), account=now.id)

    async def _fits(self, password: bytes, kept: str | None) -> bool:
        self._waiting += 1
        try:
            async with self._checks:
                return await done(fits, password, kept)
        finally:
            self._waiting -= 1

    def _proof(self, account: Account | None, password: bytes) -> bytes:
        kept = f"{account.name}\0{account.password}\0" if account else ""
        return hmac.digest(self._secret, kept.encode() + password, hashlib.sha256)

    def _remember(self, proof: bytes) -> None:
        self._right[proof] = self._clock() + _REMEMBERED
        self._right.move_to_end(proof)
        if len(self._right) > _MOST_REMEMBERED:
            self._right.popitem(last=False)

    def _bearer(self, value: str, headers: Headers) -> Client | Rejected:
        try:
            grant = self._mint().read(value, self._clock())
        except TokenForged:
            return self._rejected(headers, "the token is not one of this registry", guess=True)
        except TokenInvalid:
            return self._rejected(headers, "the token is not valid, or no longer")
        known = self._known()
        account = known.accounts.get(grant.client)
        if grant.client and (account is None or account.id != grant.account):
            return self._rejected(headers, "the token is of a client that is gone")
        own = _roles(account, known)
        granted = [
            Role(one.name, _allowed(Client(grant.client, own), one))
            for one in grant.scopes
            if one.kind == "repository"
        ]
        lists = any(one.kind == "registry" for one in grant.scopes)
        # What everybody may needs no token, so no token takes it away.
        roles = (*granted, *known.anonymous.roles)
        return Client(grant.client, roles, own, lists, grant.account)

    def _rejected(
        self, headers: Headers, message: str, client: str = "", *, guess: bool = False
    ) -> Rejected:
        bearer = headers.get("authorization", "").lower().startswith("bearer")
        challenge = self._called.challenge(headers, error="invalid_token" if bearer else "")
        return Rejected(unauthorized(challenge, message), client, guess)

    def _known(self) -> _Known:
        changes = self._database.changes()
        if changes != self._changes:
            everybody = self._clients.anonymous() is Anonymous.PULL
            accounts = {account.name: account for account in self._clients.all()}
            self._found = _Known(accounts, READER if everybody else NOBODY)
            self._changes = changes
        return self._found

    def _mint(self) -> Mint:
        if self._minted is None:
            self._minted = Mint(self._clients.token_key(), self._called.service)
        return self._minted


def _roles(account: Account | None, known: _Known) -> tuple[Role, ...]:
    """All that a client may, what everybody may included."""
    return (*(account.roles if account else ()), *known.anonymous.roles)


def _whole(client: Client) -> Client:
    return client if client.own is None else Client(client.name, client.own)


def _allowed(client: Client, scope: Scope) -> frozenset[Action]:
    """What of a scope the client may now."""
    asked = set(Action) if "*" in scope.actions else {Action(one) for one in scope.actions}
    return frozenset(action for action in asked if may(client, action, scope.name))


def _granted(client: Client, scope: Scope) -> Scope | None:
    """What of a scope a token says; None where nothing is left."""
    if scope.kind == "registry":
        return scope if (scope.name, scope.actions) == ("catalog", frozenset({"*"})) else None
    actions = _allowed(client, scope)
    return Scope(scope.kind, scope.name, frozenset(map(str, actions))) if actions else None
