"""What stops serving while the release is changed, or when a node is emptied.

Invariant: warnings alone: an interruption may be what somebody chose.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.shapes import Object, at, flat, name, table
from champ_offline.preflight.workloads import Workload

RECREATE = Sort(
    "downtime.recreate",
    Weight.WARNING,
    "{subject} ends all its pods before it starts the changed ones.",
    "It does not answer from then until the first of them is ready.",
    "Change it when nobody needs it, and tell its users.",
)
SINGLE = Sort(
    "downtime.single",
    Weight.WARNING,
    "{subject} has one pod, which ends before the changed one starts.",
    "It does not answer from then until that pod is ready.",
    "Change it when nobody needs it, or have two replicas where the app can.",
)
NEVER = Sort(
    "disruption.never",
    Weight.WARNING,
    "The disruption budget {subject} never lets a pod of {workload} go.",
    "Emptying a node for maintenance (`kubectl drain`) waits for it without end.",
    "Allow one pod to be away, or have more replicas.",
)
SORTS = (RECREATE, SINGLE, NEVER)


def check(planned: Planned) -> Iterator[Concern]:
    """Concerns of workloads whose pods are replaced, and of disruption budgets."""
    for one in planned.workloads:
        now = planned.replaced(one)
        if now is not None and now.pods and one.pods:
            yield from _interrupted(one, now)
    for item in planned.of("PodDisruptionBudget"):
        for one in planned.workloads:
            if _meant(item, one) and _never(item, one.pods):
                yield NEVER.of(name(item), workload=one.subject)


def _interrupted(one: Workload, now: Workload) -> Iterator[Concern]:
    if one.recreate:
        yield RECREATE.of(one.subject)
    elif now.pods == 1 and (
        one.kind == "StatefulSet" or (one.kind == "Deployment" and one.unavailable)
    ):
        yield SINGLE.of(one.subject)


def _meant(item: Object, one: Workload) -> bool:
    selector = table(item, "spec", "selector")
    wanted = flat(selector, "matchLabels")
    labels = flat(one.template, "metadata", "labels")
    same = one.kind in {"Deployment", "StatefulSet"} and one.pods > 0
    return (
        same
        and bool(wanted)
        and "matchExpressions" not in selector
        and wanted.items() <= labels.items()
    )


def _never(item: Object, pods: int) -> bool:
    """The disruption controller rounds both percentages up."""
    away, stay = at(item, "spec", "maxUnavailable"), at(item, "spec", "minAvailable")
    if away is not None:
        return _share(away, pods) == 0
    found = _share(stay, pods)
    return found is not None and found >= pods


def _share(value: object, pods: int) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, str)
        and value.endswith("%")
        and value[:-1].isascii()
        and value[:-1].isdigit()
    ):
        return -(-int(value[:-1][:6]) * pods // 100)
    return None
