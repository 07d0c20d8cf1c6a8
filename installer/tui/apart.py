"""Work that may never come back, such as reading from a stick that was pulled.

Invariant: it has a thread of its own, which nobody has to wait for: it keeps no other work from
beginning, and no program from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


async def apart(act: Callable[[], T]) -> T:
    """What `act` gives, carried out in such a thread; raises what it raises."""
    handover = _Handover[T](asyncio.get_running_loop())

    def carry_out() -> None:
        with handover:
            handover.result = act()

    threading.Thread(target=carry_out, daemon=True).start()
    return await handover.ended


class _Handover(Generic[T]):
    """Hands what was done inside, or why it was not, to the loop in which somebody waits."""

    result: T

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ended: asyncio.Future[T] = loop.create_future()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._end, error)
        return True

    def _end(self, error: BaseException | None) -> None:
        if self.ended.cancelled():
            return
        if error is None:
            self.ended.set_result(self.result)
        else:
            self.ended.set_exception(error)
