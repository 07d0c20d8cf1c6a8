"""A registry in memory on loopback that misbehaves as it is told, and remembers what it was asked.

It knows what a push needs, no more. A `fault` sees each request first and may answer it instead.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

_PLACE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>blobs|manifests|referrers)/(?P<rest>.*)")


@dataclass(frozen=True)
class Asked:
    """One request, its body read unless a fault broke it off."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)


@dataclass(frozen=True)
class Told:
    """An answer; `close` resets the connection instead."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    close: bool = False


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Told:
    """An error in the form of the specification; underscores in header names become dashes."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Told(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


Fault: TypeAlias = Callable[[Asked], Told | None]


class FakeTarget:
    """What it holds: blobs by repository and digest, manifests by repository and reference."""

    def __init__(self, *, referrers: bool = True) -> None:
        self.referrers = referrers
        self.port = 0
        self.fault: Fault = lambda _asked: None
        self.asked: list[Asked] = []
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.uploads: dict[str, bytearray] = {}
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, method: str, part: str = "") -> int:
        return sum(one.method == method and part in one.path for one in self.asked)

    def answer(self, asked: Asked) -> Told:
        with self._lock:
            self.asked.append(asked)
            return self.fault(asked) or self.usual(asked)

    def usual(self, asked: Asked) -> Told:
        """What a registry without faults answers."""
        parts = urlsplit(asked.path)
        place = _PLACE.fullmatch(parts.path)
        if place is None:
            return Told(200 if parts.path == "/v2/" else 404)
        name, rest = place["name"], place["rest"]
        if rest.startswith("uploads/"):
            return self._upload(asked, name, rest.removeprefix("uploads/"))
        if place["kind"] == "blobs":
            found = self.blobs.get((name, rest))
            return Told(404) if found is None else Told(200, {}, found)
        if place["kind"] == "referrers":
            return self._referring(name, rest)
        return self._manifest(asked, name, rest)

    def _upload(self, asked: Asked, name: str, session: str) -> Told:
        if asked.method == "POST":
            digest, origin = asked.query.get("mount", [""])[0], asked.query.get("from", [""])[0]
            if (origin, digest) in self.blobs:
                self.blobs[name, digest] = self.blobs[origin, digest]
                return Told(201, {"Location": f"/v2/{name}/blobs/{digest}"})
            session = str(len(self.asked))
            self.uploads[session] = bytearray()
            return self._progress(name, session, 202)
        if session not in self.uploads:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN")
        if asked.method == "PATCH":
            start = int(asked.headers["content-range"].partition("-")[0])
            if start != len(self.uploads[session]):
                return self._progress(name, session, 416)
            self.uploads[session] += asked.body
            return self._progress(name, session, 202)
        if asked.method == "PUT":
            data, digest = bytes(self.uploads.pop(session)), asked.query["digest"][0]
            if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
                return refusal(400, "DIGEST_INVALID")
            self.blobs[name, digest] = data
            return Told(201, {"Docker-Content-Digest": digest})
        if asked.method == "DELETE":
            del self.uploads[session]
        return self._progress(name, session, 204) if asked.method == "GET" else Told(204)

    def _progress(self, name: str, session: str, status: int) -> Told:
        last = max(0, len(self.uploads[session]) - 1)
        headers = {"Location": f"/v2/{name}/blobs/uploads/{session}", "Range": f"0-{last}"}
        return Told(status, headers)

    def _manifest(self, asked: Asked, name: str, reference: str) -> Told:
        if asked.method == "PUT":
            digest = f"sha256:{hashlib.sha256(asked.body).hexdigest()}"
            kept = (asked.body, asked.headers["content-type"])
            self.manifests[name, reference] = self.manifests[name, digest] = kept
            subject = json.loads(asked.body).get("subject")
            said = {"OCI-Subject": subject["digest"]} if subject and self.referrers else {}
            return Told(201, {"Docker-Content-Digest": digest, **said})
        if (name, reference) not in self.manifests:
            return refusal(404, "MANIFEST_UNKNOWN")
        data, media_type = self.manifests[name, reference]
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return Told(200, {"Docker-Content-Digest": digest, "Content-Type": media_type}, data)

    def _referring(self, name: str, subject: str) -> Told:
        if not self.referrers:
            return Told(404)
        entries = [
            {"digest": reference}
            for (where, reference), (data, _) in self.manifests.items()
            if where == name and (json.loads(data).get("subject") or {}).get("digest") == subject
        ]
        return Told(200, {}, json.dumps({"schemaVersion": 2, "manifests": entries}).encode())


def _handler(target: FakeTarget) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = target.answer(Asked(self.command, self.path, headers, body))
            if told.close:
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if told.status != 204:
                self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told.body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Nothing: what was asked is remembered."""

    for method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


@contextmanager
def fake_target(*, referrers: bool = True) -> Iterator[FakeTarget]:
    """One on loopback until the block ends."""
    target = FakeTarget(referrers=referrers)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(target)) as server:
        server.daemon_threads = True
        target.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield target
        finally:
            server.shutdown()
            thread.join()
