"""A WebSocket client (RFC 6455) over http.client and ssl: one thread, both ways, bounded memory.

Invariant: one message is read and one frame is written at a time, so neither side can make this
one keep more than that; whoever does not take what comes holds the other side up. A connection
that ends is WebSocketBroke, however politely: only what was said in its messages counts.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import urlsplit

from champ_offline.cluster.web_frames import (
    NORMAL,
    FrameReader,
    FrameRefused,
    Opcode,
    accept_of,
    client_frame,
    close_words,
)
from champ_offline.errors import Because, Phrase, system_said

T = TypeVar("T")

_CONNECT_SECONDS = 15.0
_PING_SECONDS = 15.0
_TAKEN = 64 * 1024
# Of an answer that refuses.
_LONGEST_REFUSAL = 64 * 1024


class WebSocketBroke(Because):
    """The connection ended or the other side broke the protocol."""


class HandshakeRefused(Exception):
    """The server answered the handshake with another status than 101."""

    def __init__(self, status: int, body: bytes) -> None:
        """Of the body the first 64 KiB are kept."""
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Server:
    """Where to connect to; `context` where its URL is https. Headers may hold a token."""

    url: str
    context: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class WebSocket:
    """An open connection; `protocol` is the subprotocol that the server chose."""

    def __init__(self, connection: socket.socket, protocol: str, most: int) -> None:
        """Messages have at most `most` bytes."""
        self.protocol = protocol
        self._socket = connection
        self._socket.setblocking(False)  # noqa: FBT003
        self._poll = select.poll()
        self._reader = FrameReader(most)
        self._out = memoryview(b"")
        self._out_is_data = False
        self._pong: bytes | None = None
        self._wants_write = False
        self._takes_more = True
        self._ping_at = monotonic() + _PING_SECONDS

    def turn(self, source: Iterator[bytes], silence: float) -> Iterator[bytes]:
        """Wait until something moved; the binary messages that came, each when it is asked for.

        The next message to send is taken from `source` when the last one is sent. Raises
        WebSocketBroke, also after `silence` seconds in which nothing came and nothing was sent.
        """
        deadline = monotonic() + silence
        while True:
            data = self._received()
            if self._sent(source) or data:
                break
            self._wait(deadline)
        try:
            yield from self._messages(data)
        except FrameRefused as error:
            raise WebSocketBroke(error.reason) from error

    def close(self) -> None:
        """Say good-bye where that costs no waiting, and let go."""
        with self._socket, suppress(WebSocketBroke):
            if self._socket.fileno() >= 0 and self._takes_more and not self._out:
                frame = client_frame(Opcode.CLOSE, NORMAL.to_bytes(2, "big"), os.urandom(4))
                self._tried(lambda: self._socket.send(frame))

    def _messages(self, data: bytes) -> Iterator[bytes]:
        for message in self._reader.feed(data):
            match message.opcode:
                case Opcode.BINARY:
                    yield message.data
                case Opcode.PING:
                    self._pong = message.data
                case Opcode.CLOSE:
                    raise WebSocketBroke(close_words(message.data))
                case Opcode.TEXT:
                    raise WebSocketBroke(Phrase("a text came where bytes were agreed on"))

    def _received(self) -> bytes:
        """What has come; nothing where nothing has."""
        data = self._tried(lambda: self._socket.recv(_TAKEN))
        if data is None:
            return b""
        if not data:
            raise WebSocketBroke(Phrase("the connection ended without a word"))
        self._ping_at = monotonic() + _PING_SECONDS
        return data

    def _sent(self, source: Iterator[bytes]) -> bool:
        """Whether a part of a message could be sent; pings and answers to them do not count.

        Who has said all that there is to say may take no more: what it said is still to be read.
        """
        if not self._out and self._takes_more:
            self._load(source)
        try:
            count = self._tried(lambda: self._socket.send(self._out)) if self._out else None
        except WebSocketBroke:
            self._takes_more, self._out, count = False, memoryview(b""), None
        self._out = self._out[count or 0 :]
        return bool(count) and self._out_is_data

    def _load(self, source: Iterator[bytes]) -> None:
        """Take the next frame to send: only the last ping is answered (RFC 6455, 5.5.3)."""
        self._out_is_data = False
        if self._pong is not None:
            opcode, data, self._pong = Opcode.PONG, self._pong, None
        elif monotonic() >= self._ping_at:
            opcode, data, self._ping_at = Opcode.PING, b"", monotonic() + _PING_SECONDS
        else:
            message = next(source, None)
            if message is None:
                return
            opcode, data, self._out_is_data = Opcode.BINARY, message, True
        self._out = memoryview(client_frame(opcode, data, os.urandom(4)))

    def _tried(self, act: Callable[[], T]) -> T | None:
        """What comes of it; None where it would have to wait."""
        try:
            return act()
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLWantWriteError:
            self._wants_write = True
            return None
        except OSError as error:
            raise WebSocketBroke(system_said(error)) from error

    def _wait(self, deadline: float) -> None:
        now = monotonic()
        if now >= deadline:
            raise WebSocketBroke(Phrase("for too long nothing came, and nothing could be sent"))
        write = select.POLLOUT if self._out or self._wants_write else 0
        self._wants_write = False
        self._poll.register(self._socket, select.POLLIN | write)
        self._poll.poll(max(1.0, 1000 * (min(deadline, self._ping_at) - now)))


def connect(server: Server, path: str, protocols: Sequence[str], most: int) -> WebSocket:
    """Open a connection to `path` below the server's URL, for messages of at most `most` bytes.

    Raises HandshakeRefused, WebSocketBroke (what answers is no WebSocket server), and OSError where
    nothing answers.
    """
    parts = urlsplit(server.url)
    connection = _connection(server, parts.hostname or "", parts.port)
    key = b64encode(os.urandom(16)).decode()
    asked = {
        **server.headers,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": ", ".join(protocols),
    }
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}{path}", headers=asked)
        with connection.getresponse() as answer:  # closing this leaves the connection open
            protocol = _agreed(answer, key, protocols)
    except HTTPException as error:
        connection.close()
        raise WebSocketBroke(Phrase("what answers does not speak HTTP")) from error
    except BaseException:
        connection.close()
        raise
    return WebSocket(connection.sock, protocol, most)


class _Unbuffered(HTTPResponse):
    """An answer that takes no byte more than it needs: what follows are frames."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **named)
        self.fp.close()
        self.fp = sock.makefile("rb", buffering=0)  # type: ignore[assignment]


def _connection(server: Server, host: str, port: int | None) -> HTTPConnection:
    if server.context is None:
        connection = HTTPConnection(host, port, timeout=_CONNECT_SECONDS)
    else:
        connection = HTTPSConnection(host, port, timeout=_CONNECT_SECONDS, context=server.context)
    connection.response_class = _Unbuffered
    return connection


def _agreed(answer: HTTPResponse, key: str, protocols: Sequence[str]) -> str:
    """The subprotocol (RFC 6455, 4.1, what a client has to check)."""
    if answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise HandshakeRefused(answer.status, answer.read(_LONGEST_REFUSAL))
    said = {name: answer.getheader(name, "") for name in ("Upgrade", "Connection")}
    tokens = {token.strip().lower() for token in said["Connection"].split(",")}
    if said["Upgrade"].lower() != "websocket" or "upgrade" not in tokens:
        raise WebSocketBroke(Phrase("what answers is no WebSocket server"))
    if answer.getheader("Sec-WebSocket-Accept", "") != accept_of(key):
        raise WebSocketBroke(Phrase("the answer to the handshake is not to this handshake"))
    protocol = answer.getheader("Sec-WebSocket-Protocol", "")
    if answer.getheader("Sec-WebSocket-Extensions") or protocol not in protocols:
        raise WebSocketBroke(Phrase("the server chose something that was not offered"))
    return protocol
