"""A client that sends exactly what it is told and shows exactly what came back; a running server.

Requests go over one connection each, so that no test leaves anything to the next.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from champ_offline.registry.asgi import RegistryApp
from champ_offline.registry.pki import Certificates
from champ_offline.registry.server import Listen, run

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCTETS = "application/octet-stream"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Response:
    status: int
    pairs: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.pairs)

    def every(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.json["errors"]]

    @property
    def location(self) -> str:
        return self.headers["location"]


class Registry:
    """One server; `certificates` None for plain HTTP."""

    def __init__(self, port: int, certificates: Certificates | None = None) -> None:
        self.port, self._certificates = port, certificates

    def connection(self) -> http.client.HTTPConnection:
        if self._certificates is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        context = ssl.create_default_context(cafile=str(self._certificates.authority))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """`target` is a path, or a URL of this server; an iterator is sent as a chunked body."""
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with closing(self.connection()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            found = connection.getresponse()
            pairs = tuple((name.lower(), value) for name, value in found.getheaders())
            return Response(found.status, pairs, found.read())

    def repository(self) -> Repository:
        """A repository nobody used yet."""
        return Repository(self, f"test/{secrets.token_hex(8)}")


class Repository:
    """One repository, as a client addresses it."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry, self.name = registry, name

    def send(
        self,
        method: str,
        rest: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str | int,
    ) -> Response:
        """Ask under this repository's path; `source` is sent as `from`, a word Python has."""
        query = {"from" if key == "source" else key: value for key, value in query.items()}
        text = f"?{urlencode(query)}" if query else ""
        return self.registry.send(method, f"/v2/{self.name}/{rest}{text}", body, headers)

    def follow(
        self,
        method: str,
        location: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Response:
        """Ask a Location that the registry gave, its own query kept."""
        if query:
            location += ("&" if "?" in location else "?") + urlencode(query)
        return self.registry.send(method, location, body, headers)

    def begin(self) -> str:
        """The location of a new upload."""
        found = self.send("POST", "blobs/uploads/", b"")
        assert found.status == 202, found
        return found.location

    def blob(self, data: bytes, algorithm: str = "sha256") -> str:
        """Push a blob; its digest."""
        digest = digest_of(data, algorithm)
        found = self.follow("PUT", self.begin(), data, {"content-type": OCTETS}, digest=digest)
        assert found.status == 201, found
        return digest

    def manifest(
        self, data: bytes, reference: str = "", media_type: str = IMAGE, algorithm: str = "sha256"
    ) -> str:
        """Push a manifest, by digest unless a tag is named; its digest."""
        digest = digest_of(data, algorithm)
        path = f"manifests/{reference or digest}"
        found = self.send("PUT", path, data, {"content-type": media_type})
        assert found.status == 201, found
        return digest

    def image(self, reference: str = "", algorithm: str = "sha256") -> str:
        """Push an image of one layer; its digest."""
        return self.manifest(self.image_bytes(algorithm), reference, algorithm=algorithm)

    def image_bytes(self, algorithm: str = "sha256", **more: Any) -> bytes:
        """A manifest whose blobs were pushed; `more` are further fields of it."""
        layer, config = secrets.token_bytes(100), b'{"architecture":"amd64","os":"linux"}'
        self.blob(layer, algorithm)
        self.blob(config, algorithm)
        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor(config, CONFIG, algorithm),
            "layers": [descriptor(layer, LAYER, algorithm)],
        }
        return json.dumps({**document, **more}, indent=3).encode()


def descriptor(data: bytes, media_type: str, algorithm: str = "sha256") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data, algorithm), "size": len(data)}


@contextmanager
def serving(app: RegistryApp, certificates: Certificates | None = None) -> Iterator[Registry]:
    """The server on loopback, in a thread of its own."""
    port, ready, stops = free_port(), threading.Event(), []

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        await run(app, Listen("127.0.0.1", port, certificates), stop, ready.set)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield Registry(port, certificates)
    finally:
        stops[0]()
        thread.join(30)
    assert not thread.is_alive()
