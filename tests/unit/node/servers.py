"""Servers on loopback that answer a node in every way a registry should not, and in the right one.

Each serves from a thread of its own until its block ends.
"""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from champ_offline.registry.pki import Certificates
from tests.unit.node.authorities import NOW

LOOPBACK = "127.0.0.1"


@dataclass
class Page:
    """What a path answers with; `only` is the Authorization it wants."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    only: str = ""


@dataclass
class Site:
    """Pages by path (without the query), the clock they are dated by, and who asked what."""

    pages: dict[str, Page]
    date: str = format_datetime(NOW, usegmt=True)
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def http(site: Site) -> Iterator[int]:
    """Serve a site without TLS."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _handler(site))
    with _running(server.serve_forever, server.shutdown):
        yield server.server_port
    server.server_close()


@contextmanager
def https(
    site: Site, certificates: Certificates, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[int]:
    """Serve a site over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(certificates.certificate, certificates.key)
    server = _Secured((LOOPBACK, 0), _handler(site))
    server.context = context
    with _running(server.serve_forever, server.shutdown):
        yield server.server_port
    server.server_close()


@contextmanager
def raw(speak: Callable[[socket.socket], None]) -> Iterator[int]:
    """Let `speak` have each connection."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                connection, _ = listening.accept()
                with connection:
                    if not stop.is_set():
                        speak(connection)

        def end() -> None:
            stop.set()
            socket.create_connection(listening.getsockname()).close()

        with _running(serve, end):
            yield listening.getsockname()[1]


class _Secured(ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so that a silent client holds up nobody."""

    context: ssl.SSLContext
    daemon_threads = True

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            return


@contextmanager
def _running(serve: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> None:
            site.asked.append((self.command, self.path))
            page = site.pages.get(urlsplit(self.path).path, Page(b"not found", 404))
            if page.only and self.headers.get("authorization") != page.only:
                page = Page(b"{}", 401, {"WWW-Authenticate": 'Basic realm="zone"'})
            body, status = page.body, page.status
            if (span := self.headers.get("range")) and status == 200:
                first, _, last = span.removeprefix("bytes=").partition("-")
                body, status = body[int(first) : int(last) + 1], 206
            self.send_response_only(status)
            self.send_header("Date", site.date)
            for name, value in {"Content-Length": str(len(body)), **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
