"""The body of a request as it comes: bounded in size, in memory and in time.

Invariant: no more than `Limits.piece` bytes and one message of the server are held at a time, a
body that is larger or slower than the limits allow ends in `Refused`, and one whose client went
away in `ClientGone`; what came before was handed out first, except of one that is too large.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from champ_offline.registry.answers import Refused
from champ_offline.registry.limits import Limits
from champ_offline.registry.requests import Refusal

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

_TOO_SLOW = Refusal(408, "BLOB_UPLOAD_INVALID", "the body of the request comes too slowly")
_TOO_MANY = Refusal(
    429, "TOOMANYREQUESTS", "too many requests with a body are under way", (("retry-after", "5"),)
)
_DRAIN_SECONDS = 5.0


class Room:
    """Places for requests that have a body: so many in all, so many for one of those who ask."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, of: str) -> Iterator[None]:
        """A place for one request; raises Refused where there is none."""
        if self._taken.total() >= self._most or self._taken[of] >= self._most_of_one:
            raise Refused(_TOO_MANY)
        self._taken[of] += 1
        try:
            yield
        finally:
            self._taken[of] -= 1
            if not self._taken[of]:
                del self._taken[of]


class ClientGone(Exception):
    """The connection ended before the body did; there is nobody left to answer."""


class TooSlow(Refused):
    """The body, or the rest of it, took too long."""


class Body:
    """One request's body; `length` is what its Content-Length says, None for a chunked one."""

    def __init__(self, receive: Receive, length: int | None, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self.length = length
        self._came, self._more, self._waiting = 0, True, False
        self._began = asyncio.get_running_loop().time()

    @property
    def stuck(self) -> bool:
        """Whether the server goes on waiting for what nobody here waits for any more."""
        return self._waiting and self.length != 0

    async def pieces(self, most: int) -> AsyncIterator[bytes]:
        """The bytes, `Limits.piece` or a little more at a time; Refused beyond `most` of them."""
        if self.length is not None and self.length > most:
            raise Refused(_too_large(most))
        held: list[bytes] = []
        size = 0
        ended: ClientGone | TooSlow | None = None
        while self._more:
            try:
                part = await self._next()
            except (ClientGone, TooSlow) as error:
                ended = error
                break
            if self._came > most:
                raise Refused(_too_large(most))
            held.append(part)
            size += len(part)
            if size >= self._limits.piece:
                yield b"".join(held)
                held, size = [], 0
        if size:
            yield b"".join(held)
        if ended is not None:
            raise ended

    async def whole(self, most: int) -> bytes:
        """All of a small body; Refused beyond `most` bytes."""
        return b"".join([piece async for piece in self.pieces(most)])

    async def gone(self) -> None:
        """Return when the client has gone away; what it still sends is let go of."""
        self._waiting = True
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._waiting = False

    async def drain(self, *, asked: bool) -> None:
        """Read on for a while what nobody wants, so that the client gets to read its answer.

        One that `asked` whether to send its body (RFC 9110, 10.1.1) and was not told so does not.
        """
        if asked and not self._came:
            return
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                end = self._came + self._limits.drained
                while self._more and self._came < end:
                    await self._next()
        except (TimeoutError, ClientGone, Refused):
            self._more = False

    async def _next(self) -> bytes:
        loop = asyncio.get_running_loop()
        patience = self._limits.patience + self._came / self._limits.slowest
        latest = min(loop.time() + self._limits.silence, self._began + patience)
        try:
            self._waiting = True
            async with asyncio.timeout_at(latest):
                message = await self._receive()
            self._waiting = False
        except TimeoutError:
            self._more = False
            raise TooSlow(_TOO_SLOW) from None
        if message["type"] == "http.disconnect":
            self._more = False
            raise ClientGone
        part: bytes = message.get("body", b"")
        self._came += len(part)
        self._more = bool(message.get("more_body"))
        return part


def _too_large(most: int) -> Refusal:
    return Refusal(413, "SIZE_INVALID", f"the body has more than the {most} bytes allowed")
