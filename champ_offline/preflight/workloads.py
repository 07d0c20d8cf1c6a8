"""Objects that make pods: how many, from which template, and how they are replaced.

Invariant: pure, and total: every object is a workload or is not, whatever its shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from champ_offline.preflight.shapes import Object, at, name, namespace, table, text, whole

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_GROUPS = frozenset({"", "apps", "batch", "extensions"})
_REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_PERCENT = "25%"


@dataclass(frozen=True)
class Workload:
    """`pods` run at once (a DaemonSet's: 1 on each node); `template` holds metadata and spec.

    While it is updated at most `surge` pods more run, and at least `pods - unavailable` are there.
    `later` says that its pods come when their time comes (CronJob).
    """

    kind: str
    name: str
    namespace: str
    pods: int
    template: Object = field(repr=False, hash=False)
    surge: int = 0
    unavailable: int = 0
    recreate: bool = False
    later: bool = False

    @property
    def spec(self) -> Object:
        """The spec of its pods."""
        return table(self.template, "spec")

    @property
    def everywhere(self) -> bool:
        """Whether it runs on every node that takes it."""
        return self.kind == "DaemonSet"

    @property
    def subject(self) -> str:
        """As a concern names it."""
        return f"{self.kind} {self.name}"


def workloads(objects: Iterable[Object]) -> tuple[Workload, ...]:
    """Those among the objects that make pods, in their order."""
    return tuple(found for item in objects if (found := workload(item)) is not None)


def workload(item: Object) -> Workload | None:
    """The object as a workload; None where it makes no pods."""
    kind, group = text(item, "kind"), text(item, "apiVersion").rpartition("/")[0]
    if kind not in _TEMPLATES or group not in _GROUPS:
        return None
    pods = _pods(kind, item)
    surge, unavailable = _rolling(kind, item, pods)
    return Workload(
        kind=kind,
        name=name(item),
        namespace=namespace(item),
        pods=pods,
        template=table(item, *_TEMPLATES[kind]),
        surge=surge,
        unavailable=unavailable,
        recreate=text(item, "spec", "strategy", "type") == "Recreate",
        later=kind == "CronJob",
    )


def _pods(kind: str, item: Object) -> int:
    if kind in _REPLICATED:
        asked = whole(item, "spec", "replicas")
        return 1 if asked is None else max(0, asked)
    if kind == "Job":
        parallel, needed = whole(item, "spec", "parallelism"), whole(item, "spec", "completions")
        together = 1 if parallel is None else max(0, parallel)
        return together if needed is None else min(together, max(0, needed))
    return 1


def _rolling(kind: str, item: Object, pods: int) -> tuple[int, int]:
    """Kubernetes' ResolveFenceposts: a surge is rounded up, what may be missing is rounded down."""
    if kind != "Deployment" or text(item, "spec", "strategy", "type") == "Recreate":
        return 0, 1
    given = table(item, "spec", "strategy", "rollingUpdate")
    surge = _share(at(given, "maxSurge"), pods, up=True)
    unavailable = _share(at(given, "maxUnavailable"), pods, up=False)
    return surge, unavailable if surge or unavailable else 1


def _share(value: object, pods: int, *, up: bool) -> int:
    said = _PERCENT if value is None else value
    if isinstance(said, int) and not isinstance(said, bool):
        return max(0, said)
    if isinstance(said, str) and said.endswith("%") and said[:-1].isascii() and said[:-1].isdigit():
        exact = int(said[:-1][:6]) * pods / 100
        return math.ceil(exact) if up else math.floor(exact)
    return 0
