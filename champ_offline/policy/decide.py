"""Whether a policy lets something happen, and if not, every reason why.

Pure: (policy, facts, now) in, a decision out. Invariant: what no rule allows is refused; all
reasons are found, not only the first; nothing that a bundle says of itself widens what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from champ_offline.errors import ChampError, Fields
from champ_offline.policy.document import Policy, Rule, named
from champ_offline.policy.reasons import (
    AppNotNamed,
    BundleNotNamed,
    ClusterNotAllowed,
    EffectNotAllowed,
    HolderMissing,
    InstallNotAllowed,
    OutsideHours,
    StepNotAllowed,
    TimeOver,
    VolumeTouched,
)
from champ_offline.policy.versions import Kind, kind_of


class Effect(StrEnum):
    """What a plan does to an object that is severe."""

    REPLACED = "replaced"
    DELETED = "deleted"
    CHANGED = "changed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class BundleFacts:
    """A bundle whose signatures were accepted: its name, and the holders who signed."""

    name: str
    holders: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """A release that would go from `found` (empty: it is not there) to `wanted`."""

    app: str
    release: str
    namespace: str
    found: str
    wanted: str

    @property
    def kind(self) -> Kind:
        """How far it would go."""
        return kind_of(self.found, self.wanted)


@dataclass(frozen=True)
class Severe:
    """A severe effect on the object `Kind/name`; `volume`: it is a claim on one."""

    effect: Effect
    object: str
    volume: bool = False


@dataclass(frozen=True)
class Warned:
    """A warning by its id, and what is told of it where it stops something."""

    id: str
    reason: ChampError


@dataclass(frozen=True)
class PlanFacts:
    """What of a plan a policy decides on; `clusters` are the cluster's identity and its name.

    `stops` are findings for which no plan is applied, whatever a policy says.
    """

    clusters: tuple[str, ...]
    severe: tuple[Severe, ...] = ()
    warnings: tuple[Warned, ...] = ()
    stops: tuple[ChampError, ...] = ()


@dataclass(frozen=True)
class Moment:
    """Now, and when the run began."""

    now: datetime
    began: datetime


@dataclass(frozen=True)
class Decision:
    """Whether it may be done, and if not, all reasons."""

    reasons: tuple[ChampError, ...] = ()

    @property
    def allowed(self) -> bool:
        """Nothing speaks against it."""
        return not self.reasons


def decide_bundle(policy: Policy, bundle: BundleFacts) -> Decision:
    """Whether the bundle may be taken in, its time aside."""
    reasons: list[ChampError] = []
    if not named(policy.bundles, bundle.name):
        reasons.append(BundleNotNamed(bundle=bundle.name))
    if policy.holders and not any(named(policy.holders, one) for one in bundle.holders):
        found = ", ".join(sorted(set(bundle.holders))) or "—"
        reasons.append(HolderMissing(bundle=bundle.name, found=found))
    return Decision(tuple(reasons))


def decide_time(policy: Policy, moment: Moment) -> Decision:
    """Whether anything may begin now."""
    reasons: list[ChampError] = []
    hours, now = policy.hours, moment.now
    if hours is not None and not hours.are_open(now):
        opens = hours.opens(now)
        told = "—" if opens is None else _minutes(opens)
        reasons.append(OutsideHours(now=_minutes(now.astimezone(hours.zone)), opens=told))
    if now - moment.began >= timedelta(minutes=policy.minutes):
        reasons.append(TimeOver(minutes=policy.minutes))
    return Decision(tuple(reasons))


def decide_wish(policy: Policy, wish: Wish) -> Decision:
    """Whether the release may go to that version, as far as can be said before it is planned."""
    rule = _rule(policy, wish)
    if rule is None:
        names: Fields = {"app": wish.app, "release": wish.release, "namespace": wish.namespace}
        return Decision((AppNotNamed(**names),))
    if wish.kind is Kind.INSTALL:
        return Decision(() if rule.install else (InstallNotAllowed(app=wish.app),))
    if _step_allowed(rule, wish):
        return Decision()
    told: Fields = {"release": wish.release, "found": wish.found, "wanted": wish.wanted}
    return Decision((StepNotAllowed(**told, step=wish.kind.value),))


def decide(policy: Policy, wish: Wish, plan: PlanFacts, moment: Moment) -> Decision:
    """Whether the plan that fulfils the wish may be applied now."""
    reasons = [*decide_time(policy, moment).reasons, *decide_wish(policy, wish).reasons]
    reasons += plan.stops
    rule = _rule(policy, wish)
    if rule is not None:
        if not any(named(rule.clusters, one) for one in plan.clusters):
            reasons.append(ClusterNotAllowed(release=wish.release, cluster=plan.clusters[0]))
        reasons += _severe(rule, wish.release, plan.severe)
        reasons += [one.reason for one in plan.warnings if not named(rule.warnings, one.id)]
    return Decision(tuple(reasons))


def _rule(policy: Policy, wish: Wish) -> Rule | None:
    return policy.rule_for(wish.app, wish.release, wish.namespace)


def _step_allowed(rule: Rule, wish: Wish) -> bool:
    if wish.kind in rule.kinds:
        return True
    return any(
        named((step.source,), wish.found)
        and named((step.target,), wish.wanted)
        and (step.down or wish.kind is not Kind.DOWN)
        for step in rule.steps
    )


def _severe(rule: Rule, release: str, found: Sequence[Severe]) -> Iterator[ChampError]:
    allowed = {
        Effect.REPLACED: rule.allow.replaced,
        Effect.DELETED: rule.allow.deleted,
        Effect.STOPPED: rule.allow.downtime,
    }
    for one in found:
        told: Fields = {"object": one.object, "release": release, "effect": one.effect.value}
        if one.volume:
            if not named(rule.allow.volumes, one.object):
                yield VolumeTouched(**told)
        elif not named(allowed.get(one.effect, ()), one.object):
            key = "downtime" if one.effect is Effect.STOPPED else one.effect.value
            yield EffectNotAllowed(**told, key=key)


def _minutes(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")
