"""Who may do what in which repository.

Invariant: pure decisions over values; whoever a client is, a repository that a bundle brought is
only ever read: its content is what was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Protocol

from champ_offline.registry.routes import (
    BeginUpload,
    BlobRequest,
    CancelUpload,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    ManifestRequest,
    PutManifest,
    ReferrersRequest,
    Refusal,
    Request,
    TagsRequest,
    UploadChunk,
    UploadStatus,
)


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
    """Whoever asks; an empty name is nobody in particular."""

    name: str
    roles: tuple[Role, ...]


class Gatekeeper(Protocol):
    """Knows clients by what their requests say of them."""

    def identify(self, headers: Mapping[str, str]) -> Client | Refusal:
        """Who asks; names of `headers` are in lower case. A refusal for wrong credentials."""

    def refuse(self, client: Client, action: Action, repository: str) -> Refusal:
        """What a client hears that may not: that it must say who it is, or that it never may."""


_READER = Client("", (Role("*", frozenset({Action.PULL})),))
_ANYTHING = Client("", (Role("*", frozenset(Action)),))
OWNED = Refusal(
    403,
    "DENIED",
    "this repository came with a bundle and changes only by importing one; push under another name",
)


class ReadOnly:
    """Everybody may pull, nobody may change anything: a zone filled by imports alone."""

    def identify(self, headers: Mapping[str, str]) -> Client:  # noqa: ARG002 - the protocol's
        """The one client there is."""
        return _READER

    def refuse(self, client: Client, action: Action, repository: str) -> Refusal:  # noqa: ARG002
        """There is nothing a client could do about it."""
        message = "this registry is filled by importing bundles only"
        return Refusal(405, "UNSUPPORTED", message, (("allow", "GET, HEAD"),))


class Open:
    """Everybody may do everything that bundles leave open."""

    def identify(self, headers: Mapping[str, str]) -> Client:  # noqa: ARG002 - the protocol's
        """The one client there is."""
        return _ANYTHING

    def refuse(self, client: Client, action: Action, repository: str) -> Refusal:  # noqa: ARG002
        """Never heard."""
        return Refusal(403, "DENIED", "this client may not do that here")


def may(client: Client, action: Action, repository: str) -> bool:
    """Whether one of the client's roles allows it."""
    return any(
        action in role.actions and fnmatchcase(repository, role.pattern) for role in client.roles
    )


def judge(
    gatekeeper: Gatekeeper, client: Client, request: Request, *, owned: bool
) -> Refusal | None:
    """None where the request may go on; `owned` says whether a bundle brought its repository."""
    needed = needs(request)
    if needed is None:
        return None
    action, repository = needed
    if not may(client, action, repository):
        return gatekeeper.refuse(client, action, repository)
    return OWNED if owned and action is not Action.PULL else None


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
