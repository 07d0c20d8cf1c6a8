"""What the containers of a release write, read so that nothing secret is in what is given.

Invariant: Secrets are read after the lines and before these are given, so that none is too new to
be hidden; what was once a secret stays one. A reading is bounded, in lines and in bytes; where
lines may be missing between two readings, that is said.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from champ_offline.cluster.interface import Cluster, ClusterUnreachable, LogUnavailable, Object
from champ_offline.cluster.logs import Container, LogLine, containers
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.release import hidden
from champ_offline.release.hiding import Hiding
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault

# Lines of one container in one reading, at most.
MOST = 10_000
_KNOWN = 20


class ContainerUnknown(ChampError):
    """A release has no such pod or container."""

    id = "logs.container-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "Release {release} has no container “{wanted}”; it has: {known}."
    remedy = "Name one of these with --pod and --container, or none for all of them."


class NoContainers(ChampError):
    """No pod of a release is there."""

    id = "logs.no-containers"
    exit_code = ExitCode.NOT_FOUND
    message = "No pod of release {release} is there, so there is no log."
    remedy = "`champ status {release}` says why none is there."


class NeverRestarted(ChampError):
    """The former container's log is wanted where none was started anew."""

    id = "logs.never-restarted"
    exit_code = ExitCode.NOT_FOUND
    message = "No container of release {release} that is meant was started anew."
    remedy = "Leave out --previous; the present log goes back to the container's start."


@dataclass(frozen=True)
class Wanted:
    """Which containers (empty: all), how many of their last `lines`, from which time on.

    `previous` means the container before it was started anew; `since` is ISO 8601 in UTC, in whole
    seconds.
    """

    pod: str = ""
    container: str = ""
    previous: bool = False
    lines: int = 100
    since: str = ""


@dataclass(frozen=True)
class Line:
    """One line of one container; `time` as LogLine has it."""

    pod: str
    container: str
    time: str
    line: str


@dataclass(frozen=True)
class Break:
    """Between two readings a container was started `anew`, else some lines may be missing.

    What was written from `time` on comes after it.
    """

    pod: str
    container: str
    anew: bool
    time: str


@dataclass(frozen=True)
class Read:
    """`lines` by time, the `containers` there are, `breaks`, and why a log could not be had."""

    lines: tuple[Line, ...]
    containers: tuple[Container, ...]
    breaks: tuple[Break, ...] = ()
    trouble: tuple[ChampError, ...] = ()

    @property
    def in_order(self) -> list[Line | Break]:
        """Lines and what is between them, by time."""
        every: list[Line | Break] = [*self.breaks, *self.lines]
        return sorted(every, key=lambda one: one.time)


class ReleaseLogs:
    """Of one release in one cluster; close it. Several threads may use it, one after the other."""

    def __init__(
        self, cluster: Cluster, namespace: str, release: str, known: Iterable[str]
    ) -> None:
        """`known` is what the zone knows to be secret."""
        self._cluster, self.namespace, self.release = cluster, namespace, release
        self._turn, self._closed = threading.Lock(), False
        self._secrets = set(known)
        self._in_cluster: set[str] = set()
        self._hiding = Hiding(self._secrets)

    def containers(self) -> tuple[Container, ...]:
        """Those that are there now; raises NoContainers, and what Cluster raises."""
        with self._turn:
            found = containers(_pods(self._cluster.parts(self.namespace, self.release)))
        if not found:
            raise NoContainers(release=self.release)
        return found

    def follow(self, wanted: Wanted) -> Callable[[], Read]:
        """What to call again and again: the last lines first, then what came since.

        It raises ContainerUnknown, NoContainers, NeverRestarted, and what Cluster raises.
        """
        following = _Following(self._cluster, self.namespace, self.release, wanted)

        def more() -> Read:
            with self._turn:
                if self._closed:
                    return Read((), ())
                return self._clean(following.more(), following.names)

        return more

    def close(self) -> None:
        """Let go of the cluster, as soon as nothing is being read."""
        with self._turn:
            self._closed = True
            self._cluster.close()

    def _clean(self, read: Read, names: Iterable[str]) -> Read:
        if not read.lines:
            return read
        known = "\n".join([self.release, self.namespace, *names])
        found = set(hidden.of_secrets(self._cluster, self.namespace))
        found = hidden.without_names(found, known)
        if not found <= self._in_cluster:
            self._in_cluster |= found
            self._hiding = Hiding(self._secrets | self._in_cluster)
        clean = self._hiding.lines([one.line for one in read.lines])
        told = (replace(one, line=text) for one, text in zip(read.lines, clean, strict=True))
        return replace(read, lines=tuple(sorted(told, key=lambda one: one.time)))


def logs_of(
    cluster: Cluster, namespace: str, release: str, history: History, vault: Vault
) -> ReleaseLogs:
    """Those of a release that the zone has ever changed in this cluster; raises ReleaseUnknown."""
    # Also what is under way, and what was tried and put back.
    known = history.revisions(cluster.identity(), namespace, release)
    if not known:
        raise ReleaseUnknown(release=release, namespace=namespace)
    secrets = (text for one in known for text in hidden.of_revision(vault, one))
    return ReleaseLogs(cluster, namespace, release, secrets)


def _pods(parts: Iterable[Object]) -> list[Object]:
    return [one for one in parts if one["kind"] == "Pod"]


@dataclass
class _Seen:
    """What was read of one container: lines of the last seconds, as often as they were there.

    What was written before the time `first` was not wanted.
    """

    restarts: int = 0
    first: str = ""
    last: str = ""
    lines: Counter[LogLine] = field(default_factory=Counter)

    @property
    def since(self) -> str:
        """From when on lines are asked for; two streams of a container are not quite in order."""
        if not self.last:
            return ""
        start = datetime.fromisoformat(self.last) - timedelta(seconds=1)
        return f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def fresh(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        """Those of the lines that were not there before."""
        left = self.lines.copy()
        for one in lines:
            if left[one] > 0:
                left[one] -= 1
            elif one.time >= self.first or not one.time:
                yield one

    def take(self, lines: tuple[LogLine, ...]) -> None:
        """Remember what the next reading may give again."""
        self.last = max([self.last, *(one.time for one in lines)])
        # Both begin with the same 19 characters of a second.
        start = self.since[:19]
        self.lines = Counter(one for one in lines if one.time[:19] >= start or not one.time)


class _Following:
    """One way through the logs; `more` goes on where the one before it ended."""

    def __init__(self, cluster: Cluster, namespace: str, release: str, wanted: Wanted) -> None:
        self._cluster, self._place, self._wanted = cluster, (namespace, release), wanted
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._begun = False
        self._breaks: list[Break] = []
        self.names: tuple[str, ...] = ()

    def more(self) -> Read:
        parts = self._cluster.parts(*self._place)
        self.names = tuple(name for item in parts for name in hidden.names_of(item))
        every = containers(_pods(parts))
        lines: list[Line] = []
        trouble: list[ChampError] = []
        self._breaks = []
        for one in self._chosen(every):
            try:
                found = tuple(self._new(one))
            except (LogUnavailable, ClusterUnreachable) as error:
                trouble.append(error)
                continue
            lines += [Line(one.pod, one.name, line.time, line.text) for line in found]
        self._begun = True
        return Read(tuple(lines), every, tuple(self._breaks), tuple(trouble))

    def _chosen(self, every: tuple[Container, ...]) -> list[Container]:
        wanted, release = self._wanted, self._place[1]
        found = [
            one
            for one in every
            if wanted.pod in {"", one.pod} and wanted.container in {"", one.name}
        ]
        if self._begun:
            return found
        if not every:
            raise NoContainers(release=release)
        if not found:
            asked = "/".join(filter(None, (wanted.pod, wanted.container)))
            known = ", ".join(one.label for one in every[:_KNOWN])
            raise ContainerUnknown(release=release, wanted=asked[:300], known=known)
        if not wanted.previous:
            return found
        if not any(one.before for one in found):
            raise NeverRestarted(release=release)
        return [one for one in found if one.before]

    def _new(self, one: Container) -> Iterator[LogLine]:
        seen = self._seen.get((one.pod, one.name))
        if seen is None:
            # A pod that came meanwhile is shown from its beginning.
            most = MOST if self._begun else self._wanted.lines
            since = "" if self._begun else self._wanted.since
            found = self._asked(one, most, since, previous=self._wanted.previous)
            self._remember(one, found)
            yield from found
            return
        anew = one.restarts > seen.restarts
        ending = tuple(self._ending(one, seen)) if anew else ()
        seen = _Seen() if anew else seen
        found = self._asked(one, MOST, seen.since, previous=False)
        if anew or (seen.lines and not any(line in seen.lines for line in found)):
            start = min((line.time for line in found), default="")
            self._breaks.append(Break(one.pod, one.name, anew, start))
        yield from (*ending, *seen.fresh(found))
        self._remember(one, found)

    def _ending(self, one: Container, seen: _Seen) -> Iterator[LogLine]:
        """What a container wrote before it was started anew, after it was looked at last."""
        with suppress(LogUnavailable):
            yield from seen.fresh(self._asked(one, MOST, seen.since, previous=True))

    def _remember(self, one: Container, found: tuple[LogLine, ...]) -> None:
        seen = self._seen.get((one.pod, one.name))
        if seen is None or one.restarts > seen.restarts:
            first = min((line.time for line in found if line.time), default="")
            seen = self._seen[one.pod, one.name] = _Seen(one.restarts, first)
        seen.take(found)

    def _asked(
        self, one: Container, lines: int, since: str, *, previous: bool
    ) -> tuple[LogLine, ...]:
        place = (self._place[0], one.pod, one.name)
        return self._cluster.log_tail(*place, previous=previous, lines=lines, since=since)
