"""Clients that ask an HTTP server without pause, each request over a new connection.

Invariant: no request is tried again: whatever is not the whole answer of a good server counts.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Self

from tests.lab import network

# Of each client: together some hundred requests a second, which two cores bear beside a cluster.
_PAUSE_SECONDS = 0.02
_ANSWER_SECONDS = 10.0


class SteadyClients:
    """One client for each (address, port), from inside the network namespace `namespace`.

    `said` counts the answers by what they say, `failed` tells each request that had none.
    """

    def __init__(self, namespace: str, servers: Sequence[tuple[str, int]]) -> None:
        self.said: Counter[str] = Counter()
        self.failed: list[str] = []
        self.seconds = 0.0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._threads = [
            threading.Thread(target=network.inside, args=(namespace, lambda at=one: self._ask(at)))
            for one in servers
        ]

    @property
    def good(self) -> int:
        """How many requests were answered."""
        return self.said.total()

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._began

    def _ask(self, at: tuple[str, int]) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            asked = time.monotonic() - self._began
            try:
                text = answer(*at)
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self.failed.append(f"{at[0]}:{at[1]} after {asked:.1f} s: {error!r}")
            else:
                with self._lock:
                    self.said[text] += 1


def answer(address: str, port: int) -> str:
    """The whole answer to one request; raises OSError or HTTPException, for a bad status too."""
    connection = http.client.HTTPConnection(address, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        found = connection.getresponse()
        text = found.read().decode()
    finally:
        connection.close()
    if found.status != HTTPStatus.OK:
        raise http.client.HTTPException(f"{found.status} {found.reason}")
    return text
