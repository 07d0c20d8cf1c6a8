"""Fields that others hold: told as concerns, and taken back only where each was accepted.

Invariant: Helm is allowed to go over the fields of others only for a plan of which every conflict
that there is now was accepted, field by field and holder by holder (adr/0038).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from champ_offline.cluster.interface import Cluster, Conflict
from champ_offline.preflight import ownership
from champ_offline.preflight.concern import Concern, listed
from champ_offline.release.base import PlanStale
from champ_offline.release.managed import added, as_kept, dotted, managers
from champ_offline.release.objects import Item, items
from champ_offline.release.plan import Plan
from champ_offline.release.review.compared import Change, Compared
from champ_offline.release.seal import opened


class FieldsMoved(PlanStale):
    """Others hold fields that nobody accepted to take from them."""

    id = "release.plan-fields-moved"
    message = (
        "Nothing was changed: since {release} was planned, others took fields that it sets:"
        " {fields}."
    )


def of_others(compared: Collection[Compared]) -> Iterator[Concern]:
    """A concern for each field that somebody else holds, and for each object that has more."""
    yield from (_concern(one.item, found) for one in compared for found in one.conflicts)
    for one in compared:
        if one.live is None or one.change is Change.DELETED:
            continue
        paths = [path for path, _value in added(as_kept(one.item.content), one.live)]
        if paths:
            holders = {name: None for path in paths for name in managers(one.live, path)}
            yield ownership.added(f"{one.kind} {one.name}", holders, map(dotted, paths))


def taken(plan: Plan) -> tuple[Concern, ...]:
    """The fields that the plan takes back: somebody accepted that."""
    return tuple(one for one in plan.concerns if one.id == ownership.HELD.id and one.accepted)


def takes(plan: Plan, sealed: bytes, cluster: Cluster) -> bool:
    """Whether Helm has to go over fields of others for this plan, of which `sealed` is the chart.

    Looks again, only where something was accepted. Raises FieldsMoved where others hold more now.
    """
    accepted = {_key(one) for one in taken(plan)}
    if not accepted:
        return False
    wanted = items(opened(sealed).manifests, plan.namespace)
    now = [one for item in wanted for one in _now(item, plan, cluster)]
    more = [one for one in now if _key(one) not in accepted]
    if more:
        told = (f"{one.subject} {one.fields['field']} ({one.fields['manager']})" for one in more)
        raise FieldsMoved(release=plan.release, fields=listed(told))
    return bool(now)


def _now(item: Item, plan: Plan, cluster: Cluster) -> Iterable[Concern]:
    found = cluster.preview(item.owned_by(plan.release, plan.namespace), item.namespace)
    return (_concern(item, one) for one in found.conflicts)


def _concern(item: Item, found: Conflict) -> Concern:
    return ownership.held(f"{item.kind} {item.name}", found.manager, found.field)


def _key(one: Concern) -> tuple[str, str, str]:
    return one.subject, one.fields["manager"], one.fields["field"]
