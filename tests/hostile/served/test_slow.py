"""Clients that are slow, silent or many: each is ended within its limit, others are served on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.contracts.distribution.client import Registry, digest_of
from tests.hostile.served.ground import PUSHED, bare, credentials
from tests.hostile.served.process import Served, served, wait_for
from tests.hostile.served.wire import Reader

MIB = 1024**2
MEMORY = 200 * MIB
# Descriptors of threads that were not there before.
SLACK = 8
BIG = bytes(range(256)) * 4096 * 16
PUT = (
    f"PUT /v2/{PUSHED}/manifests/1 HTTP/1.1\r\nHost: localhost\r\n"
    f"Authorization: {credentials()}\r\n"
)
PING = b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """An empty one, with a client that pushes."""
    return bare(tmp_path / "zone")


def honest(target: Served) -> None:
    """Somebody else is served."""
    connection = target.connect()
    with connection:
        connection.sendall(PING)
        found = Reader(connection).reply("GET")
    assert found is not None
    assert found.status in {200, 401}


def big(registry: Registry) -> bytes:
    """Push a blob of 16 MiB; a request for it."""
    digest, headers = digest_of(BIG), {"authorization": credentials()}
    target = f"/v2/{PUSHED}/blobs/uploads/?digest={digest}"
    assert registry.send("POST", target, BIG, headers).status == 201
    return f"GET /v2/{PUSHED}/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n".encode()


def ends(connection: socket.socket, seconds: float = 20.0) -> bytes:
    """All that still comes until the server ends the connection, as it must."""
    connection.settimeout(seconds)
    found = b""
    try:
        while data := connection.recv(256 * 1024):
            found += data
    except ConnectionError:
        pass
    return found


@contextmanager
def many(
    target: Served, count: int, data: bytes = b"", buffer: int | None = None
) -> Iterator[list[socket.socket]]:
    """So many connections that have sent `data`."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(target.connect(buffer=buffer)))
            made[-1].sendall(data)
        yield made


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "began", [b"", b"GET /v2/ HT", b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: ", PING]
)
def test_a_head_that_does_not_come(zone: Path, tls: bool, began: bytes) -> None:
    """Silence before, in and after a request ends the connection."""
    with served(zone, {"head": 0.5}, tls=tls) as target:
        connection = target.connect()
        with connection:
            connection.sendall(began)
            ends(connection)
        honest(target)


def test_a_head_that_dribbles(zone: Path) -> None:
    """Bytes that go on coming are no reason to wait: the whole head has one time."""
    with served(zone, {"head": 1.0}) as target, target.connect() as connection:
        latest = time.monotonic() + 20
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(ConnectionError):
            while time.monotonic() < latest:
                connection.sendall(b"X: y\r\n")
                time.sleep(0.1)


def test_a_handshake_that_does_not_come(zone: Path) -> None:
    with served(zone, {"head": 0.5}, tls=True) as target:
        for began in (b"", b"\x16\x03\x01\x02\x00"):
            with socket.create_connection(("127.0.0.1", target.port)) as connection:
                connection.sendall(began)
                ends(connection, 40)
        honest(target)


@pytest.mark.parametrize(
    "framed", ["Content-Length: 500\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"]
)
def test_a_body_that_does_not_come(zone: Path, framed: str) -> None:
    with served(zone, {"silence": 0.5, "head": 1.0}) as target, target.connect() as connection:
        connection.sendall((PUT + framed).encode())
        assert ends(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_dribbles(zone: Path) -> None:
    limits = {"patience": 1.0, "slowest": 1000, "head": 1.0}
    with served(zone, limits) as target, target.connect() as connection:
        connection.sendall((PUT + "Content-Length: 100000\r\n\r\n").encode())
        latest = time.monotonic() + 20
        with pytest.raises(ConnectionError):
            while time.monotonic() < latest:
                connection.sendall(b"x")
                time.sleep(0.05)


@pytest.mark.parametrize("ranged", [b"", b"Range: bytes=1-\r\n"])
def test_a_client_that_takes_nothing(zone: Path, ranged: bytes) -> None:
    """Whoever asks for a blob and does not read it is cut off; what it held is free again."""
    with served(zone, {"patience": 1.0}) as target:
        request = big(target.registry) + ranged + b"\r\n"
        open_before = target.descriptors
        with many(target, 10, request, buffer=4096) as connections:
            wait_for(lambda: target.descriptors >= open_before + 15)
            wait_for(lambda: target.descriptors <= open_before + SLACK)
            assert all(len(ends(connection)) < len(BIG) for connection in connections)
        wait_for(lambda: "ended, too slow" in target.log.read_text(encoding="utf-8"))
        assert target.complaints() == []


def test_a_client_that_takes_too_little(zone: Path) -> None:
    with served(zone, {"patience": 1.0, "slowest": 16 * MIB}) as target:
        request = big(target.registry) + b"\r\n"
        with target.connect(buffer=4096) as connection:
            connection.sendall(request)
            taken = 0
            while data := _some(connection):
                taken += len(data)
                time.sleep(0.02)
        assert taken < len(BIG)


def test_a_client_that_takes_its_time_but_takes_it(zone: Path) -> None:
    """Slow is not too slow: four megabytes a second where half of one will do."""
    with served(zone, {"patience": 2.0, "slowest": MIB // 2}) as target:
        request = big(target.registry) + b"Connection: close\r\n\r\n"
        with target.connect() as connection:
            connection.sendall(request)
            taken = 0
            while data := connection.recv(MIB):
                taken += len(data)
                time.sleep(len(data) / (4 * MIB))
        assert taken > len(BIG)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("began", [b"", PING, b"GET /v2/ HTTP/1.1\r\nX: " + b"y" * 8000])
def test_two_thousand_connections(zone: Path, tls: bool, began: bytes) -> None:
    """They do not keep anybody else out, nor take much memory, and they go."""
    # Long enough for the last of them to be there before the first one's time is over.
    with served(zone, {"head": 60.0}, tls=tls) as target:
        open_before = target.descriptors
        with many(target, 2000, began) as connections:
            wait_for(lambda: target.descriptors >= open_before + 2000 - SLACK)
            honest(target)
            assert target.memory < MEMORY
            assert len(connections) == 2000
        wait_for(lambda: target.descriptors <= open_before + SLACK)


def test_two_thousand_half_handshakes(zone: Path) -> None:
    """Connections that say nothing at all where a handshake should be."""
    with served(zone, {}, tls=True) as target, ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(socket.create_connection(("127.0.0.1", target.port)))
        honest(target)
        assert target.memory < MEMORY


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("ranged", [b"", b"Range: bytes=1-\r\n"])
def test_a_thousand_who_take_nothing(zone: Path, ranged: bytes, tls: bool) -> None:
    """Some wait for their turn; whoever asks for something small is served meanwhile."""
    with served(zone, {}) as target:
        request = big(target.registry) + ranged + b"\r\n"
    with served(zone, {"turn": 2.0, "patience": 30.0}, tls=tls) as target:
        open_before = target.descriptors
        with many(target, 1000, request, buffer=4096):
            wait_for(lambda: target.descriptors >= open_before + 1000 - SLACK)
            honest(target)
            assert target.memory < MEMORY
        wait_for(lambda: target.descriptors <= open_before + SLACK)
        assert target.memory < MEMORY
        assert target.complaints() == []


def test_too_many_of_one_address(zone: Path) -> None:
    """Beyond its share, those that were silent longest are ended; a new one has its place."""
    with served(zone, {"connections_per_address": 10, "patience": 0.5}) as target:
        open_before = target.descriptors
        with many(target, 50, PING):
            wait_for(lambda: target.descriptors <= open_before + 10 + SLACK)
            honest(target)


def test_more_connections_than_places(zone: Path) -> None:
    """Those that wait to be accepted come in as soon as somebody silent is ended."""
    with served(zone, {"connections": 20, "head": 1.0}) as target, many(target, 60):
        honest(target)


def _some(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64 * 1024)
    except ConnectionError:
        return b""
