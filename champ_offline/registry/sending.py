"""Files on their way to clients: how many at a time, and how much of them is in memory.

Invariant: what all answers that send files hold in memory is bounded, however many clients ask and
however slowly they take it: whoever asks for one too many waits until another has its own, and is
refused after `Limits.turn`. Nothing is read for a client that has gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import BinaryIO, TypeAlias

from champ_offline.registry.answers import FilePart, Refused
from champ_offline.registry.bodies import Body, Message
from champ_offline.registry.limits import Limits
from champ_offline.registry.log import LOG
from champ_offline.registry.reading import Reader
from champ_offline.registry.requests import Refusal
from champ_offline.registry.watch import Pace, Peer, end, look, shut

Send: TypeAlias = Callable[[Message], Awaitable[None]]

_TOO_MANY = Refusal(
    429, "TOOMANYREQUESTS", "too many files are being sent", (("retry-after", "5"),)
)
# Of one answer in pieces: four wait in the server, one is being sent, one is being read.
_PIECES_HELD = 6
_LEAST = 16 * 1024
# Fewer than so many get no larger pieces: what they hold stays theirs when more come. Smaller
# pieces than these cost more than the bytes in them.
_FEW = 8
# What is smaller is with the kernel at once.
_SMALL = 128 * 1024
# How long it may take until a file that was begun is seen in the connection's queue.
_UNSEEN_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_LOOK_SECONDS = 5.0
_LOOK_SHARE = 5


class Sending:
    """Those of one server; one event loop uses it. `port` is where it listens, 0 before it does."""

    def __init__(self, limits: Limits) -> None:
        self.port = 0
        self._limits = limits
        self._seen: frozenset[Peer] = frozenset()
        self._begun: dict[Peer, float] = {}
        self._next_look = 0.0
        self._in_pieces = 0
        self._pace = Pace(limits)

    async def turn(self, peer: Peer, length: int) -> None:
        """Wait until a file of so many bytes may be sent to `peer`; raises Refused."""
        if length <= _SMALL or not self.port:
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() + self._limits.turn
        while not self._fits(peer):
            if loop.time() >= latest:
                raise Refused(_TOO_MANY)
            if loop.time() >= self._next_look:
                await self._look()
            else:
                await asyncio.sleep(_PAUSE_SECONDS)
        self._begun[peer] = loop.time()

    async def pieces(self, file: BinaryIO, part: FilePart, body: Body, send: Send) -> None:
        """Send a part of `file`, until its end or until its client has gone."""
        gone = asyncio.ensure_future(body.gone())
        self._in_pieces += 1
        reader = Reader(file, part)
        try:
            while reader.left and not gone.done():
                piece = await reader.piece(self._piece)
                if not piece:
                    break
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except OSError as error:
            LOG.error("store: %s: %s", part.digest, error)
        finally:
            self._in_pieces -= 1
            gone.cancel()
        # An answer that is too short ends the connection.
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def hear_no_more(self, peer: Peer) -> None:
        """Read nothing more from that client, whose body did not come; it still gets its answer."""
        if self.port:
            await asyncio.to_thread(shut, self.port, peer)

    async def watch(self) -> None:
        """End the connections that are too slow, or of an address with too many; for ever."""
        while True:
            try:
                count = await asyncio.to_thread(self._end_some)
            except OSError as error:
                LOG.error("connections: %s", error)
            else:
                if count:
                    LOG.warning("connections: %d ended, too slow or too many of an address", count)
            await asyncio.sleep(min(_LOOK_SECONDS, self._limits.patience))

    def _end_some(self) -> int:
        keys = self._pace.ended(look(self.port), time.monotonic())
        return end(self.port, keys)

    @property
    def _piece(self) -> int:
        return max(_LEAST, self._limits.pieces // (_PIECES_HELD * max(_FEW, self._in_pieces)))

    async def _look(self) -> None:
        """Count anew; what was begun long enough ago is among what is seen."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._next_look = began + self._limits.turn  # nobody else meanwhile
        try:
            seen = await asyncio.to_thread(look, self.port)
        finally:
            # With very many connections looking takes time; the answers come first.
            took = loop.time() - began
            self._next_look = loop.time() + max(_PAUSE_SECONDS, _LOOK_SHARE * took)
        self._seen = frozenset(one.peer for one in seen if one.waiting)
        recent = began - _UNSEEN_SECONDS
        self._begun = {peer: at for peer, at in self._begun.items() if at > recent}

    def _fits(self, peer: Peer) -> bool:
        others = (self._seen | self._begun.keys()) - {peer}
        if len(others) >= self._limits.files:
            return False
        of_it = sum(address == peer[0] for address, _ in others)
        return of_it < self._limits.files_per_address
