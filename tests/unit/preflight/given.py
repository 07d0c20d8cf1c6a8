"""Clusters and releases for the tests of the checks, in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from champ_offline.preflight import resources
from champ_offline.preflight.change import Planned
from champ_offline.preflight.checks import SORTS
from champ_offline.preflight.concern import Concern
from champ_offline.preflight.facts import ClassFacts, Facts, NodeFacts, PodFacts, Taint

Object = dict[str, Any]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KINDS = frozenset(
    {
        "v1/Pod", "v1/Service", "v1/ConfigMap", "v1/PersistentVolumeClaim", "apps/v1/Deployment",
        "apps/v1/StatefulSet", "apps/v1/DaemonSet", "batch/v1/Job", "batch/v1/CronJob",
        "policy/v1/PodDisruptionBudget", "networking.k8s.io/v1/Ingress",
        "scheduling.k8s.io/v1/PriorityClass", "storage.k8s.io/v1/StorageClass",
        "apiextensions.k8s.io/v1/CustomResourceDefinition",
    }
)  # fmt: skip
SAFE: Object = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def node(
    name: str = "one",
    *,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: int = 110,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Taint] = (),
    **other: Any,
) -> NodeFacts:
    """A node that is ready and empty."""
    named = {"kubernetes.io/hostname": name, **(labels or {})}
    allocatable = resources.of({"cpu": cpu, "memory": memory, "pods": str(pods)})
    given = {"ready": True, **other}
    return NodeFacts(name, named, tuple(taints), allocatable, **given)


def running(
    owner: str = "other", *, node: str = "one", place: str = "elsewhere", kind: str = "Deployment",
    cpu: str = "0", memory: str = "0", **other: Any,
) -> PodFacts:  # fmt: skip
    """A pod that runs."""
    asked = {**resources.of({"cpu": cpu, "memory": memory}), "pods": 1}
    return PodFacts(place, f"{owner}-0", node, asked, owner=(kind, owner), **other)


def facts(**changed: Any) -> Facts:
    """A cluster of one node with a default class, and an unlabelled namespace `pacs`."""
    given: dict[str, Any] = {
        "seen": NOW,
        "version": "v1.35.4",
        "kinds": KINDS,
        "namespace": "pacs",
        "labels": {},
        "nodes": (node(),),
        "classes": (ClassFacts("fast", "csi.example", default=True),),
        "priorities": {"system-cluster-critical": 2_000_000_000},
    }
    return Facts(**(given | changed))


def workload(
    kind: str = "Deployment",
    name: str = "web",
    *,
    cpu: str = "",
    memory: str = "",
    replicas: int | None = None,
    spec: Object | None = None,
    container: Object | None = None,
    **more: Any,
) -> Object:
    """A workload of one container; `spec` adds to its pods', `more` to its own."""
    asked = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    one = {"name": "main", "image": "a/b:1", **(container or {})}
    if asked:
        one["resources"] = {"requests": asked}
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [one], **(spec or {})},
    }
    own = {"template": template, **({} if replicas is None else {"replicas": replicas}), **more}
    version = "batch/v1" if kind in {"Job", "CronJob"} else "apps/v1"
    return thing(kind, name, version, spec=own)


def thing(kind: str, name: str, version: str = "v1", **parts: Any) -> Object:
    """Any object in namespace `pacs`."""
    metadata = {"name": name, "namespace": "pacs", **parts.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


def planned(*objects: Object, **changed: Any) -> Planned:
    """An install of the objects, as release `orthanc`; an upgrade where `before` is given."""
    given: dict[str, Any] = {
        "release": "orthanc",
        "namespace": "pacs",
        "upgrade": "before" in changed,
        "objects": objects,
    }
    return Planned(**(given | changed))


def told(concerns: Any) -> list[tuple[str, str]]:
    """Ids and subjects."""
    return [(one.id, one.subject) for one in concerns if words(one)]


def words(concern: Concern) -> str:
    """What a person reads of it; fails where a text lacks a field."""
    sort = SORTS[concern.id]
    assert sort.weight is concern.weight
    return " ".join(text.format(**concern.filling) for text in (sort.what, sort.why, sort.remedy))


def only(concerns: Any) -> Concern:
    """The one concern there is."""
    [one] = list(concerns)
    assert isinstance(one, Concern)
    assert words(one)
    return one
