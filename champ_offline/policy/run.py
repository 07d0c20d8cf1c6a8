"""A run without a person: verify and import media, plan, ask the policy, apply, look again.

Invariant: a run remembers nothing: what was done before is seen in the zone and on the cluster, so
one that was killed at any point is gone on with by starting it again, and one that finds all done
changes nothing. What the policy decided is in the audit chain before it is acted on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.turns import Turn, take_turns, troubles
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.catalog.versions import version_key
from champ_offline.clock import now_utc
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError
from champ_offline.events import StepFinished, StepStarted, Subscriber
from champ_offline.journal.acts import Act, done
from champ_offline.policy.change import Changer
from champ_offline.policy.decide import Moment, decide_bundle, decide_time
from champ_offline.policy.document import Policy
from champ_offline.policy.facts import bundle_facts
from champ_offline.policy.result import BundleRow, ReleaseRow, Result, Verdict
from champ_offline.release.status import ReleaseStatus
from champ_offline.trust.errors import Replayed

_NAP = 60.0  # seconds: a clock that is set meanwhile is noticed
_GOT = frozenset({Verdict.DONE, Verdict.AS_IS, Verdict.WOULD})


@dataclass(frozen=True)
class _Seen:
    row: BundleRow
    document: BundleDocument


class Runner:
    """Runs on one zone and, where the policy has rules about releases, one cluster.

    `kubeconfig` is the way there, else the zone's only one is meant. `pause` waits for seconds.
    """

    def __init__(
        self,
        appliance: Appliance,
        policy: Policy,
        kubeconfig: Path | None,
        clock: Callable[[], datetime] = now_utc,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises ClusterNotNamed where the policy has rules and no cluster can be meant."""
        ways = appliance.releases.clusters
        self._appliance, self._policy = appliance, policy
        self._kubeconfig = ways.way(kubeconfig) if policy.rules else None
        self._clock, self._pause = clock, pause

    def run(self, media: Sequence[Path], notify: Subscriber, *, rehearsal: bool = False) -> Result:
        """Do what the policy allows of what is on the `media`; a rehearsal changes nothing.

        Raises Locked while another run is at work on the zone, and what `media.folders_of` raises;
        whatever else goes wrong stands in the result.
        """
        lock = nullcontext() if rehearsal else FileLock(self._appliance.paths.run_lock)
        with lock:
            result = self.once(media, notify, rehearsal=rehearsal)
            hours = self._policy.hours
            while hours is not None and hours.waits and result.is_early and not rehearsal:
                self._wait(notify)
                result = self.once(media, notify)
        return result

    def once(self, media: Sequence[Path], notify: Subscriber, *, rehearsal: bool = False) -> Result:
        """The same without waiting for an hour; whoever calls holds the lock of runs."""
        began = self._clock()

        def take(bundle: VerifiedBundle) -> _Seen:
            moment = Moment(self._clock(), began)
            return _Seen(self._bundle(bundle, moment, notify, rehearsal=rehearsal), bundle.document)

        turns = take_turns(media, self._appliance.inspect, take)
        releases = tuple(self._releases(_offered(turns), began, notify, rehearsal=rehearsal))
        result = Result(
            zone=self._appliance.name,
            policy=self._policy.digest,
            began=began.isoformat(timespec="seconds"),
            ended=self._clock().isoformat(timespec="seconds"),
            rehearsal=rehearsal,
            bundles=_rows(turns),
            releases=releases,
        )
        if result.changed and not rehearsal:
            self._record_end(result)
        return result

    def _bundle(
        self, bundle: VerifiedBundle, moment: Moment, notify: Subscriber, *, rehearsal: bool
    ) -> BundleRow:
        """Take one bundle in, if it may be; what goes wrong with it stands in its row."""

        def row(verdict: Verdict, *reasons: ChampError) -> BundleRow:
            document = bundle.document
            return BundleRow(document.name, document.version, bundle.paths, verdict, reasons)

        decision = decide_bundle(self._policy, bundle_facts(bundle))
        try:
            if decision.allowed and self._holds(bundle):
                return row(Verdict.AS_IS)
            reasons = (*decision.reasons, *decide_time(self._policy, moment).reasons)
            if not rehearsal:
                self._record(bundle, reasons)
            if reasons:
                return row(Verdict.REFUSED, *reasons)
            if rehearsal:
                return row(Verdict.WOULD)
            self._appliance.import_media(bundle.paths, notify)
        except ChampError as error:
            return row(Verdict.FAILED, error)
        return row(Verdict.DONE)

    def _holds(self, bundle: VerifiedBundle) -> bool:
        """Whether importing it would change nothing; an older pack that is held counts too."""
        try:
            return self._appliance.forecast(bundle).held
        except Replayed:
            held = {one.digest for one in self._appliance.summary().bundles}
            if bundle.trusted.digest in held:
                return True
            raise

    def _releases(
        self,
        offered: dict[str, list[str]],
        began: datetime,
        notify: Subscriber,
        *,
        rehearsal: bool,
    ) -> Iterator[ReleaseRow]:
        if not offered or self._kubeconfig is None:
            return
        releases = self._appliance.releases
        try:
            standing = releases.status(None, None, self._kubeconfig)
        except ChampError as error:
            for app, versions in offered.items():
                yield ReleaseRow(app, "", "", "", versions[0], Verdict.FAILED, (error,))
            return
        changer = Changer(
            self._appliance, self._policy, self._kubeconfig, self._clock, began, rehearsal=rehearsal
        )
        for app, versions in offered.items():
            here: list[ReleaseStatus | None] = [one for one in standing if one.app == app]
            for status in here or [None]:
                yield from changer.bring(app, versions, status, notify)

    def _wait(self, notify: Subscriber) -> None:
        """Until the next window opens."""
        hours = self._policy.hours
        if hours is None:
            return
        opens = hours.opens(self._clock())
        told = "" if opens is None else opens.isoformat(sep=" ", timespec="minutes")
        notify(StepStarted("wait", told))
        began = self._clock()
        while not hours.are_open(self._clock()):
            self._pause(_NAP)
        notify(StepFinished("wait", told, (self._clock() - began).total_seconds()))

    def _record(self, bundle: VerifiedBundle, reasons: Sequence[ChampError]) -> None:
        document = bundle.document
        self._appliance.audit.record(
            done(
                Act.DECIDE,
                document.name,
                policy=str(self._policy.digest),
                bundle=str(bundle.trusted.digest),
                version=document.version,
                allowed=not reasons,
                reasons=[one.id for one in reasons],
            )
        )

    def _record_end(self, result: Result) -> None:
        changed = [row for row in result.releases if row.verdict is Verdict.DONE]
        taken = [row for row in result.bundles if row.verdict is Verdict.DONE]
        self._appliance.audit.record(
            done(
                Act.RUN,
                result.zone,
                policy=str(result.policy),
                began=result.began,
                exit_code=int(result.exit_code),
                bundles=[f"{row.bundle} {row.version}" for row in taken],
                releases=[f"{row.namespace}/{row.release} {row.wanted}" for row in changed],
            )
        )


def _rows(turns: Sequence[Turn[_Seen]]) -> tuple[BundleRow, ...]:
    """Bundles that were judged, and the refusals of those whose documents were not accepted.

    One for other zones is nothing wrong, unless nothing is for this one.
    """
    found = troubles(turns)

    def row(turn: Turn[_Seen]) -> BundleRow:
        if turn.done is not None:
            return turn.done.row
        reasons = () if turn.refusal is None else (turn.refusal,)
        verdict = Verdict.FAILED if turn.refusal in found else Verdict.LEFT
        return BundleRow(turn.bundle, turn.version, turn.paths, verdict, reasons)

    return tuple(map(row, turns))


def _offered(turns: Sequence[Turn[_Seen]]) -> dict[str, list[str]]:
    """The versions that the media brought of each app, the newest first."""
    found: dict[str, set[str]] = {}
    for turn in turns:
        if turn.done is not None and turn.done.row.verdict in _GOT:
            for app in turn.done.document.apps:
                found.setdefault(app.name, set()).add(app.version)
    return {app: sorted(versions, key=version_key, reverse=True) for app, versions in found.items()}
