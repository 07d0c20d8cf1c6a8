"""Plans and refusals of single apps become one site plan.

Invariant: pure. An app that cannot be planned stops the whole, unless something it needs changes
before: then it is planned when its turn comes. What needs something unchanged needs what that
needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Change, Plan
from champ_offline.site.graph import waves
from champ_offline.site.plan import Member, SitePlan
from champ_offline.site.wanted import Order

# Concerns that end when another app brings what is missing.
_BROUGHT = frozenset(
    {
        "api.kind-unknown",
        "pods.priority-class-unknown",
        "pods.runtime-class-unknown",
        "storage.class-unknown",
        "storage.no-default",
        "storage.no-volume",
    }
)


class AppNotPlanned(ChampError):
    """One app of a site cannot be planned, so there is no plan of the site."""

    id = "site.app-not-planned"
    exit_code = ExitCode.PREFLIGHT
    message = "{name} cannot be planned: {cause}."
    remedy = "Nothing was changed. Plan the site again then."


@dataclass(frozen=True)
class Tried:
    """What came of planning one app on the cluster of that identity: a plan, or why there is none.

    Nothing is `found` of what stands as it is. `order` and `wanted` are what was planned and its
    place in the vault; None for a removal.
    """

    cluster: str
    order: Order | None
    wanted: Digest | None
    found: Plan | ChampError | None


@dataclass(frozen=True)
class Head:
    """What a site plan says of itself; see SitePlan. `file` names the document in errors."""

    zone: str
    document: Digest
    created: str
    accepted: tuple[str, ...]
    file: str


def composed(
    head: Head, needs: Mapping[str, tuple[str, ...]], tried: Mapping[str, Tried]
) -> SitePlan:
    """The site plan; raises AppNotPlanned for the first app, in their order, that cannot be."""
    before: dict[str, frozenset[str]] = {}
    members: dict[str, Member] = {}
    for name in (name for wave in waves(needs, head.file) for name in wave):
        direct = {one for one in needs[name] if one in members}
        before[name] = frozenset(direct).union(*(before[one] for one in needs[name]))
        member = _member(name, tried[name], before[name])
        if member is not None:
            members[name] = member
    order = waves({name: one.needs for name, one in members.items()}, head.file)
    return SitePlan(
        zone=head.zone,
        document=head.document,
        created=head.created,
        accepted=head.accepted,
        waves=tuple(tuple(members[name] for name in wave) for wave in order),
        unchanged=tuple(sorted(needs.keys() - members.keys())),
    )


def _member(name: str, tried: Tried, before: frozenset[str]) -> Member | None:
    """None for what stays as it is."""
    needs = tuple(sorted(before))
    found = tried.found
    order = tried.order
    if found is None:
        return None
    if isinstance(found, Plan):
        stops = {one.id for one in found.concerns if one.stops}
        if order is None or not needs or not stops or stops - _BROUGHT:
            return _planned(name, tried, found, needs) if found.has_changes else None
        return _later(name, tried.cluster, order, tried.wanted, needs, ", ".join(sorted(stops)))
    if order is None or not needs or found.exit_code is not ExitCode.PREFLIGHT:
        raise AppNotPlanned(name=name, cause=found) from found
    return _later(name, tried.cluster, order, tried.wanted, needs, str(found))


def _later(
    name: str,
    cluster: str,
    order: Order,
    wanted: Digest | None,
    needs: tuple[str, ...],
    why: str,
) -> Member:
    return Member(
        name=name,
        cluster=cluster,
        namespace=order.namespace,
        release=order.release,
        operation="",
        app=order.app,
        from_version="",
        to_version=order.version,
        objects=0,
        needs=needs,
        plan=None,
        wanted=wanted,
        later=why,
    )


def _planned(name: str, tried: Tried, plan: Plan, needs: tuple[str, ...]) -> Member:
    kept = plan.summary.get(Change.UNCHANGED, 0)
    return Member(
        name=name,
        cluster=plan.cluster,
        namespace=plan.namespace,
        release=plan.release,
        operation=plan.operation.value,
        app=plan.app,
        from_version=plan.from_version,
        to_version=plan.to_version,
        objects=sum(plan.summary.values()) - kept,
        needs=needs,
        plan=plan.digest,
        wanted=tried.wanted,
        stops=tuple(sorted({one.id for one in plan.concerns if one.stops})),
    )
