"""Workers on the releases of a zone: several at once, each with its own way into a cluster.

Invariant: never more ways (connections and Helm child processes) than workers, and none of them is
used by two at once; what is begun starts only after all it needs went well.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

from champ_offline.operations import Operations

Reach: TypeAlias = Callable[[str], AbstractContextManager[Operations]]


@dataclass
class _Way:
    """An open way into one cluster."""

    cluster: str
    held: AbstractContextManager[Operations]
    operations: Operations


class Crew:
    """`reach` opens a way into a cluster by its name; leave the crew (`with`) to close them all."""

    def __init__(self, reach: Reach, workers: int) -> None:
        self._reach, self._workers = reach, workers
        self._turn = threading.Lock()
        self._idle: list[_Way] = []
        self._busy: list[_Way] = []
        self._open = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._idle:
            self._idle.pop().held.__exit__(kind, error, trace)

    def run(
        self, needs: Mapping[str, Collection[str]], act: Callable[[str], bool]
    ) -> frozenset[str]:
        """Call `act` for every name once all it needs were well; gives the names that were.

        A name begins with that of its cluster and a slash; of those that can begin, one is next of
        whose cluster the fewest are under way: so all clusters have their share of the work, and a
        way that is idle is one that is wanted. `act` says whether it went well; what needs one that
        did not is not begun, all else is. What `act` raises, or an interruption, ends the calls
        under way and is raised.
        """
        left, well = dict(needs), set[str]()
        under_way: dict[Future[bool], str] = {}
        with ThreadPoolExecutor(self._workers, "site") as pool:
            try:
                while True:
                    while len(under_way) < self._workers:
                        following = _following(left, well, under_way.values())
                        if following is None:
                            break
                        del left[following]
                        under_way[pool.submit(act, following)] = following
                    if not under_way:
                        return frozenset(well)
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        name = under_way.pop(future)
                        if future.result():
                            well.add(name)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.cancel()
                raise

    def cancel(self) -> None:
        """End what Helm is doing for any of the workers."""
        with self._turn:
            busy = list(self._busy)
        for way in busy:
            way.operations.cancel()

    @contextmanager
    def way(self, cluster: str) -> Iterator[Operations]:
        """A way into the cluster for this worker alone, an open one where there is one idle."""
        way = self._taken(cluster)
        try:
            yield way.operations
        finally:
            with self._turn:
                self._busy.remove(way)
                self._idle.append(way)

    def _taken(self, cluster: str) -> _Way:
        with self._turn:
            for way in self._idle:
                if way.cluster == cluster:
                    self._idle.remove(way)
                    self._busy.append(way)
                    return way
            full = self._open >= self._workers
            other = self._idle.pop(0) if full and self._idle else None
            self._open += 0 if other else 1
        try:
            if other is not None:
                other.held.__exit__(None, None, None)
            held = self._reach(cluster)
            way = _Way(cluster, held, held.__enter__())
        except BaseException:
            with self._turn:
                self._open -= 1
            raise
        with self._turn:
            self._busy.append(way)
        return way


def _following(
    left: Mapping[str, Collection[str]], well: set[str], under_way: Iterable[str]
) -> str | None:
    """What begins next; None while all that is left waits for something."""
    busy = Counter(map(_cluster, under_way))
    ready = (one for one, needs in left.items() if well.issuperset(needs))
    return min(ready, key=lambda one: busy[_cluster(one)], default=None)


def _cluster(name: str) -> str:
    return name.partition("/")[0]
