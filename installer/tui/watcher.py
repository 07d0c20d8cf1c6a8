"""From a task to its screen: what happened becomes messages, readings not too often.

Invariant: every start, end and object state arrives; of readings at least the last of each step.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.message import Message

from champ_offline.events import Pace
from champ_offline.tasks.task import Happened

_EVERY = 0.1


class Told(Message):
    """What happened in a task."""

    def __init__(self, happened: Happened) -> None:
        super().__init__()
        self.happened = happened


class Watcher:
    """Called in the thread that follows the task."""

    def __init__(
        self, post: Callable[[Message], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._post, self._clock = post, clock
        self._pace = Pace(_EVERY)

    def __call__(self, happened: Happened) -> None:
        """Pass it on, unless it is a reading right after another one."""
        if self._pace.lets(happened.event, self._clock()):
            self._post(Told(happened))
