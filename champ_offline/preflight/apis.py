"""Whether the cluster knows what the manifests speak of, and will after its next upgrade.

Invariant: blocks only what discovery does not list. Helm builds every object of a release before it
applies the first, so one unknown kind stops the whole release, even one whose definition is among
the release's own objects; definitions of the chart's `crds` folder it adds on an install only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts
from champ_offline.preflight.removals import REMOVALS, Version
from champ_offline.preflight.shapes import Object, entries, flag, subject, text

_WHOLE = (
    "Helm applies nothing of a release while the cluster does not know the kind of one of its"
    " objects."
)

REMOVED = Sort(
    "api.removed",
    Weight.BLOCKING,
    "{subject} is written for {version}, which Kubernetes {removed} took away; this cluster has"
    " {cluster}.",
    _WHOLE,
    "Take a version of the app whose chart uses {instead}.",
)
DEPRECATED = Sort(
    "api.deprecated",
    Weight.WARNING,
    "{subject} is written for {version}, deprecated since Kubernetes {deprecated} and not in"
    " {removed} any more.",
    "After the cluster is upgraded to {removed} this release can no longer be changed.",
    "Have a version of the app that uses {instead} here before the cluster is upgraded.",
)
UNKNOWN = Sort(
    "api.kind-unknown",
    Weight.BLOCKING,
    "The cluster does not know {version} {kind}, of which {subject} is one.",
    _WHOLE,
    "Install the app that brings this definition first.",
)
NOT_ADDED = Sort(
    "api.definition-not-added",
    Weight.BLOCKING,
    "{subject} needs the definition of {version} {kind}, which the chart brings and the cluster"
    " lacks.",
    "Helm adds a chart's definitions when it installs the chart, never when it upgrades.",
    "Apply the definition of {kind} from the chart's folder crds with kubectl, then plan again.",
)
HOOK_UNKNOWN = Sort(
    "api.hook-kind-unknown",
    Weight.WARNING,
    "The hook {subject} is of {version} {kind}, which the cluster does not know yet.",
    "Where nothing of the release brings the definition before, the hook fails and the change is"
    " put back.",
    "Ask whoever packed the app which part of it brings {kind}.",
)
SORTS = (REMOVED, DEPRECATED, UNKNOWN, NOT_ADDED, HOOK_UNKNOWN)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """One concern for each object whose kind is unknown, or will be."""
    brought = _defined(planned.definitions)
    for item in planned.objects:
        yield from _of(item, planned, facts, brought)
    brought |= _defined(planned.objects) | _defined(planned.hooks)
    for item in planned.hooks:
        version, kind = text(item, "apiVersion"), text(item, "kind")
        if not facts.knows(version, kind) and (version, kind) not in brought:
            yield HOOK_UNKNOWN.of(subject(item), version=version, kind=kind)


def _of(
    item: Object, planned: Planned, facts: Facts, brought: set[tuple[str, str]]
) -> Iterator[Concern]:
    version, kind = text(item, "apiVersion"), text(item, "kind")
    removal = REMOVALS.get((version, kind))
    if facts.knows(version, kind):
        if removal is not None and removal.deprecated <= facts.minor:
            yield DEPRECATED.of(
                subject(item),
                version=version,
                deprecated=_dotted(removal.deprecated),
                removed=_dotted(removal.removed),
                instead=removal.instead,
            )
    elif removal is not None and removal.removed <= facts.minor:
        yield REMOVED.of(
            subject(item),
            version=version,
            removed=_dotted(removal.removed),
            cluster=facts.version,
            instead=removal.instead,
        )
    elif (version, kind) not in brought:
        yield UNKNOWN.of(subject(item), version=version, kind=kind)
    elif planned.upgrade:
        yield NOT_ADDED.of(subject(item), version=version, kind=kind)


def _defined(items: Iterable[Object]) -> set[tuple[str, str]]:
    return {
        (
            f"{text(item, 'spec', 'group')}/{text(version, 'name')}",
            text(item, "spec", "names", "kind"),
        )
        for item in items
        if text(item, "kind") == "CustomResourceDefinition"
        for version in entries(item, "spec", "versions")
        if flag(version, "served") is not False
    }


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
