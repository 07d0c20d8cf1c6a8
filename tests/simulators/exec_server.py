"""The server's side of pods/exec over a WebSocket, as a test wants it: right, wrong or cut off."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from champ_offline.cluster.web_frames import accept_of

PROTOCOL = "v5.channel.k8s.io"
SUCCESS = b'{"metadata":{},"status":"Success"}'
STDOUT, STDERR, STATUS = 1, 2, 3


def frame(data: bytes, first: int = 0x82) -> bytes:
    """An unmasked frame; `first` is its first byte, of a whole binary message unless given."""
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    if len(data) < 1 << 16:
        return bytes([first, 126]) + len(data).to_bytes(2, "big") + data
    return bytes([first, 127]) + len(data).to_bytes(8, "big") + data


def said(channel: int, data: bytes) -> bytes:
    """A frame on a channel."""
    return frame(bytes([channel]) + data)


@dataclass
class ExecServer:
    """Answers a handshake, then writes `frames`, or what `serve` makes of the connection.

    `headers` replaces headers of its answer (an empty text leaves one out); `cut` is after how many
    bytes in all it closes the connection.
    """

    frames: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    serve: Callable[[socket.socket], None] | None = None
    paths: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def head(self, key: str) -> bytes:
        """The answer to the handshake."""
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": accept_of(key),
            "Sec-WebSocket-Protocol": PROTOCOL,
            **self.headers,
        }
        lines = [f"{name}: {text}" for name, text in headers.items() if text]
        return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.paths.append(request.path)
        self.authorizations.append(request.headers["Authorization"])
        sent = self.head(request.headers["Sec-WebSocket-Key"]) + self.frames
        request.connection.sendall(sent[: self.cut])
        if self.serve is not None:
            self.serve(request.connection)


@dataclass
class Refusal:
    """Answers a handshake with another status."""

    status: int
    body: bytes

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(self.status)
        request.send_header("content-length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)
