"""A ferry folder: each bundle that comes whole is seen to once, under a policy.

Invariant: what was done is known by the bundle's digest, noted before and after; a look that was
killed at any point is gone on with by the next one, and what was seen to is not done again, also
not where somebody went back since. Nothing in the folder is changed, and each thing about it is
told once as long as it stays as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.opening import below
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.clock import now_utc
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import StepFinished, StepStarted, Subscriber
from champ_offline.journal.ferried import Fate, Noted, Place
from champ_offline.oci.digest import Digest
from champ_offline.policy.arrivals import Arrival, arrivals, lacking
from champ_offline.policy.document import Policy
from champ_offline.policy.reasons import OutsideHours, TimeOver
from champ_offline.policy.result import Result, Verdict
from champ_offline.policy.run import Runner
from champ_offline.trust.errors import WrongZone

# What a copy that is still under way looks like, and what a damaged one does: only the bytes that
# come later, or never, tell these two apart.
_ARRIVING = frozenset(
    {
        ExitCode.NOT_FOUND,
        ExitCode.MEDIUM_MISSING,
        ExitCode.CORRUPT,
        ExitCode.TRUNCATED,
        ExitCode.DOCUMENT_ALTERED,
    }
)
# Nothing was changed, and what stood in the way may go by itself: a cluster away, a full disk.
_PASSING = frozenset({ExitCode.PREFLIGHT, ExitCode.LOCKED})
_AGAIN = timedelta(hours=1)


class State(StrEnum):
    """How something in the folder stands; WAITING: it is not all there, or not as it was signed."""

    WAITING = "waiting"
    REFUSED = "refused"
    LEFT = "left alone"
    DONE = "done"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    LATER = "later"


_STATES = {
    Fate.DONE: State.DONE,
    Fate.FORBIDDEN: State.FORBIDDEN,
    Fate.FAILED: State.FAILED,
    Fate.EARLY: State.LATER,
    Fate.LATER: State.LATER,
}


@dataclass(frozen=True)
class Told:
    """What is new about the bundle or tree called `name`, in the trees at `media`.

    `bundle` is its digest once its documents were accepted; `run` what was done, where it was whole
    and its turn; `reasons` what is in its way.
    """

    name: str
    media: tuple[Path, ...]
    state: State
    bundle: Digest | None = None
    reasons: tuple[ChampError, ...] = ()
    run: Result | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The code that this alone would end with: of what is waited for, 9."""
        if self.run is not None:
            return self.run.exit_code
        if self.state is State.WAITING:
            return ExitCode.MEDIUM_MISSING
        if self.state is State.REFUSED and self.reasons:
            return self.reasons[0].exit_code
        return ExitCode.OK


class Ferry:
    """Looks through one folder, for one zone and cluster, under one policy."""

    def __init__(
        self,
        appliance: Appliance,
        policy: Policy,
        kubeconfig: Path | None,
        folder: Path,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        """Raises ClusterNotNamed where the policy has rules and no cluster can be meant."""
        self._appliance, self._policy, self._clock = appliance, policy, clock
        self._runner = Runner(appliance, policy, kubeconfig, clock)
        self._folder = folder.resolve()
        self._key = hashlib.sha256(os.fsencode(self._folder)).hexdigest()
        self._book = appliance.ferried

    def look(self, notify: Subscriber) -> Iterator[Told]:
        """See to what is new, packs in the order they were made; yields what is to be told.

        Raises Locked while another run is at work on the zone, and what `arrivals` raises.
        """
        found = arrivals(self._folder)
        self._book.keep(self._key, {_place(one) for one in found})
        whole: list[tuple[VerifiedBundle, Arrival]] = []
        for one in found:
            if self._is_settled(one):
                continue
            told, bundle = self._judge(one)
            if told is not None:
                yield from self._new(one, told)
            elif bundle is not None:
                whole.append((bundle, one))
        for bundle, one in sorted(whole, key=lambda pair: pair[0].trusted.version):
            yield from self._see_to(bundle, one, notify)

    def _is_settled(self, one: Arrival) -> bool:
        """Whether the place is as it was when its bundle was seen to, or was found damaged."""
        known = self._book.place(self._key, _place(one))
        if known is None or not known.bundle or known.print != one.print:
            return False
        noted = self._book.bundle(Digest.parse(known.bundle))
        return noted is None or self._has_ended(noted)

    def _has_ended(self, noted: Noted) -> bool:
        match noted.fate:
            case Fate.DONE | Fate.FAILED:
                return True
            case Fate.FORBIDDEN:
                return noted.policy == self._policy.digest
            case Fate.EARLY:
                hours = self._policy.hours
                same = noted.policy == self._policy.digest
                return same and hours is not None and not hours.are_open(self._clock())
            case Fate.LATER:
                locked = noted.exit_code == ExitCode.LOCKED
                return not locked and self._clock() - noted.time < _AGAIN
            case Fate.BEGUN:
                return False

    def _judge(self, one: Arrival) -> tuple[Told | None, VerifiedBundle | None]:
        """What keeps it from being seen to, or the bundle that is whole; neither if it was."""
        if one.refusal is not None:
            return _kept(one, one.refusal), None
        try:
            with below(self._folder):
                bundle = self._appliance.inspect(one.paths)
        except ChampError as refusal:
            return _kept(one, refusal), None
        noted = self._book.bundle(bundle.trusted.digest)
        if noted is not None and self._has_ended(noted):
            self._tell(one, _STATES[noted.fate].value, bundle.trusted.digest)
            return None, None
        try:
            with below(self._folder):
                missing = lacking(bundle)
        except ChampError as unreadable:
            missing = unreadable
        if missing is not None:
            return _kept(one, missing, bundle.trusted.digest), None
        return None, bundle

    def _see_to(self, bundle: VerifiedBundle, one: Arrival, notify: Subscriber) -> Iterator[Told]:
        digest = bundle.trusted.digest
        with FileLock(self._appliance.paths.run_lock):
            noted = self._book.bundle(digest)
            if noted is not None and self._has_ended(noted):  # by another process meanwhile
                return
            self._book.note(digest, self._policy.digest, Fate.BEGUN)
            notify(StepStarted("ferry", one.name))
            began = self._clock()
            try:
                with below(self._folder):
                    result = self._runner.once(one.paths, notify)
            except ChampError as error:  # the medium went away before it was looked at
                self._book.forget(digest)
                yield from self._new(one, _kept(one, error, digest))
                return
            notify(StepFinished("ferry", one.name, (self._clock() - began).total_seconds()))
            yield from self._done(one, digest, result)

    def _done(self, one: Arrival, digest: Digest, result: Result) -> Iterator[Told]:
        """Note how it ended; what was not as signed, or not as judged, is new once it changes."""
        damage = _damage(result)
        if damage or self._print(one) != one.print:
            self._book.forget(digest)
            told = Told(one.name, one.paths, State.WAITING, digest, damage, result)
            yield from self._new(one, told, digest if damage else None)
            return
        fate = _fate(result)
        self._book.note(digest, self._policy.digest, fate, int(result.exit_code))
        told = Told(one.name, one.paths, _STATES[fate], digest, (), result)
        yield from self._new(one, told, digest)

    def _print(self, one: Arrival) -> str:
        try:
            now = {other.name: other.print for other in arrivals(self._folder)}
        except MediumUnreadable:
            return ""
        return now.get(one.name, "")

    def _new(self, one: Arrival, told: Told, known: Digest | None = None) -> Iterator[Told]:
        """What is told, unless it was told before; words with numbers in them are no news."""
        ids = () if told.state is State.WAITING and told.run is None else _ids(told)
        said = " ".join((told.state.value, str(told.bundle if told.run else ""), *ids))
        if self._tell(one, said, known):
            yield told

    def _tell(self, one: Arrival, said: str, known: Digest | None) -> bool:
        """Note what is said of the place; whether it is another thing than before."""
        before = self._book.place(self._key, _place(one))
        now = Place(one.print, said, str(known or ""))
        if before != now:
            self._book.tell(self._key, _place(one), now)
        return before is None or before.told != said


def _place(one: Arrival) -> str:
    return hashlib.sha256(os.fsencode(one.name)).hexdigest()


def _kept(one: Arrival, reason: ChampError, digest: Digest | None = None) -> Told:
    if isinstance(reason, WrongZone):
        state = State.LEFT
    else:
        state = State.WAITING if reason.exit_code in _ARRIVING else State.REFUSED
    return Told(one.name, one.paths, state, digest, (reason,))


def _ids(told: Told) -> tuple[str, ...]:
    rows = told.run.rows if told.run else ()
    found = [*told.reasons, *(reason for row in rows for reason in row.reasons)]
    return tuple(dict.fromkeys(one.id for one in found))


def _damage(result: Result) -> tuple[ChampError, ...]:
    """Why the bundle itself could not be taken from the media, if so."""
    return tuple(
        reason
        for row in result.bundles
        for reason in row.reasons
        if row.verdict is Verdict.FAILED and reason.exit_code in _ARRIVING
    )


def _fate(result: Result) -> Fate:
    if result.exit_code is ExitCode.OK:
        return Fate.DONE
    reasons = list(result.troubles())
    if all(isinstance(one, OutsideHours | TimeOver) for one in reasons):
        return Fate.EARLY
    if result.exit_code in _PASSING:
        return Fate.LATER
    forbidden = result.exit_code is ExitCode.APPROVAL_MISSING
    return Fate.FORBIDDEN if forbidden else Fate.FAILED
