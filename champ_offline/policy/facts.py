"""What of plans, bundles and releases a policy decides on: the one place that knows their fields.

Pure. Invariant: an effect that is not understood as harmless is severe.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.errors import ChampError, Fields
from champ_offline.policy.decide import BundleFacts, Effect, PlanFacts, Severe, Warned
from champ_offline.policy.reasons import CheckStops, TroubledBefore, WarningStops
from champ_offline.release.plan import Action, Change, Plan
from champ_offline.release.review.effects import Happens
from champ_offline.release.review.irreversible import Why
from champ_offline.release.review.restarts import Way
from champ_offline.release.review.volumes import CLAIM
from champ_offline.release.status import ReleaseStatus

_SEVERE = {Change.REPLACED: Effect.REPLACED, Change.DELETED: Effect.DELETED}
# Concerns that say of a workload what `downtime` allows or not.
_DOWNTIME = frozenset({"downtime.recreate", "downtime.single"})
_HARMLESS = frozenset({Change.CREATED, Change.UNCHANGED})


def bundle_facts(bundle: VerifiedBundle) -> BundleFacts:
    """Who signed its list of contents; the other roles only date it."""
    signers = bundle.trusted.signers
    holders = tuple(one.holder for one in signers if one.role == "targets")
    return BundleFacts(bundle.document.name, holders)


def plan_facts(plan: Plan, name: str, before: ReleaseStatus | None) -> PlanFacts:
    """A plan for the cluster called `name`, and how the release stands `before` it, if it does."""
    return PlanFacts(
        clusters=tuple(dict.fromkeys((plan.cluster, name))),
        severe=tuple(dict.fromkeys(_severe(plan))),
        warnings=tuple(_warnings(plan, before)),
        stops=tuple(_stops(plan)),
    )


def cause(status: ReleaseStatus) -> str:
    """The objects that are not ready, the first few of them."""
    waiting = [one for one in status.objects if not one.ready]
    told = ", ".join(f"{one.kind}/{one.name} {one.reason}".rstrip() for one in waiting[:3])
    return told or "—"


def _severe(plan: Plan) -> Iterator[Severe]:
    relabelled = _relabelled(plan)
    for action in plan.actions:
        if action.kind == CLAIM and action.name in relabelled:
            continue
        if not action.hook:  # hooks are made anew at every change: that is what they are
            yield from _done_to(action)
    for one in plan.irreversible:
        # Claims that go with a StatefulSet have no action of their own.
        if one.why is Why.VOLUME_DELETED:
            yield Severe(Effect.DELETED, f"{one.kind}/{one.name}", volume=True)
    for concern in plan.concerns:
        if concern.id in _DOWNTIME:
            yield Severe(Effect.STOPPED, concern.subject.replace(" ", "/", 1))


def _relabelled(plan: Plan) -> frozenset[str]:
    """The claims that get other labels and nothing else; none of a name that changes twice."""
    changed = [
        one.name for one in plan.actions if one.kind == CLAIM and one.change not in _HARMLESS
    ]
    told = {one.name for one in plan.effects if one.happens is Happens.VOLUME_RELABELLED}
    return frozenset(name for name in told if changed.count(name) == 1)


def _done_to(action: Action) -> Iterator[Severe]:
    named = f"{action.kind}/{action.name}"
    if action.kind == CLAIM and action.change not in _HARMLESS:
        yield Severe(_SEVERE.get(action.change, Effect.CHANGED), named, volume=True)
    elif action.change in _SEVERE:
        yield Severe(_SEVERE[action.change], named)
    if any(one.way is Way.AT_ONCE for one in action.restarts):
        yield Severe(Effect.STOPPED, named)


def _warnings(plan: Plan, before: ReleaseStatus | None) -> Iterator[Warned]:
    if before is not None and before.health.ails:
        reason = TroubledBefore(release=before.release, cause=cause(before))
        yield Warned(reason.id, reason)
    for one in plan.irreversible:
        warning = f"irreversible.{one.why.value}"
        told: Fields = {"release": plan.release, "object": f"{one.kind}/{one.name}"}
        yield Warned(warning, WarningStops(**told, warning=warning))
    for concern in plan.concerns:
        if not concern.stops and concern.id not in _DOWNTIME:
            told = {"release": plan.release, "object": concern.subject}
            yield Warned(concern.id, WarningStops(**told, warning=concern.id))


def _stops(plan: Plan) -> Iterator[ChampError]:
    for concern in plan.concerns:
        if concern.stops:
            told: Fields = {"release": plan.release, "object": concern.subject}
            yield CheckStops(**told, check=concern.id)
