"""Which pods restart, how, and what in their template is the reason.

Invariant: pure, and judged as the controllers of Kubernetes do: pods are made anew when the
template differs and for no other reason; what else they read may change without a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from champ_offline.release.review.compared import Change, Compared, at, rows, table

TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
"""Kinds whose controller makes pods anew from a template."""
_CONTAINERS = ("initContainers", "containers")
# Annotations by which charts and people make pods restart.
_MARKS = ("checksum", "restartedAt", "rollme")


class Way(StrEnum):
    """How pods go: AT_ONCE means that for a while none of them serves."""

    ROLLING = "one after another"
    AT_ONCE = "all at once"
    BY_HAND = "when somebody deletes them"
    ENDING = "they end"


class Cause(StrEnum):
    """What differs in the template, or became of the workload."""

    IMAGE = "another image"
    MARK = "a checksum or restart mark"
    SETTINGS = "other settings in the pod template"
    FEWER = "fewer replicas"
    DELETED = "the workload is deleted"


@dataclass(frozen=True)
class Restart:
    """`pods` present pods of one workload go in this way."""

    pods: int
    way: Way
    causes: tuple[Cause, ...]


def restarts(one: Compared) -> tuple[Restart, ...]:
    """What happens to the pods that an object of the release has now."""
    if one.live is None or one.kind not in TEMPLATED | {"Job", "Pod"}:
        return ()
    present = _pods(one.live)
    if one.change is Change.DELETED:
        return _some(present, Way.ENDING, (Cause.DELETED,))
    if one.after is None or one.kind not in TEMPLATED:
        return ()
    wanted = min(present, _pods(one.after)) if one.kind != "DaemonSet" else present
    causes = tuple(_causes(table(one.live, "spec"), table(one.after, "spec")))
    gone = _some(present - wanted, Way.ENDING, (Cause.FEWER,))
    return (*(_some(wanted, _way(one.after, wanted), causes) if causes else ()), *gone)


def runs(workload: Mapping[str, Any]) -> bool:
    """Whether a workload is to have pods; of a DaemonSet the nodes say how many, now and later."""
    return workload.get("kind") == "DaemonSet" or _pods(workload) > 0


def unseen(compared: Iterable[Compared]) -> Iterator[tuple[Compared, Compared, bool]]:
    """Workloads that use a changed ConfigMap or Secret and keep their pods.

    Gives the workload, what changes, and whether running pods see it (files do, after a minute or
    so; variables and single files mounted by `subPath` are read when a pod starts).
    """
    every = list(compared)
    changed = [
        one
        for one in every
        if one.kind in {"ConfigMap", "Secret"} and one.change is Change.CHANGED and _told(one)
    ]
    for workload in every:
        if not workload.stays or workload.kind not in TEMPLATED or restarts(workload):
            continue
        used = uses(table(workload.after, "spec", "template", "spec"))
        for config in changed:
            if (config.kind, config.name) in used and config.item.namespace == (
                workload.item.namespace
            ):
                yield workload, config, used[config.kind, config.name]


def uses(pod: Mapping[str, Any]) -> dict[tuple[str, str], bool]:
    """The ConfigMaps and Secrets that a pod reads, and whether changes reach it while it runs."""
    mounted = {
        str(mount.get("name")): not mount.get("subPath")
        for container in _containers(pod)
        for mount in rows(container, "volumeMounts")
    }
    found: dict[tuple[str, str], bool] = {}
    for volume in rows(pod, "volumes"):
        live = mounted.get(str(volume.get("name")), True)
        for key in _sources(volume):
            found[key] = found.get(key, True) and live
    for container in _containers(pod):
        for key in _variables(container):
            found[key] = False
    return found


def images(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """The image texts of a pod's containers, in order."""
    return tuple(str(container.get("image", "")) for container in _containers(pod))


def _told(one: Compared) -> bool:
    """Whether what pods read differs, and not only a label."""
    return any(at(one.live, key) != at(one.after, key) for key in ("data", "binaryData"))


def _causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    before, after = table(old, "template"), table(new, "template")
    if before == after:
        return
    if images(table(before, "spec")) != images(table(after, "spec")):
        yield Cause.IMAGE
    if _marks(before) != _marks(after):
        yield Cause.MARK
    if _rest(before) != _rest(after):
        yield Cause.SETTINGS


def _marks(template: Mapping[str, Any]) -> dict[str, Any]:
    notes = table(template, "metadata", "annotations")
    return {key: value for key, value in notes.items() if any(mark in key for mark in _MARKS)}


def _rest(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without images and marks."""
    notes = table(template, "metadata", "annotations")
    marks = _marks(template)
    pod: dict[str, Any] = {**table(template, "spec")}
    for key in _CONTAINERS:
        pod[key] = [{**one, "image": ""} for one in rows(pod, key)]
    return {
        "labels": table(template, "metadata", "labels"),
        "annotations": {key: value for key, value in notes.items() if key not in marks},
        "spec": pod,
    }


def _way(after: Mapping[str, Any], pods: int) -> Way:
    spec = table(after, "spec")
    strategy = at(spec, "updateStrategy", "type") or at(spec, "strategy", "type")
    if after["kind"] == "ReplicaSet" or strategy == "OnDelete":
        return Way.BY_HAND
    alone = after["kind"] == "StatefulSet" and pods == 1
    return Way.AT_ONCE if strategy == "Recreate" or alone else Way.ROLLING


def _pods(workload: Mapping[str, Any]) -> int:
    """How many pods the workload has to have."""
    if workload["kind"] == "Pod":
        return 1
    if workload["kind"] == "DaemonSet":
        return int(at(workload, "status", "desiredNumberScheduled") or 0)
    if workload["kind"] == "Job":
        return int(at(workload, "status", "active") or 0)
    found = at(workload, "spec", "replicas")
    return 1 if found is None else int(found)


def _some(pods: int, way: Way, causes: tuple[Cause, ...]) -> tuple[Restart, ...]:
    return (Restart(pods, way, causes),) if pods > 0 else ()


def _containers(pod: Mapping[str, Any]) -> list[Any]:
    return [container for key in _CONTAINERS for container in rows(pod, key)]


def _sources(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for source in (volume, *rows(volume, "projected", "sources")):
        if name := at(source, "configMap", "name"):
            yield "ConfigMap", str(name)
        name = at(source, "secret", "secretName") or at(source, "secret", "name")
        if name:
            yield "Secret", str(name)


def _variables(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for source in rows(container, "envFrom"):
        if name := at(source, "configMapRef", "name"):
            yield "ConfigMap", str(name)
        if name := at(source, "secretRef", "name"):
            yield "Secret", str(name)
    for variable in rows(container, "env"):
        if name := at(variable, "valueFrom", "configMapKeyRef", "name"):
            yield "ConfigMap", str(name)
        if name := at(variable, "valueFrom", "secretKeyRef", "name"):
            yield "Secret", str(name)
