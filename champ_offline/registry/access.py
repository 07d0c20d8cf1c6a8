"""Who may do what in which repository.

Invariant: pure decisions over values; whoever a client is, a repository that a bundle brought is
only ever read: its content is what was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol, TypeAlias

from champ_offline.registry.requests import (
    BeginUpload,
    BlobRequest,
    CancelUpload,
    CatalogRequest,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    ManifestRequest,
    Ping,
    PutManifest,
    ReferrersRequest,
    Refusal,
    Request,
    TagsRequest,
    TokenRequest,
    UploadChunk,
    UploadStatus,
)
from champ_offline.registry.routes import NOT_FOUND

Headers: TypeAlias = Mapping[str, str]


class Action(StrEnum):
    """What can be done with a repository; the names of Docker's token scopes."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True)
class Role:
    """`actions` in the repositories that match `pattern`: `*` stands for any text."""

    pattern: str
    actions: frozenset[Action]


@dataclass(frozen=True)
class Client:
    """Whoever asks; an empty name is nobody in particular.

    `roles` are what this request may. A client that came with a token may be let do more by another
    one: `own` is all that it may, None for one without a token. `lists` says whether its token is
    for the catalog. `account` tells it from another client that had the name before.
    """

    name: str
    roles: tuple[Role, ...]
    own: tuple[Role, ...] | None = None
    lists: bool = False
    account: str = ""


@dataclass(frozen=True)
class Caller:
    """Who sent one request, from which address; `request` is the id the registry gave it."""

    client: Client
    address: str = ""
    request: str = ""


@dataclass(frozen=True)
class Rejected:
    """A request that said wrongly who sent it; `client` is the one it named, where there is one.

    `guess` is True where a password was wrong, or what stood in its place was never given out.
    """

    refusal: Refusal
    client: str = ""
    guess: bool = False


@dataclass(frozen=True)
class Token:
    """What to show instead of a password from `issued` on, for `seconds`."""

    text: str
    seconds: int
    issued: datetime


class Gatekeeper(Protocol):
    """Knows clients by what their requests say of them; names of headers are in lower case."""

    async def identify(self, headers: Headers) -> Client | Rejected:
        """Who asks."""

    def greet(self, client: Client, headers: Headers) -> Refusal | None:
        """What a client hears that asks whether this is a registry; None for yes, come in."""

    def refuse(self, client: Client, action: Action, repository: str, headers: Headers) -> Refusal:
        """What a client hears that may not: that it must say who it is, or that it never may."""

    def still(self, client: Client, action: Action, repository: str) -> bool:
        """Whether a client that was let in may do that now, when its body has come."""

    async def token(self, request: TokenRequest, headers: Headers) -> Token | Rejected:
        """A token for whoever asks, or why there is none."""


READER = Client("", (Role("*", frozenset({Action.PULL})),))
"""Whoever pulls without saying who it is."""
NOBODY = Client("", ())
"""The same where that is not allowed."""
_ANYTHING = Client("", (Role("*", frozenset(Action)),))
OWNED = Refusal(
    403,
    "DENIED",
    "this repository came with a bundle and changes only by importing one; push under another name",
)
NO_LONGER = Refusal(
    403, "DENIED", "this client was removed, or lost this right, while its request was under way"
)
READ_ONLY = Refusal(
    405,
    "UNSUPPORTED",
    "this registry is filled by importing bundles only",
    (("allow", "GET, HEAD"),),
)


class Fixed:
    """Takes everybody for one client, and nobody's word for anything else."""

    def __init__(self, client: Client, refusal: Refusal) -> None:
        self._client, self._refusal = client, refusal

    async def identify(self, headers: Headers) -> Client:  # noqa: ARG002 - the protocol's
        """The one client there is."""
        return self._client

    def greet(self, client: Client, headers: Headers) -> None:
        """Everybody is welcome."""

    def refuse(
        self,
        client: Client,  # noqa: ARG002
        action: Action,  # noqa: ARG002
        repository: str,  # noqa: ARG002
        headers: Headers,  # noqa: ARG002
    ) -> Refusal:
        """There is nothing a client could do about it."""
        return self._refusal

    def still(self, client: Client, action: Action, repository: str) -> bool:
        """Nobody's roles change here."""
        return may(client, action, repository)

    async def token(self, request: TokenRequest, headers: Headers) -> Rejected:  # noqa: ARG002
        """Nobody needs one."""
        return Rejected(NOT_FOUND)


class ReadOnly(Fixed):
    """Everybody may pull, nobody may change anything: a zone filled by imports alone."""

    def __init__(self) -> None:
        super().__init__(READER, READ_ONLY)


class Open(Fixed):
    """Everybody may do everything that bundles leave open."""

    def __init__(self) -> None:
        super().__init__(_ANYTHING, Refusal(403, "DENIED", "this client may not do that here"))


def may(client: Client, action: Action, repository: str) -> bool:
    """Whether one of the client's roles allows it."""
    return any(
        action in role.actions and fnmatchcase(repository, role.pattern) for role in client.roles
    )


def sees(client: Client, repository: str) -> bool:
    """Whether the catalog may name the repository to the client."""
    roles = client.own if client.lists and client.own is not None else client.roles
    return may(Client(client.name, roles), Action.PULL, repository)


def judge(
    gatekeeper: Gatekeeper,
    client: Client,
    request: Request,
    headers: Headers,
    owned: Callable[[str], bool],
) -> Refusal | None:
    """None where the request may go on; `owned` says whether a bundle brought a repository."""
    if isinstance(request, Ping) or (isinstance(request, CatalogRequest) and client == NOBODY):
        return gatekeeper.greet(client, headers)
    needed = needs(request)
    if needed is None:
        return None
    action, repository = needed
    if not may(client, action, repository):
        return gatekeeper.refuse(client, action, repository, headers)
    return OWNED if action is not Action.PULL and owned(repository) else None


def no_longer(gatekeeper: Gatekeeper, client: Client, request: Request) -> Refusal | None:
    """What a client hears that was let in, and may not any more when all of its body has come."""
    needed = needs(request)
    return None if needed is None or gatekeeper.still(client, *needed) else NO_LONGER


def needs(request: Request) -> tuple[Action, str] | None:
    """The action a request is, and on which repository; None for those about no repository.

    Mounting reads another repository too, and the catalog all of them: they see what their client
    may pull, and nothing else.
    """
    match request:
        case ManifestRequest() | BlobRequest() | TagsRequest() | ReferrersRequest():
            return Action.PULL, request.name
        case BeginUpload() | UploadChunk() | FinishUpload() | UploadStatus() | CancelUpload():
            return Action.PUSH, request.name
        case PutManifest():
            return Action.PUSH, request.name
        case DeleteManifest() | DeleteBlob():
            return Action.DELETE, request.name
        case _:
            return None
