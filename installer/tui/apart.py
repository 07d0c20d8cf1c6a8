"""Work that may never come back, such as reading from a stick that was pulled.

Invariant: it has a thread of its own, which nobody has to wait for: it keeps no other work from
beginning, and no program from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def apart(act: Callable[[], T]) -> T:
    """What `act` gives, carried out in such a thread; raises what it raises."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def end(result: T | None, error: BaseException | None) -> None:
        if ended.cancelled():
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(result)  # type: ignore[arg-type]

    def carry_out() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = act()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(end, result, failed)

    threading.Thread(target=carry_out, daemon=True).start()
    return await ended
