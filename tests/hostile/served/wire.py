"""Reads what a server sends as strictly as the most suspicious client would (RFC 9112)."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from typing import Any

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [ -~]*")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")
_SEVERAL = {"oci-tag"}
_LONGEST_HEAD = 64 * 1024


class NotHTTP(AssertionError):
    """The server sent what is no answer."""


@dataclass(frozen=True)
class Reply:
    """One answer; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return self.headers.get("connection") == "close"


class Reader:
    """Answers from one connection, one after the other; `raw` is all that came."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.raw = bytearray()
        self._at = 0

    def reply(self, method: str) -> Reply | None:
        """The next answer, interim ones passed over; None where the connection ends before it.

        Raises NotHTTP; TimeoutError where nothing comes.
        """
        while True:
            head = self._head()
            if head is None:
                return None
            status, headers = _read_head(head)
            if status >= 200:
                break
            if status != 100:
                raise NotHTTP(f"an interim {status}")
        body = self._body(method, status, headers)
        return None if body is None else Reply(status, headers, body)

    def interim(self) -> int | None:
        """The status of the next head; None where the connection ends before it."""
        head = self._head()
        return None if head is None else _read_head(head)[0]

    @property
    def ended(self) -> bool:
        """Whether nothing more comes, and nothing is left."""
        return self._at == len(self.raw) and not self._more()

    def _head(self) -> bytes | None:
        while (end := self.raw.find(b"\r\n\r\n", self._at)) < 0:
            if len(self.raw) - self._at > _LONGEST_HEAD:
                raise NotHTTP("a head without end")
            if not self._more():
                if self._at < len(self.raw):
                    raise NotHTTP(f"half a head: {bytes(self.raw[self._at :][:200])!r}")
                return None
        head = bytes(self.raw[self._at : end])
        self._at = end + 4
        return head

    def _body(self, method: str, status: int, headers: dict[str, str]) -> bytes | None:
        if "transfer-encoding" in headers:
            raise NotHTTP("an answer without its exact length")
        if method == "HEAD" or status in {204, 304}:
            return b""
        if not headers.get("content-length", "").isdecimal():
            raise NotHTTP(f"an answer without its length: {status} {headers}")
        length = int(headers["content-length"])
        while len(self.raw) - self._at < length:
            if not self._more():
                return None
        body = bytes(self.raw[self._at : self._at + length])
        self._at += length
        return body

    def _more(self) -> bool:
        try:
            data = self.connection.recv(256 * 1024)
        except ConnectionError:
            return False
        self.raw += data
        return bool(data)


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None:
        raise NotHTTP(f"no status line: {first[:200]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        field = _HEADER.fullmatch(line)
        if field is None:
            raise NotHTTP(f"no header: {line[:200]!r}")
        name = field[1].decode().lower()
        if name in headers and name not in _SEVERAL:
            raise NotHTTP(f"{name} twice")
        headers[name] = field[2].decode("latin-1")
    return int(match[1]), headers
