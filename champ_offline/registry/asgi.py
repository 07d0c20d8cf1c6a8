"""The registry as an ASGI 3 application: requests in, `answers` out, files sent by the server.

Invariant: every answer states its exact length and is sent whole or the connection ends; a file
goes to the client by the server's own means (`http.response.pathsend`) where it offers that, else
in pieces of 1 MiB. One log line an answer, with nothing a client sent besides the request line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from champ_offline.errors import ChampError
from champ_offline.registry.answers import Answer, FilePart, answer, refuse
from champ_offline.registry.content import Content
from champ_offline.registry.routes import Refusal, parse

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

ACCESS = logging.getLogger("champ.registry.access")
_CHUNK = 1024 * 1024
_PATHSEND = "http.response.pathsend"


class RegistryApp:
    """Serves one zone's store; also the app to give to any other ASGI server."""

    def __init__(self, content: Content) -> None:
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        began = time.monotonic()
        found = self._answer(scope)
        await _send(found, scope, send)
        _log(scope, found, time.monotonic() - began)

    def _answer(self, scope: Scope) -> Answer:
        raw = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        request = parse(scope["method"], raw.decode("latin-1"), query.decode("latin-1"))
        headers = {name.decode("latin-1").lower(): _text(value) for name, value in scope["headers"]}
        try:
            return answer(request, headers, self._content)
        except ChampError as error:
            ACCESS.error("%s: %s", error.id, error)
            return refuse(Refusal(503, "UNAVAILABLE", "the zone's store cannot be read"))


async def _send(found: Answer, scope: Scope, send: Send) -> None:
    headers = {
        "docker-distribution-api-version": "registry/2.0",
        "x-content-type-options": "nosniff",
        **found.headers,
    }
    if found.status != 304:
        headers["content-length"] = str(found.length)
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": lines})
    body = b"" if scope["method"] == "HEAD" else found.body
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
    elif body.whole and _PATHSEND in (scope.get("extensions") or {}):
        await send({"type": _PATHSEND, "path": str(body.path)})
    else:
        await _pieces(body, send)


async def _pieces(part: FilePart, send: Send) -> None:
    left = part.length
    with part.path.open("rb") as file:
        file.seek(part.start)
        while left:
            piece = await asyncio.to_thread(file.read, min(_CHUNK, left))
            if not piece:
                break
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _log(scope: Scope, found: Answer, seconds: float) -> None:
    """One JSON object a line: it survives any name a client makes up."""
    line = {
        "client": (scope.get("client") or ("",))[0],
        "method": scope["method"],
        "path": scope["path"][:300],
        "query": _text(scope["query_string"])[:300],
        "status": found.status,
        "bytes": 0 if scope["method"] == "HEAD" else found.length,
        "milliseconds": round(seconds * 1000, 1),
    }
    ACCESS.info("%s", json.dumps(line))
