"""HTTP to one host and whoever it sends us to, through urllib3: one request, one bounded answer.

Invariant: certificates are checked (TLS 1.2 or later) against the given authority alone, or the
system's where none is given. Nothing is followed, repeated or decoded here, no proxy of the
environment is asked and no answer is longer than its bound. Nothing else asks through urllib3.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

import urllib3
import urllib3.exceptions as trouble

from champ_offline.errors import Because, Phrase
from champ_offline.external.errors import TargetTlsRefused, TargetWithoutTls

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""How long an answer may be silent: a registry puts a large blob together before it answers."""
LOOK_SECONDS = 20.0
"""The same where nothing is sent."""
_PIECE = 64 * 1024
_NO_TLS = Phrase("it does not speak TLS")
_REASONS = {
    "CERTIFICATE_VERIFY_FAILED": Phrase(
        "its certificate is not signed by an authority that is trusted"
    ),
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "Connection refused": Phrase("connection refused"),
    "Name or service not known": Phrase("its name is not known"),
    "Temporary failure in name resolution": Phrase("its name cannot be looked up"),
    "No route to host": Phrase("no route to host"),
    "Network is unreachable": Phrase("the network is unreachable"),
    "timed out": Phrase("no answer in time"),
}


class Broken(Because):
    """No answer, or half of one."""


@dataclass(frozen=True)
class Reply:
    """An answer: header names in lower case, a body of at most the bound that was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, order=True)
class Origin:
    """Scheme, host and port of a URL (RFC 6454, 4)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Raises ValueError where a URL has none, or user names in it."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError(url[:300])
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname.lower(), port)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Wire:
    """Connections that are kept from one request to the next; leave it (`with`) to close them."""

    def __init__(self, where: str, ca: str = "", read: float = READ_SECONDS) -> None:
        """`where` names the target in errors; raises ValueError for a `ca` that is no PEM."""
        self._where, self._context = where, tls(ca)
        self._timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
        self._pools: dict[Origin, urllib3.HTTPConnectionPool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Iterable[bytes] = (),
        *,
        limit: int,
    ) -> Reply:
        """One request and its answer, of which at most `limit` bytes are read.

        Raises Broken, and TargetTlsRefused or TargetWithoutTls where no trusted connection comes
        about.
        """
        parts = urlsplit(url)
        try:
            found = self._pool(Origin.of(url)).urlopen(
                method,
                _path(parts),
                body=iter(body) if "Content-Length" in headers else None,
                headers={"Accept-Encoding": "identity", **headers},
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=self._timeout,
            )
            return _read(found, limit)
        except trouble.SSLError as error:
            reason = _reason(error)
            if reason == _BROKE:
                raise Broken(reason) from error
            if reason == _NO_TLS:
                raise TargetWithoutTls(where=self._where) from error
            raise TargetTlsRefused(where=self._where, reason=reason) from error
        except trouble.HTTPError as error:
            raise Broken(_reason(error)) from error

    def _pool(self, origin: Origin) -> urllib3.HTTPConnectionPool:
        if origin not in self._pools:
            self._pools[origin] = (
                urllib3.HTTPSConnectionPool(origin.host, origin.port, ssl_context=self._context)
                if origin.scheme == "https"
                else urllib3.HTTPConnectionPool(origin.host, origin.port)
            )
        return self._pools[origin]


def tls(ca: str) -> ssl.SSLContext:
    """What a connection is checked against; raises ValueError for a `ca` that is no PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca)
    except ssl.SSLError as error:
        raise ValueError(str(error)) from error
    return context


_BROKE = Phrase("the connection broke")


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _read(found: urllib3.BaseHTTPResponse, limit: int) -> Reply:
    """What is within the bound; the rest of a longer answer is not waited for."""
    body = bytearray()
    for piece in found.stream(_PIECE, decode_content=False):
        body += piece
        if len(body) > limit:
            found.close()
            break
    found.release_conn()
    headers = {name.lower(): value for name, value in found.headers.items()}
    return Reply(found.status, headers, bytes(body[: limit + 1]))


def _reason(error: trouble.HTTPError) -> Phrase:
    text = str(error)
    return next((reason for sign, reason in _REASONS.items() if sign in text), _BROKE)
