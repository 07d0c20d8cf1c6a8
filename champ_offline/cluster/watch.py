"""Tell how a release settles: a state when it changes, a cause when it is known, and when to end.

Invariant: looking changes nothing; an API server that is away for a while is told and waited for.
What was in trouble before the change is told and never ends it: the change may be the cure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from champ_offline.cluster import health
from champ_offline.cluster.causes.judge import judge
from champ_offline.cluster.causes.look import cause, look
from champ_offline.cluster.causes.patience import Patience
from champ_offline.cluster.causes.scene import Found, words
from champ_offline.cluster.causes.told import Told
from champ_offline.cluster.causes.words import ServerAway
from champ_offline.cluster.interface import Cluster, ClusterFault, ClusterUnreachable
from champ_offline.errors import ChampError
from champ_offline.events import Cause, ObjectState, Subscriber

_AWAY = (ClusterUnreachable, ClusterFault)


class HealthWatch:
    """Looks at a release every `seconds` in a thread of its own, inside `with`.

    `fresh` says that nothing of it can be there before, not even its namespace. `give_up` is called
    once when a cause has been hopeless for its grace (`causes.patience`); without it all are waited
    for. `hide` takes the release's secrets out of texts.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        release: str,
        subscriber: Subscriber,
        seconds: float = 2.0,
        *,
        fresh: bool = False,
        give_up: Callable[[], None] | None = None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._fresh = fresh
        self._cluster = cluster
        self._where = (namespace, release)
        self._subscriber = subscriber
        self._seconds = seconds
        self._give_up, self._hide = give_up, hide
        self._seen: dict[tuple[str, str], ObjectState] = {}
        self._told = Told(subscriber)
        self._patience = Patience(())
        self._ended: Cause | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        try:
            before = () if self._fresh else judge(look(self._cluster, *self._where))
            self._patience = Patience({found.key for found in before})
        except ChampError:
            self._give_up = None  # what was there before is not known, so nothing is hopeless
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
        if isinstance(error, ChampError):
            self._look()  # what failed just now has not been seen yet
        else:
            self._told.close()

    @property
    def ended(self) -> bool:
        """Whether the change was ended early."""
        return self._ended is not None

    @property
    def first_cause(self) -> Cause | None:
        """The hopeless cause that ended it, else the first of those seen last; None without one."""
        return self._ended or self._told.first

    def look(self, states: Sequence[ObjectState]) -> None:
        """Take in what the cluster shows now."""
        for state in states:
            key = (state.kind, state.name)
            if self._seen.get(key) != state:
                self._seen[key] = state
                self._subscriber(state)

    def wait_for_server(self, seconds: float) -> None:
        """Return when the API server answers, or after so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                self._cluster.identity()
            except _AWAY as error:
                self._away(error)
                time.sleep(self._seconds)
                continue
            self._told.back()
            return

    def _follow(self) -> None:
        while not self._stop.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        """One look; what cannot be seen now is looked at again the next time."""
        try:
            scene = look(self._cluster, *self._where)
            self.look(health.states(scene.objects, scene.events))
            self._take(judge(scene))
        except _AWAY as error:
            self._away(error)
        except ChampError:
            # The engine meets the same refusal and reports it.
            return

    def _take(self, found: Sequence[Found]) -> None:
        self._told.back()
        self._told.take(found, lambda one: cause(one, self._cluster, self._where[0], self._hide))
        if self._give_up is None or self.ended or self._stop.is_set():
            return
        ended = self._patience.ended(found, time.monotonic())
        if ended is not None:
            self._ended = self._told.of(ended)
            self._give_up()

    def _away(self, error: ChampError) -> None:
        reason = words(error.fields.get("reason"))
        address = self._cluster.address
        self._told.away(
            Cause(ServerAway(name=address, reason=reason), kind="Cluster", name=address)
        )
