"""Clients that pull and push over and over, each in its way, and remember what went wrong."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from champ_offline.oci.descriptor import Descriptor
from tests.e2e.served_zone import HOST, ServedZone

MEBIBYTE = 1024 * 1024
NAME = "champ.local/web"


class Clients:
    """Threads that do one thing over and over, and what went wrong in them."""

    def __init__(self, zone: ServedZone) -> None:
        self.zone, self.failures, self.counts = zone, list[str](), dict[str, int]()
        self.stop, self._threads = threading.Event(), list[threading.Thread]()
        self._context = zone.context()

    def connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(HOST, self.zone.port, context=self._context, timeout=30)

    def over_and_over(self, name: str, act: Callable[[], None]) -> None:
        self.counts[name] = 0

        def work() -> None:
            while not self.stop.is_set():
                self.once(name, act)

        self.begin(work)

    def once(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
            self.counts[name] = self.counts.get(name, 0) + 1
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.failures.append(f"{name}: {error!r}")

    def moved(self, before: dict[str, int]) -> bool:
        """Whether every kind has done something since."""
        return all(self.counts[name] > count for name, count in before.items())

    def begin(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)
        return thread

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()


@contextmanager
def clients(zone: ServedZone) -> Iterator[Clients]:
    found = Clients(zone)
    try:
        yield found
    finally:
        found.join()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, status: int,
    body: bytes | Iterator[bytes] | None = None, headers: dict[str, str] | None = None,
) -> http.client.HTTPResponse:  # fmt: skip
    connection.request(method, path, body, headers or {})
    found = connection.getresponse()
    assert found.status == status, (method, path, found.status, found.read())
    return found


def pull(connection: http.client.HTTPConnection, layer: Descriptor) -> None:
    manifest = json.loads(asked(connection, "GET", f"/v2/{NAME}/manifests/1", 200).read())
    assert manifest["layers"][0]["digest"] == str(layer.digest)
    data = asked(connection, "GET", f"/v2/{NAME}/blobs/{layer.digest}", 200).read()
    assert hashlib.sha256(data).hexdigest() == layer.digest.hex


def pull_slowly(
    connection: http.client.HTTPConnection,
    layer: Descriptor,
    over: threading.Event,
    begun: threading.Event | None = None,
) -> None:
    """Until all is over: as slowly as a client reads that has a slow link; says when it began."""
    found = asked(connection, "GET", f"/v2/champ.local/big/blobs/{layer.digest}", 200)
    if begun is not None:
        begun.set()
    state, size = hashlib.sha256(), 0
    while piece := found.read(MEBIBYTE // 8):
        state.update(piece)
        size += len(piece)
        over.wait(0.05 if size < layer.size // 2 else 1.0)
    assert size == layer.size, f"{size} of {layer.size} bytes"
    assert state.hexdigest() == layer.digest.hex


def push(zone: ServedZone, connect: Callable[[], http.client.HTTPSConnection]) -> None:
    """A blob in two chunks, each over a connection of its own."""
    data, headers = os.urandom(300_000), zone.credentials
    with closing(connect()) as connection:
        begun = asked(connection, "POST", "/v2/team/app/blobs/uploads/", 202, b"", headers)
        where = begun.headers["location"]
        begun.read()
    for start in (0, 150_000):
        end = start + 150_000
        ranged = {**headers, "content-range": f"{start}-{end - 1}"}
        with closing(connect()) as connection:
            asked(connection, "PATCH", where, 202, data[start:end], ranged).read()
    digest = hashlib.sha256(data).hexdigest()
    with closing(connect()) as connection:
        asked(connection, "PUT", f"{where}?digest=sha256:{digest}", 201, b"", headers).read()


def push_slowly(
    zone: ServedZone, connection: http.client.HTTPConnection, over: threading.Event
) -> None:
    """One body that is under way all the time; pushed again it would be a failure."""
    data = os.urandom(16 * MEBIBYTE)

    def pieces() -> Iterator[bytes]:
        sent = 0
        while not over.wait(0.5):
            yield data[sent : sent + 16_000]
            sent += 16_000
        yield data[sent:]

    digest = hashlib.sha256(data).hexdigest()
    begun = asked(connection, "POST", "/v2/team/slow/blobs/uploads/", 202, b"", zone.credentials)
    where = begun.headers["location"]
    begun.read()
    headers = {**zone.credentials, "content-length": str(len(data))}
    asked(connection, "PUT", f"{where}?digest=sha256:{digest}", 201, pieces(), headers).read()


def skopeo(zone: ServedZone, trust: Path) -> None:
    target = trust.parent / f"copy-{time.monotonic_ns()}"
    origin = f"docker://{zone.address}/{NAME}:1"
    done = subprocess.run(
        ["skopeo", "copy", f"--src-cert-dir={trust}", origin, f"dir:{target}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
