"""One app's releases, brought to the newest version that media have and the policy allows.

Invariant: a plan is applied only after it was decided on as a whole, and the decision is recorded
before; after a failure nothing more begins unless the policy says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.catalog.index import AppUnknown
from champ_offline.errors import ChampError, Fields
from champ_offline.events import StepFinished, StepStarted, Subscriber
from champ_offline.journal.acts import Act, done
from champ_offline.policy.decide import (
    Decision,
    Moment,
    Wish,
    decide,
    decide_time,
    decide_wish,
)
from champ_offline.policy.document import Policy
from champ_offline.policy.facts import cause, plan_facts
from champ_offline.policy.reasons import Stopped, TroubledAfter
from champ_offline.policy.result import ReleaseRow, Verdict
from champ_offline.policy.versions import Kind
from champ_offline.release.plan import Plan
from champ_offline.release.status import Health, ReleaseStatus


class Changer:
    """Changes releases on one cluster during the run that `began` then."""

    def __init__(
        self,
        appliance: Appliance,
        policy: Policy,
        kubeconfig: Path,
        clock: Callable[[], datetime],
        began: datetime,
        *,
        rehearsal: bool,
    ) -> None:
        self._appliance, self._policy, self._kubeconfig = appliance, policy, kubeconfig
        self._clock, self._began, self._rehearsal = clock, began, rehearsal
        self._failed = ""

    def bring(
        self,
        app: str,
        versions: Sequence[str],
        status: ReleaseStatus | None,
        notify: Subscriber,
    ) -> Iterator[ReleaseRow]:
        """A row for each of the `versions`, newest first, until one is allowed or is there."""
        for version in versions:
            wish = _wish(app, version, status)
            decision = decide_wish(self._policy, wish)
            if decision.allowed:
                row = self._fulfil(wish, status, notify)
                if row.verdict is Verdict.FAILED and not self._policy.goes_on:
                    self._failed = wish.release
                yield row
                return
            if wish.kind in {Kind.SAME, Kind.DOWN}:
                yield _as_it_is(wish, status)
                return
            if wish.kind is Kind.INSTALL:
                yield _told(wish, Verdict.LEFT, decision)
                return
            self._record(wish, decision, None)
            yield _told(wish, Verdict.REFUSED, decision)

    def _fulfil(self, wish: Wish, status: ReleaseStatus | None, notify: Subscriber) -> ReleaseRow:
        early = self._in_time()
        if not early.allowed and wish.kind is not Kind.SAME:
            self._record(wish, early, None)
            return _told(wish, Verdict.REFUSED, early)
        try:
            plan = self._plan(wish, notify)
        except AppUnknown as error:
            # Its bundle would be taken in before.
            verdict = Verdict.WOULD if self._rehearsal else Verdict.FAILED
            reasons = () if self._rehearsal else (error,)
            return _told(wish, verdict, Decision(reasons))
        except ChampError as error:
            return _told(wish, Verdict.FAILED, Decision((error,)))
        if wish.kind is Kind.SAME and not plan.has_changes:
            return _as_it_is(wish, status)
        now = Moment(self._clock(), self._began)
        name = self._appliance.releases.clusters.name(plan.cluster)
        decision = decide(self._policy, wish, plan_facts(plan, name, status), now)
        if self._failed:
            decision = Decision((*decision.reasons, Stopped(failed=self._failed)))
        self._record(wish, decision, plan)
        if not decision.allowed:
            return _told(wish, Verdict.REFUSED, decision, plan)
        if self._rehearsal:
            return _told(wish, Verdict.WOULD, decision, plan)
        return self._apply(wish, plan, notify)

    def _in_time(self) -> Decision:
        if self._failed:
            return Decision((Stopped(failed=self._failed),))
        return decide_time(self._policy, Moment(self._clock(), self._began))

    def _plan(self, wish: Wish, notify: Subscriber) -> Plan:
        notify(StepStarted("plan", wish.release))
        began = self._clock()
        answers = self._appliance.paths.answers(wish.namespace, wish.release)
        given = answers if wish.kind is Kind.INSTALL and answers.is_file() else None
        plan = self._appliance.releases.plan_install(
            wish.app, wish.wanted, wish.release, wish.namespace, given, self._kubeconfig
        )
        seconds = (self._clock() - began).total_seconds()
        notify(StepFinished("plan", wish.release, seconds))
        return plan

    def _apply(self, wish: Wish, plan: Plan, notify: Subscriber) -> ReleaseRow:
        releases = self._appliance.releases
        try:
            releases.apply(plan, self._kubeconfig, notify)
            (after,) = releases.status(wish.release, wish.namespace, self._kubeconfig)
        except ChampError as error:
            return _told(wish, Verdict.FAILED, Decision((error,)), plan)
        reasons = _ailing(wish, after)
        verdict = Verdict.FAILED if reasons else Verdict.DONE
        return _told(wish, verdict, Decision(reasons), plan, after)

    def _record(self, wish: Wish, decision: Decision, plan: Plan | None) -> None:
        """In the audit chain; a rehearsal decides nothing."""
        if self._rehearsal:
            return
        self._appliance.audit.record(
            done(
                Act.DECIDE,
                f"{wish.namespace}/{wish.release}",
                policy=str(self._policy.digest),
                app=wish.app,
                found=wish.found,
                wanted=wish.wanted,
                allowed=decision.allowed,
                reasons=[one.id for one in decision.reasons],
                plan=str(plan.digest) if plan else "",
            )
        )


def _wish(app: str, version: str, status: ReleaseStatus | None) -> Wish:
    if status is None:
        name = app.replace(".", "-")  # as Kubernetes takes names
        return Wish(app, name, name, "", version)
    return Wish(app, status.release, status.namespace, status.version, version)


def _as_it_is(wish: Wish, status: ReleaseStatus | None) -> ReleaseRow:
    """Nothing to do; what media brought and does not do well is told all the same."""
    reasons = _ailing(wish, status) if wish.kind is Kind.SAME and status else ()
    return _told(wish, Verdict.AS_IS, Decision(reasons), None, status)


def _ailing(wish: Wish, status: ReleaseStatus) -> tuple[ChampError, ...]:
    if not status.health.ails:
        return ()
    told: Fields = {"release": wish.release, "version": status.version, "cause": cause(status)}
    return (TroubledAfter(**told),)


def _told(
    wish: Wish,
    verdict: Verdict,
    decision: Decision,
    plan: Plan | None = None,
    status: ReleaseStatus | None = None,
) -> ReleaseRow:
    return ReleaseRow(
        app=wish.app,
        release=wish.release,
        namespace=wish.namespace,
        found=wish.found,
        wanted=wish.wanted,
        verdict=verdict,
        reasons=decision.reasons,
        plan=plan.digest if plan else None,
        health=status.health if status else Health.UNKNOWN,
    )
