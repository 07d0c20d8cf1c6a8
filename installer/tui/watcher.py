"""The subscriber of a worker: events become messages to the screen, readings not too often.

Invariant: every start, end and object state arrives; of readings at least the last of each step.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from textual.message import Message

from champ_offline.errors import ChampError
from champ_offline.events import Event, Progress

_EVERY = 0.1


class Happened(Message):
    """An event of the library."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class Watcher:
    """Give it to the library; `stop` makes the next event raise `error` in the worker."""

    def __init__(
        self, post: Callable[[Message], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._post, self._clock = post, clock
        self._spoke = float("-inf")
        self._stop = threading.Event()
        self._error: ChampError | None = None

    def stop(self, error: ChampError) -> None:
        """End the worker at its next event."""
        self._error = error
        self._stop.set()

    def __call__(self, event: Event) -> None:
        """Take an event in the worker's thread."""
        if self._stop.is_set() and self._error is not None:
            raise self._error
        if isinstance(event, Progress) and event.done < event.total:
            now = self._clock()
            if now - self._spoke < _EVERY:
                return
            self._spoke = now
        self._post(Happened(event))
