"""Signals for an event loop that is busy: none is lost.

The handlers of asyncio learn of a signal by a byte in the pipe that wakes the loop. That pipe may
be full: every other thread that has something to tell writes into it, and while the loop is kept
busy nobody reads. The byte is dropped then, and with it the signal. Here Python's own handler,
which the main thread runs in any case, hands the call to the loop.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def heard(acts: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Have the running loop call `acts` on their signals; used in the main thread.

    What was set before holds again afterwards. Raises RuntimeError where no loop runs, and
    ValueError in another thread.
    """
    loop = asyncio.get_running_loop()

    def handler(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(acts[signal.Signals(number)])

    before = {number: signal.signal(number, handler) for number in acts}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
