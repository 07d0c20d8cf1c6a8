"""What goes back to a client: status, headers and a body of known length; errors in one form.

Invariant: values only. Every refusal, whatever part of the registry it comes from, is the
specification's error document (distribution-spec 1.1, "Error Codes").
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.database import DatabaseFull, DatabaseGone
from champ_offline.durable.space import FULL
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from champ_offline.registry.requests import Refusal

_JSON = "application/json"


@dataclass(frozen=True)
class FilePart:
    """`length` bytes of a blob's file from `start` on."""

    path: Path
    digest: Digest
    start: int
    length: int


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body of a response to GET.

    `repeated` are headers that come more than once. `suspect` is content whose file is not what it
    must be, so that the answer is a refusal.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | FilePart = b""
    repeated: tuple[tuple[str, str], ...] = ()
    suspect: Digest | None = None

    @property
    def length(self) -> int:
        """Bytes in the body."""
        return self.body.length if isinstance(self.body, FilePart) else len(self.body)


class Refused(Exception):
    """A refusal found deep in an act, so that what it began is undone; the registry answers it."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(refusals[0].code)
        self.answer = refuse(*refusals)


def refuse(*refusals: Refusal) -> Answer:
    """The spec's error document; the first refusal gives status and headers."""
    errors = [{"code": one.code, "message": one.message} for one in refusals]
    return document({"errors": errors}, dict(refusals[0].headers), refusals[0].status)


def document(content: object, extra: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    """A JSON document."""
    return Answer(status, {"content-type": _JSON, **(extra or {})}, json.dumps(content).encode())


def identity(digest: Digest) -> dict[str, str]:
    """The headers that say which content it is."""
    return {"docker-content-digest": str(digest), "etag": etag(digest)}


def etag(digest: Digest) -> str:
    """The entity tag of content: its digest (RFC 9110, 8.8.3)."""
    return f'"{digest}"'


def missing(things: Iterable[Digest], code: str, what: str) -> tuple[Refusal, ...]:
    """One error for each thing a document needs and its repository lacks; at most 20."""
    return tuple(
        Refusal(400, code, f"{what} {digest} is not in this repository")
        for digest in list(things)[:20]
    )


def unavailable(error: ChampError | OSError) -> Refusal:
    """The zone cannot do it now; nothing of the request is kept where anybody would see it."""
    full = isinstance(error, DatabaseFull) or (isinstance(error, OSError) and error.errno in FULL)
    if full:
        return Refusal(507, "UNAVAILABLE", "the disk of the zone is full; nothing was changed")
    if isinstance(error, DatabaseGone):
        return Refusal(503, "UNAVAILABLE", "the zone's database is gone; nothing was changed")
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return Refusal(503, "UNAVAILABLE", "the disk of the zone is read-only")
    return Refusal(503, "UNAVAILABLE", "the zone's store cannot be read or written")
