"""Clients that cost less than any server: what a registry sends is counted and thrown away.

They take the bytes, over TLS they decrypt them, as every client must; over plain HTTP they may also
have the kernel throw them away (tcp(7), MSG_TRUNC), which no real client does and which shows more
of the server. Each client is a process of its own, and all begin at the same moment.
"""

from __future__ import annotations

import multiprocessing
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.oci import media_types

BUFFER = 256 * 1024
HEAD_LIMIT = 64 * 1024
SILENCE = 300.0


class PullFailed(Exception):
    """A server answered otherwise than with the whole of what was asked for."""


@dataclass(frozen=True)
class Endpoint:
    """A server; `ca` None for plain HTTP."""

    address: str
    port: int
    ca: Path | None

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.address}:{self.port}"

    def connect(self) -> socket.socket:
        raw = socket.create_connection((self.address, self.port), timeout=SILENCE)
        if self.ca is None:
            return raw
        context = ssl.create_default_context(cafile=str(self.ca))
        return context.wrap_socket(raw, server_hostname=self.address)


@dataclass(frozen=True)
class Pull:
    """Bytes of one client, from when to when by the monotonic clock; `error` is why it failed."""

    bytes: int
    began: float
    ended: float
    error: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class Load:
    """How much was got (bytes, or answers) in how many seconds."""

    amount: float
    seconds: float


def bulk(endpoint: Endpoint, path: str, clients: int, seconds: float, flags: int = 0) -> Load:
    """The bytes of `clients` that take a blob again and again for `seconds`.

    `flags` are those of recv(2); a TLS socket takes none. Raises PullFailed.
    """

    def take(connection: socket.socket) -> int:
        total, limit = 0, time.monotonic() + seconds
        while time.monotonic() < limit:
            total += get(connection, endpoint, path, flags)
        return total

    pulls = together(endpoint, take, clients)
    for pull in pulls:
        if pull.error:
            raise PullFailed(pull.error)
    span = max(pull.ended for pull in pulls) - min(pull.began for pull in pulls)
    return Load(sum(pull.bytes for pull in pulls), span)


def crowd(endpoint: Endpoint, paths: Sequence[str], clients: int) -> list[Pull]:
    """The pulls of `clients` that each take all of `paths` once, one after the other."""
    return together(
        endpoint, lambda connection: sum(get(connection, endpoint, path) for path in paths), clients
    )


def together(endpoint: Endpoint, act: Callable[[socket.socket], int], clients: int) -> list[Pull]:
    """One pull a client, each a process with a connection of its own."""
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(clients), context.SimpleQueue()

    def one() -> None:
        began = time.monotonic()
        try:
            barrier.wait(SILENCE)
            began = time.monotonic()
            with endpoint.connect() as connection:
                queue.put(Pull(act(connection), began, time.monotonic()))
        except (OSError, threading.BrokenBarrierError, PullFailed) as error:
            queue.put(Pull(0, began, time.monotonic(), f"{type(error).__name__}: {error}"))

    processes = [context.Process(target=one) for _ in range(clients)]
    for process in processes:
        process.start()
    pulls: list[Pull] = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return pulls


def get(connection: socket.socket, endpoint: Endpoint, path: str, flags: int = 0) -> int:
    """The length of one answer's body, all of it received; raises PullFailed, OSError."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {endpoint.address}:{endpoint.port}\r\n"
        f"Accept: {media_types.IMAGE_MANIFEST}, */*\r\n\r\n"
    )
    connection.sendall(request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        if not piece or len(head) > HEAD_LIMIT:
            raise PullFailed(f"{path}: no answer")
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise PullFailed(f"{path}: {head.splitlines()[0].decode('latin-1')}")
    _drain(connection, path, int(length[1]) - len(body), flags)
    return int(length[1])


def _drain(connection: socket.socket, path: str, left: int, flags: int) -> None:
    buffer = memoryview(bytearray(min(BUFFER, max(left, 1))))
    while left:
        got = connection.recv_into(buffer, min(left, len(buffer)), flags)
        if not got:
            raise PullFailed(f"{path}: {left} bytes are missing")
        left -= got


def answers(endpoint: Endpoint, path: str, clients: int, seconds: int) -> Load:
    """The answers with 200 to `clients` that keep their connections for `seconds`, by wrk.

    Raises PullFailed when there was any other answer.
    """
    accept = f"Accept: {media_types.IMAGE_MANIFEST}"
    words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-H", accept, endpoint.url + path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    total = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec: *([\d.]+)", done.stdout)
    bad = "Non-2xx" in done.stdout or "Socket errors" in done.stdout
    if bad or total is None or rate is None or not float(rate[1]):
        raise PullFailed(f"{endpoint.url}{path}: {done.stdout}{done.stderr}")
    return Load(float(total[1]), float(total[1]) / float(rate[1]))
