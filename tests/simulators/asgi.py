"""An ASGI server of one request at a time: the registry's answers without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from champ_offline.registry.asgi import RegistryApp
from tests.contracts.distribution.client import Response


class End(Enum):
    """How a body may end before its end."""

    GONE = "the client goes away"
    SILENT = "nothing more comes"


Piece: TypeAlias = bytes | End


class Connection:
    """One request's messages; a piece of its body is taken from `body` when it is asked for."""

    def __init__(self, body: Iterable[Piece]) -> None:
        self._body, self._whole = iter(body), False
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        piece = next(self._body, None)
        if piece is End.SILENT or (piece is None and self._whole):
            await asyncio.Event().wait()
        if isinstance(piece, End):
            return {"type": "http.disconnect"}
        self._whole = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": not self._whole}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def response(self) -> Response | None:
        """What was answered, or None when nothing was."""
        if not self.sent:
            return None
        start, *parts = self.sent
        pairs = tuple((name.decode(), value.decode()) for name, value in start["headers"])
        return Response(start["status"], pairs, b"".join(part["body"] for part in parts))


async def exchange(
    app: RegistryApp, method: str, target: str, body: Iterable[Piece], headers: list[Any]
) -> Response | None:
    parts = urlsplit(target)
    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": headers,
    }
    connection = Connection(body)
    await app(scope, connection.receive, connection.send)
    return connection.response()


def ask(
    app: RegistryApp,
    method: str,
    target: str,
    body: bytes | Iterable[Piece] = b"",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to one request; an iterable is a chunked body."""
    found = asyncio.run(exchange(app, method, target, *framed(body, headers)))
    assert found is not None
    return found


def framed(
    body: bytes | Iterable[Piece], headers: Mapping[str, str] | None
) -> tuple[Iterable[Piece], list[tuple[bytes, bytes]]]:
    """A body and the headers that announce it."""
    given = {**(headers or {})}
    if isinstance(body, bytes):
        given.setdefault("content-length", str(len(body)))
        body = [body]
    else:
        given["transfer-encoding"] = "chunked"
    return body, [(name.encode(), value.encode()) for name, value in given.items()]
