"""That somebody wants a change under way to end, said from another thread than the one at work.

Invariant: what Helm does is ended only while the change itself is under way, never while the
release is being put back; asking twice is asking once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Halt:
    """Give it to the change; `ask` ends it at the next point from which it can be put back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._cancel: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked

    def ask(self) -> None:
        """Ask for the end; returns at once or when Helm's process was ended."""
        with self._lock:
            self._asked = True
            if self._cancel is not None:
                self._cancel()

    @contextmanager
    def ending(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Inside, asking calls `cancel`."""
        with self._lock:
            self._cancel = cancel
        try:
            yield
        finally:
            with self._lock:
                self._cancel = None
