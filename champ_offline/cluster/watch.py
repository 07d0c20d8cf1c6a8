"""Tell how a release settles: one event for every object whose state changed, and the first cause.

Invariant: an object is announced once for each state it enters; the first failure that explains
itself stays the cause, however many follow from it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from champ_offline.cluster.health import ENDING
from champ_offline.cluster.interface import Cluster
from champ_offline.errors import ChampError
from champ_offline.events import ObjectState, Subscriber

# Reasons that are the way of things for a while; everything else is worth a person's look.
_PASSING = ("starting", "running", "waiting", ENDING, "not ready", "volume is pending")


class HealthWatch:
    """Looks at a release every `seconds` in a thread of its own, inside `with`."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        release: str,
        subscriber: Subscriber,
        seconds: float = 2.0,
    ) -> None:
        self._cluster = cluster
        self._where = (namespace, release)
        self._subscriber = subscriber
        self._seconds = seconds
        self._seen: dict[tuple[str, str], ObjectState] = {}
        self._causes: dict[tuple[str, str], ObjectState] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def first_cause(self) -> str:
        """The first trouble seen, `Pod orthanc-0: ErrImagePull ...`; empty when there was none."""
        for state in self._causes.values():
            return f"{state.kind} {state.name}: {state.reason}"
        return ""

    def look(self, states: Sequence[ObjectState]) -> None:
        """Take in what the cluster shows now."""
        for state in states:
            key = (state.kind, state.name)
            if self._seen.get(key) != state:
                self._seen[key] = state
                self._subscriber(state)
            if _troubled(state):
                self._causes.setdefault(key, state)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.look(self._cluster.objects(*self._where))
            except ChampError:
                # The engine meets the same fault and reports it; a look missed is not one more.
                self._stop.wait(self._seconds)
            self._stop.wait(self._seconds)


def _troubled(state: ObjectState) -> bool:
    passing = state.reason.startswith(_PASSING) or state.reason.endswith(" ready")
    return not state.ready and not passing
