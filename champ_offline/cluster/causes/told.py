"""What was told of causes: each once, again when it says something else, and when it is over.

Invariant: an event is given for what changed and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from champ_offline.cluster.causes.scene import Found
from champ_offline.events import Cause, Subscriber

_Key: TypeAlias = tuple[str, str]


class Told:
    """The causes that stand, in their order, and the last that did."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self._standing: dict[_Key, tuple[Found, Cause]] = {}
        self._last: Cause | None = None
        self._server: Cause | None = None

    @property
    def first(self) -> Cause | None:
        """The first of those that stand; where none does any more, the first of the last."""
        return next((cause for _, cause in self._standing.values()), None) or self._last

    def of(self, found: Found) -> Cause:
        """The cause as it was told."""
        return self._standing[found.key][1]

    def take(self, found: Sequence[Found], make: Callable[[Found], Cause]) -> None:
        """Tell what is new among `found` and what is over; `make` gives a cause its last words."""
        now: dict[_Key, tuple[Found, Cause]] = {}
        for one in found:
            before = self._standing.get(one.key)
            if before is not None and _same(before[0], one):
                now[one.key] = (one, before[1])
                continue
            told = make(one)
            now[one.key] = (one, told)
            self._subscriber(told)
        for key, (_, gone) in self._standing.items():
            if key not in now:
                self._subscriber(replace(gone, over=True))
        self._standing = now
        self._last = self.first

    def away(self, server: Cause) -> None:
        """Tell that the API server does not answer, once."""
        if self._server is None:
            self._server = server
            self._subscriber(server)

    def back(self) -> None:
        """Tell that it answers again."""
        if self._server is not None:
            self._subscriber(replace(self._server, over=True))
            self._server = None

    def close(self) -> None:
        """Nothing is waited for any more: what stood is over."""
        self.back()
        self.take((), lambda one: self._standing[one.key][1])


def _same(before: Found, now: Found) -> bool:
    """Whether nothing new is to be said; wording that counts nodes or seconds is not new."""
    return (before.hopeless, before.restarts) == (now.hopeless, now.restarts)
