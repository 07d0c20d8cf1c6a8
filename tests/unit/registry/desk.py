"""A zone that clients push to, teams they belong to, and requests that end in the middle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.registry.access import (
    Action,
    Client,
    Gatekeeper,
    Headers,
    Open,
    Rejected,
    Role,
    may,
)
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.limits import Limits
from champ_offline.registry.requests import Refusal, TokenRequest
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Response, digest_of
from tests.simulators.asgi import End, Piece, ask, exchange, framed

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DATA = bytes(range(256)) * 20
DIGEST = digest_of(DATA)
UPLOADS = "/v2/team/app/blobs/uploads/"
MORE = Limits(piece=1000)


@dataclass
class Desk:
    """A zone that is pushed to; a restart is another app over the same files."""

    folder: Path
    database: Database
    now: datetime = NOW
    limits: Limits = MORE
    gatekeeper: Gatekeeper = field(default_factory=Open)

    @property
    def blobs(self) -> BlobStore:
        return BlobStore(self.folder / "store")

    def restarted(self) -> RegistryApp:
        uploads = self.folder / "uploads"
        return registry(
            self.database, self.blobs, uploads, lambda: self.now, self.gatekeeper, self.limits
        )

    def uploads(self) -> list[Path]:
        folder = self.folder / "uploads"
        return list(folder.iterdir()) if folder.is_dir() else []


class Teams:
    """A gatekeeper that believes the header x-team; a team reads and writes its own."""

    async def identify(self, headers: Headers) -> Client | Rejected:
        team = headers.get("x-team", "")
        if not team:
            challenge = (("www-authenticate", "Team"),)
            return Rejected(Refusal(401, "UNAUTHORIZED", "who are you", challenge))
        return Client(team, (Role(f"{team}/*", frozenset(Action)),))

    def greet(self, client: Client, headers: Headers) -> None:
        pass

    def refuse(self, client: Client, action: Action, repository: str, headers: Headers) -> Refusal:
        return Refusal(403, "DENIED", f"{client.name} may not {action} {repository}")

    def still(self, client: Client, action: Action, repository: str) -> bool:
        return may(client, action, repository)

    async def token(self, request: TokenRequest, headers: Headers) -> Rejected:
        return Rejected(Refusal(404, "UNSUPPORTED", "teams need no tokens"))


def begun(app: RegistryApp, path: str = UPLOADS) -> str:
    found = ask(app, "POST", path)
    assert found.status == 202, found
    return found.location


def send(
    app: RegistryApp, method: str, target: str, body: list[Piece], **headers: str
) -> Response | None:
    return asyncio.run(exchange(app, method, target, *framed(body, headers)))


def gone(app: RegistryApp, where: str, came: bytes, method: str = "PATCH", **headers: str) -> None:
    """A body that breaks off: whoever may still be there hears of it."""
    found = send(app, method, where, [came, End.GONE], **headers)
    assert found is not None
    assert (found.status, found.codes) == (400, ["SIZE_INVALID"])
    assert found.headers["connection"] == "close"
