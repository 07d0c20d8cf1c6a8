"""The registry as an ASGI 3 application: requests in, answers out, files sent in pieces.

Invariant: every answer states its exact length and is sent whole or the connection ends. Nothing of
a body is read before it is clear who asks and that they may. One log line an answer, with nothing a
client sent besides the request line; it and what the audit chain says of the request carry one id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.events import Subscriber, ignore
from champ_offline.journal.audit import Audit
from champ_offline.registry.access import (
    NOBODY,
    Caller,
    Client,
    Gatekeeper,
    ReadOnly,
    Rejected,
    judge,
    needs,
    no_longer,
)
from champ_offline.registry.answers import Answer, FilePart, Refused, document, refuse, unavailable
from champ_offline.registry.bodies import Body, ClientGone, Message, Receive, Room
from champ_offline.registry.content import Content
from champ_offline.registry.deeds import Kind, Refusals
from champ_offline.registry.heads import read_head
from champ_offline.registry.limits import Limits
from champ_offline.registry.log import LOG as ACCESS
from champ_offline.registry.log import LONGEST, Event, Told, request_id
from champ_offline.registry.metrics import Metrics
from champ_offline.registry.monitor import Monitor
from champ_offline.registry.publish import Publish
from champ_offline.registry.pull import answer, damaged
from champ_offline.registry.push import Push
from champ_offline.registry.requests import (
    AboutItself,
    AboutToken,
    AboutUpload,
    BeginUpload,
    CancelUpload,
    Change,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    HealthRequest,
    ManifestRequest,
    MetricsRequest,
    PutManifest,
    Read,
    Refusal,
    Repository,
    Request,
    TokenForm,
    TokenRequest,
    UploadChunk,
    UploadStatus,
)
from champ_offline.registry.routes import parse, token_form
from champ_offline.registry.sending import Send, Sending
from champ_offline.registry.soundness import Soundness
from champ_offline.registry.threads import done
from champ_offline.registry.watch import Peer
from champ_offline.store.blobs import BlobStore
from champ_offline.store.uploads import Uploads

Scope: TypeAlias = MutableMapping[str, Any]

_GONE = Refusal(404, "BLOB_UNKNOWN", "this repository has no such blob any more")
_BROKEN_OFF = Refusal(
    400, "SIZE_INVALID", "the body ended before its end", (("connection", "close"),)
)


@dataclass
class _Visit:
    """One request on its way; `client` and `guess` become known while it is answered."""

    request: Request
    method: str
    headers: Mapping[str, str]
    body: Body
    peer: Peer
    id: str
    client: Client = NOBODY
    named: str = ""
    guess: bool = False

    @property
    def address(self) -> str:
        """From which address it came."""
        return self.peer[0]

    @property
    def caller(self) -> Caller:
        """Who sent it, once that is known."""
        return Caller(self.client, self.address, self.id)


class RegistryApp:
    """Serves one zone's store; also the app to give to any other ASGI server."""

    def __init__(
        self,
        content: Content,
        soundness: Soundness,
        push: Push,
        publish: Publish,
        refusals: Refusals,
        gatekeeper: Gatekeeper,
        limits: Limits,
        monitor: Monitor,
    ) -> None:
        self.monitor, self.leaving = monitor, False
        self._content, self.push, self._publish = content, push, publish
        self._soundness = soundness
        self.refusals, self._gatekeeper = refusals, gatekeeper
        self._bodies = Room(limits.bodies, limits.bodies_per_client)
        self._forms = Room(limits.forms, limits.forms_per_address)
        self.limits, self.sending = limits, Sending(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        began = time.monotonic()
        visit = self._visit(scope, receive)
        metrics, body = self.monitor.metrics, visit.body
        metrics.working += 1
        try:
            found = await self._answer(visit)
        except ClientGone:
            # Or its body broke off in a way that ends the connection; then somebody may be there.
            metrics.gone += 1
            found = refuse(_BROKEN_OFF)
        finally:
            metrics.working -= 1
        if _is_told(visit, scope["method"], found.status):
            self.refusals.note(_kind(visit, scope["method"], found.status), visit.id)
        if self.leaving:
            found = replace(found, headers={**found.headers, "connection": "close"})
        seconds = time.monotonic() - began
        if found.status >= 400 and body.length != 0:
            await body.drain(asked="expect" in visit.headers)
        try:
            await self._send(found, visit, send)
        except FileNotFoundError:
            # Collected a moment ago, before its first byte.
            found = refuse(_GONE)
            await self._send(found, visit, send)
        if body.stuck:
            await self.sending.hear_no_more(visit.peer)
        size = 0 if scope["method"] == "HEAD" else found.length
        metrics.rejected += visit.guess
        metrics.answered(scope["method"], visit.request, found.status, size, seconds)
        if ACCESS.isEnabledFor(logging.INFO):
            _log(scope, visit, found.status, size, time.monotonic() - began)

    def _visit(self, scope: Scope, receive: Receive) -> _Visit:
        head = read_head(scope["headers"], scope.get("http_version", ""), self.limits.headers)
        headers = {} if isinstance(head, Refusal) else head
        body = Body(receive, _length(headers), self.limits)
        raw, method = scope.get("raw_path") or scope["path"].encode(), scope["method"]
        asked = parse(method, _text(raw), _text(scope["query_string"]))
        request = head if isinstance(head, Refusal) else asked
        return _Visit(request, method, headers, body, _peer(scope), request_id(headers))

    async def _send(self, found: Answer, visit: _Visit, send: Send) -> None:
        start = _start(found, visit.id)
        body = b"" if visit.method == "HEAD" else found.body
        if isinstance(body, bytes):
            await send(start)
            await send({"type": "http.response.body", "body": body})
        else:
            with body.path.open("rb") as file:
                await send(start)
                await self.sending.pieces(file, body, visit.body, send)

    async def _answer(self, visit: _Visit) -> Answer:
        if isinstance(visit.request, Refusal):
            return refuse(visit.request)
        try:
            return await self._known(visit, visit.request)
        except Refused as error:
            return error.answer
        except ChampError as error:
            ACCESS.error("%s: %s", error.id, error)
            return refuse(unavailable(error))
        except OSError as error:
            ACCESS.error("registry: %s", error)
            return refuse(unavailable(error))

    async def _known(
        self, visit: _Visit, request: Read | AboutItself | AboutUpload | Change | AboutToken
    ) -> Answer:
        if isinstance(request, TokenRequest | TokenForm):
            return await self._token(visit, request)
        if isinstance(request, HealthRequest):
            return self.monitor.health()
        client = await self._gatekeeper.identify(visit.headers)
        if isinstance(client, Rejected):
            return _rejected(visit, client)
        visit.client, visit.named = client, client.name
        if isinstance(request, MetricsRequest):
            return await self._exposition(visit)
        return await self._admitted(visit, request)

    async def _exposition(self, visit: _Visit) -> Answer:
        """Metrics, for whoever may pull, or has a name."""
        if not visit.client.name and not visit.client.roles:
            refusal = self._gatekeeper.greet(visit.client, visit.headers)
            if refusal is not None:
                return refuse(refusal)
        return await done(self.monitor.exposition)

    async def _token(self, visit: _Visit, request: AboutToken) -> Answer:
        if isinstance(request, TokenForm):
            with self._forms.place(visit.address):
                read = token_form(await visit.body.whole(self.limits.form))
            if isinstance(read, Refusal):
                return refuse(read)
            request = read
        found = await self._gatekeeper.token(request, visit.headers)
        if isinstance(found, Rejected):
            return _rejected(visit, found)
        issued = found.issued.strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {"token": found.text, "access_token": found.text, "token_type": "Bearer"}
        return document(
            {**told, "expires_in": found.seconds, "issued_at": issued},
            {"cache-control": "no-store"},
        )

    async def _admitted(self, visit: _Visit, request: Read | AboutUpload | Change) -> Answer:
        owned = self._content.owned
        refusal = judge(self._gatekeeper, visit.client, request, visit.headers, owned)
        if refusal is not None:
            return refuse(refusal)
        headers, body, caller = visit.headers, visit.body, visit.caller
        match request:
            case BeginUpload() | UploadChunk() | FinishUpload() | UploadStatus() | CancelUpload():
                with self._bodies.place(visit.client.name):
                    return await self.push.answer(request, headers, caller, body)
            case PutManifest() | DeleteManifest() | DeleteBlob():
                with self._bodies.place(visit.client.name):
                    data = await body.whole(self.limits.manifest)
                    refusal = no_longer(self._gatekeeper, visit.client, request)
                    if refusal is not None:
                        return refuse(refusal)
                    publish = self._publish.answer
                    return await done(publish, request, headers, caller, data)
            case _:
                found = await self._read(request, headers, visit.client)
                if isinstance(found.body, FilePart) and visit.method != "HEAD":
                    await self.sending.turn(visit.peer, found.length)
                return _scoped(found, request)

    def leave(self, *, ending: bool) -> None:
        """Let clients go elsewhere after their next answer; `ending` where nobody takes over."""
        self.leaving, self.monitor.ending = True, ending

    def tidy(self) -> None:
        """What is to be done now and then, and at the end; from a thread.

        Raises ChampError, OSError.
        """
        self.push.expire()
        self.refusals.write(every=self.leaving)

    async def _read(self, request: Read, headers: Mapping[str, str], client: Client) -> Answer:
        found = answer(request, headers, self._content, client)
        if isinstance(found.body, FilePart) and not await self._soundness.holds(found.body.digest):
            return damaged("BLOB_UNKNOWN", found.body.digest)
        if isinstance(request, ManifestRequest) and found.status < 400:
            self._soundness.well(found.headers["docker-content-digest"])
        if found.suspect is not None:
            await self._soundness.holds(found.suspect)  # sets it aside, and tells
        return found


def registry(
    database: Database,
    blobs: BlobStore,
    uploads: Path,
    clock: Callable[[], datetime],
    gatekeeper: Gatekeeper | None = None,
    limits: Limits | None = None,
    notify: Subscriber = ignore,
) -> RegistryApp:
    """The registry over a zone's database and store; read-only unless a gatekeeper says more.

    `notify` hears, from another thread, of every blob that is found damaged.

    `uploads` is a folder on the file system of the store; one process serves it.
    """
    limits, content, audit = limits or Limits(), Content(database, blobs), Audit(database, clock)
    guarded = gatekeeper or ReadOnly()
    push = Push(database, content, uploads, audit, limits, clock, guarded)
    publish, refusals = Publish(database, content, audit, clock), Refusals(audit, clock)
    monitor = Monitor(database, blobs, Uploads(database, uploads), audit, Metrics(clock()))
    soundness = Soundness(database, blobs, clock, monitor.counting(notify))
    return RegistryApp(content, soundness, push, publish, refusals, guarded, limits, monitor)


def _rejected(visit: _Visit, found: Rejected) -> Answer:
    visit.named, visit.guess = found.client, found.guess
    return refuse(found.refusal)


def _is_told(visit: _Visit, method: str, status: int) -> bool:
    """Whether a refusal goes into the audit chain.

    A 401 to whoever reads is how clients learn that they need a token, unless a password was wrong.
    """
    if status in {403, 413, 429} or visit.guess:
        return True
    return status in {401, 405} and method not in {"GET", "HEAD", "OPTIONS"}


def _kind(visit: _Visit, method: str, status: int) -> Kind:
    if isinstance(visit.request, TokenRequest | TokenForm):
        return Kind(visit.named, visit.address, "login", "", status)
    needed = None if isinstance(visit.request, Refusal) else needs(visit.request)
    action, repository = needed or (method[:16], "")
    return Kind(visit.named, visit.address, action, repository, status)


def _start(found: Answer, request: str) -> Message:
    headers = {
        "docker-distribution-api-version": "registry/2.0",
        "x-request-id": request,
        "x-content-type-options": "nosniff",
        **found.headers,
    }
    if found.status not in {204, 304}:
        headers["content-length"] = str(found.length)
    pairs = (*headers.items(), *found.repeated)
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    return {"type": "http.response.start", "status": found.status, "headers": lines}


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _scoped(found: Answer, request: Read) -> Answer:
    """Say which host the name was taken under ("Registry Proxying")."""
    if not isinstance(request, Repository) or not request.host:
        return found
    return replace(found, headers={**found.headers, "oci-namespace": request.host})


def _length(headers: Mapping[str, str]) -> int | None:
    """The Content-Length; the server has refused one that is no number."""
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers:
        return None
    return int(text) if text.isdecimal() else 0


def _peer(scope: Scope) -> Peer:
    address, port = scope.get("client") or ("", 0)
    return str(address), int(port)


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _log(scope: Scope, visit: _Visit, status: int, size: int, seconds: float) -> None:
    """One JSON object a line: it survives any name a client makes up."""
    path, query = scope["path"][:LONGEST], _text(scope["query_string"])[:LONGEST]
    sent = (path, query, status, size, round(seconds * 1000, 1))
    named = (visit.id, visit.address, visit.named, scope["method"][:16])
    ACCESS.info(Told(Event.REQUEST, *named, *sent))
