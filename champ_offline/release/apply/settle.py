"""Find out what a change that did not end well left behind, and bring the release to a known state.

Invariant: decides from Helm's records and the cluster alone, and may be run again after it was
itself killed. A revision that ever stood is never taken away, and a release that somebody else
changed meanwhile is left as it is. Afterwards it is as it was before, or as planned; anything else
is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from champ_offline.cluster.interface import ClusterFault, ClusterUnreachable
from champ_offline.errors import ChampError
from champ_offline.helm.engine import (
    DEPLOYED,
    PENDING,
    SUPERSEDED,
    UNINSTALLED,
    UNINSTALLING,
    HelmEngine,
    Options,
    Release,
)
from champ_offline.helm.faults import (
    EngineCrashed,
    EngineStuck,
    FieldsHeld,
    HelmUnreachable,
    ReleaseFailed,
    ReleaseUnknown,
)
from champ_offline.release.plan import Operation

# Helm is asked again where it died, and once where it failed: the API server may have been away.
_ROUNDS = 4
_FAILURES = 2
_SHOWN = 6
_AWAY = (HelmUnreachable, ClusterUnreachable, ClusterFault)


class Settled(StrEnum):
    """How the release stands."""

    UNTOUCHED = "untouched"
    DONE = "done"
    PUT_BACK = "put-back"
    TAKEN_OVER = "taken-over"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Verdict:
    """How the release stands, and which of Helm's revisions is in the cluster (0: none).

    `pending` is set where Helm would refuse to work on it.
    """

    settled: Settled
    current: int
    pending: bool = False


class Ask(StrEnum):
    """What Helm is asked to do about it."""

    ROLL_BACK = "rollback"
    FINISH = "finish"
    UNINSTALL = "uninstall"


@dataclass(frozen=True)
class Course:
    """What to do: nothing where there is a `verdict`, else to ask Helm; `revision` to return to.

    `hooks` False leaves the release's hooks out, `force` takes back fields that others hold.
    """

    verdict: Verdict | None = None
    ask: Ask | None = None
    revision: int = 0
    hooks: bool = True
    force: bool = False

    def __str__(self) -> str:
        if self.verdict is not None or self.ask is None:
            return ""
        words = [self.ask.value, str(self.revision or "")]
        words += [] if self.hooks else ["without hooks"]
        words += ["with the fields that others hold"] if self.force else []
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Change:
    """What was being done to the release from Helm's revision `base` (0: none) on.

    `planned` and `former` tell whether a record holds what was planned, or what was there before;
    `serving` whether all of a first install is there and well, so that it can be finished. It must
    be False where the plan runs hooks: nobody can tell which of them ran.
    """

    operation: Operation
    release: str
    namespace: str
    base: int
    planned: Callable[[Release], bool] = field(repr=False)
    former: Callable[[Release], bool] = field(repr=False)
    serving: Callable[[], bool] = field(repr=False)


@dataclass(frozen=True)
class Seen:
    """What Helm says of the release, and what follows from it.

    `trouble` is why Helm's last attempt to put it right failed; empty where there was none.
    """

    history: tuple[Release, ...]
    course: Course
    trouble: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """Helm's newest records, `3 deployed`: the evidence for journal and audit."""
        return tuple(f"{one.revision} {one.status}" for one in self.history[-_SHOWN:])


def decide(change: Change, history: Sequence[Release], newest: Release | None) -> Course:
    """What to do about a release with these records, oldest first; `newest` has its manifest."""
    if newest is None or newest.status == UNINSTALLED:
        return Course(Verdict(_gone(change), 0))
    rule = _RULES.get(change.operation, _changed)
    return rule(change, history, newest)


def _gone(change: Change) -> Settled:
    if change.operation is Operation.REMOVE:
        return Settled.DONE
    return Settled.TAKEN_OVER if change.base else Settled.PUT_BACK


def _removed(change: Change, _history: Sequence[Release], newest: Release) -> Course:
    if newest.revision != change.base or not change.former(newest):
        return _left(Settled.TAKEN_OVER, newest)
    if newest.status == UNINSTALLING:
        return Course(ask=Ask.UNINSTALL)
    return _left(Settled.UNTOUCHED, newest)


def _installed(change: Change, history: Sequence[Release], newest: Release) -> Course:
    if not change.planned(newest):
        return _left(Settled.TAKEN_OVER, newest)
    if newest.status == DEPLOYED:
        return _left(Settled.DONE, newest)
    if any(one.status in {DEPLOYED, SUPERSEDED} for one in history):
        return _left(Settled.UNCLEAR, newest)
    # What serves may have been given data since: it is finished rather than taken away.
    if newest.status in PENDING - {UNINSTALLING} and change.serving():
        return Course(ask=Ask.FINISH, revision=newest.revision)
    return Course(ask=Ask.UNINSTALL)


def _changed(change: Change, history: Sequence[Release], newest: Release) -> Course:
    planned, former = change.planned(newest), change.former(newest)
    at_base = newest.revision == change.base
    if newest.revision < change.base or not (former if at_base else planned or former):
        return _left(Settled.TAKEN_OVER, newest)
    if at_base:
        busy = newest.status in PENDING
        return _left(Settled.TAKEN_OVER if busy else Settled.UNTOUCHED, newest)
    since = [one for one in history if change.base < one.revision < newest.revision]
    if newest.status == UNINSTALLING or any(one.status == DEPLOYED for one in since):
        return _left(Settled.TAKEN_OVER, newest)
    if newest.status != DEPLOYED:
        return Course(ask=Ask.ROLL_BACK, revision=change.base)
    done = planned and (not former or newest.revision == change.base + 1)
    return _left(Settled.DONE if done else Settled.PUT_BACK, newest)


_RULES = {Operation.REMOVE: _removed, Operation.INSTALL: _installed}


def _left(settled: Settled, newest: Release) -> Course:
    return Course(Verdict(settled, newest.revision, pending=newest.status in PENDING))


@dataclass(frozen=True)
class _Ended:
    """`whole` where Helm came to an end of its own; whether a good one shows later."""

    whole: bool
    failure: ChampError | None = None


class Settler:
    """Looks, and asks Helm until the release is in a known state.

    A cluster that is away is waited for, `patience` seconds long, with a look every `pause`
    seconds.
    """

    def __init__(self, engine: HelmEngine, options: Options, pause: float, patience: float) -> None:
        self._engine, self._options = engine, options
        self._pause, self._patience = pause, patience

    def without_hooks(self) -> Settler:
        """One that lets Helm run no hooks."""
        options = replace(self._options, hooks=False)
        return Settler(self._engine, options, self._pause, self._patience)

    def look(self, change: Change) -> Seen:
        """What is there and what to do about it; changes nothing.

        Raises the errors of an engine and a cluster that cannot be asked.
        """
        where = (change.release, change.namespace)
        newest = self._engine.status(*where)
        history = self._engine.history(*where) if newest is not None else ()
        course = decide(change, history, newest)
        return Seen(history, replace(course, hooks=self._options.hooks))

    def settle(self, change: Change, tell: Callable[[Seen], object]) -> tuple[Seen, Verdict]:
        """Bring the release to a known state; `tell` hears of what is seen before each act.

        Gives what is there in the end. Raises as `look` does, once the cluster was away for too
        long: it is then to be done again.
        """
        seen, failures, force = self._see(change), 0, False
        for _ in range(_ROUNDS):
            if seen.course.verdict is not None:
                return seen, seen.course.verdict
            if failures == _FAILURES:
                break
            seen = replace(seen, course=replace(seen.course, force=force))
            tell(seen)
            ended = self._act(change, seen.course)
            failures += ended.whole
            force |= isinstance(ended.failure, FieldsHeld)
            seen = replace(self._see(change), trouble=str(ended.failure or ""))
        current = seen.history[-1].revision if seen.history else 0
        unclear = Verdict(Settled.UNCLEAR, current, pending=_pending(seen))
        verdict = seen.course.verdict or unclear
        return replace(seen, course=Course(verdict)), verdict

    def _see(self, change: Change) -> Seen:
        limit = time.monotonic() + self._patience
        while True:
            try:
                return self.look(change)
            except _AWAY:
                if time.monotonic() > limit:
                    raise
                time.sleep(self._pause)

    def _act(self, change: Change, course: Course) -> _Ended:
        """Ask Helm."""
        where = (change.release, change.namespace)
        options = replace(self._options, hooks=course.hooks, force=course.force)
        try:
            if course.ask is Ask.UNINSTALL:
                self._engine.uninstall(*where, options)
            else:
                self._engine.rollback(*where, course.revision, options)
        except (ReleaseFailed, ReleaseUnknown) as error:
            return _Ended(whole=True, failure=error)
        except (EngineCrashed, EngineStuck, *_AWAY) as error:
            return _Ended(whole=False, failure=error)
        return _Ended(whole=True)


def _pending(seen: Seen) -> bool:
    return bool(seen.history) and seen.history[-1].status in PENDING
