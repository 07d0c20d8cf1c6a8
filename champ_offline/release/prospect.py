"""A release as preflight looks at it, and what becomes of its concerns in a plan.

Invariant: a plan with a concern that blocks is a plan, to be read and carried; only one of which
every blocking concern was accepted by its id can be applied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.engine import Rendered
from champ_offline.preflight.change import Planned
from champ_offline.preflight.checks import SORTS
from champ_offline.preflight.concern import Concern, Weight, listed
from champ_offline.release.actions import HOOKS_OF
from champ_offline.release.base import Base
from champ_offline.release.images.digests import Image
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Item, Object, items, items_of_manifest
from champ_offline.release.plan import Plan
from champ_offline.release.seal import RECORD_LIMIT

# Concerns of kinds that Helm itself would stumble over when it tries a chart.
_UNBUILDABLE = frozenset({"api.removed", "api.kind-unknown", "api.definition-not-added"})
_QUOTA = "quota."


class PlanBlocked(ChampError):
    """A plan has concerns that block it, and nobody accepted them."""

    id = "release.plan-blocked"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: what is planned for {release} would not go well: {concerns}."
    remedy = (
        "Do what the plan says about each of them and plan again. If you know better, plan with"
        " `--accept` and the concern's id."
    )


class ConcernUnknown(ChampError):
    """An id to be accepted that is none of a blocking concern."""

    id = "release.concern-unknown"
    exit_code = ExitCode.USAGE
    message = "There is no concern “{id}” that could be accepted."
    remedy = "Give the id as the plan shows it; warnings stop nothing and need not be accepted."


def prospect(
    release: str, namespace: str, found: Base, rendered: Rendered, images: Collection[Image],
    record: int,
) -> Planned:  # fmt: skip
    """The release as it would be and as it is; `record` is the size of Helm's record in bytes."""
    events = HOOKS_OF[found.exists]
    hooks = [one for one in items(rendered.hooks, namespace) if events & {*one.hook}]
    return Planned(
        release=release,
        namespace=namespace,
        upgrade=found.exists,
        objects=placed(items(rendered.manifests, namespace)),
        before=placed(items_of_manifest(found.manifest, namespace)),
        hooks=placed(hooks),
        definitions=placed(items(rendered.crds, namespace)),
        images=tuple((str(image.digest), image.size) for image in images),
        record=record,
        record_limit=RECORD_LIMIT,
    )


def masked(concerns: Iterable[Concern], mask: Mask) -> tuple[Concern, ...]:
    """The concerns without secrets."""
    return tuple(
        replace(
            one,
            subject=mask.text(one.subject),
            fields={name: mask.text(text) for name, text in one.fields.items()},
        )
        for one in concerns
    )


def buildable(concerns: Iterable[Concern]) -> bool:
    """Whether Helm can try the chart: the cluster knows every kind in it."""
    return not any(one.id in _UNBUILDABLE for one in concerns)


def foretold(concerns: Iterable[Concern]) -> Callable[[Item], bool]:
    """Whether a refusal of an object is no news: a blocking concern is about it, or a quota."""
    blocking = [one for one in concerns if one.weight is Weight.BLOCKING]
    every = any(one.id.startswith(_QUOTA) for one in blocking)
    subjects = {one.subject for one in blocking}
    return lambda item: every or f"{item.kind} {item.name}" in subjects


def accept(plan: Plan, ids: Collection[str]) -> Plan:
    """The plan with those of its concerns accepted; raises ConcernUnknown.

    An id that the plan has no concern of is fine, so that a script can give it each time.
    """
    for one in ids:
        if one not in SORTS or SORTS[one].weight is not Weight.BLOCKING:
            raise ConcernUnknown(id=one[:100])
    return replace(
        plan,
        concerns=tuple(
            replace(one, accepted=one.accepted or one.id in ids) for one in plan.concerns
        ),
    )


def refuse_blocked(plan: Plan) -> None:
    """Raise PlanBlocked for a plan that would change something and may not be applied."""
    if plan.blocked:
        blocking = [f"{one.id} ({one.subject})" for one in plan.concerns if one.stops]
        raise PlanBlocked(release=plan.release, concerns=listed(blocking))


def placed(found: Iterable[Item]) -> tuple[Object, ...]:
    """The objects, each with the namespace it is in."""
    return tuple(
        {**one.content, "metadata": {**one.content["metadata"], "namespace": one.namespace}}
        for one in found
    )
