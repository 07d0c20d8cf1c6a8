"""How an object is doing, judged from the object alone; and which objects belong to a release.

Invariant: pure. The same objects give the same states whether they come from a real cluster or
from the simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from champ_offline.events import ObjectState

Object: TypeAlias = dict[str, Any]

RELEASE = "meta.helm.sh/release-name"
HOOK = "helm.sh/hook"
# The reason of a pod that is on its way out; its successor is what counts.
ENDING = "ending"
INSTANCE = "app.kubernetes.io/instance"
KINDS = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "Pod",
    "PersistentVolumeClaim",
    "Service",
)
_LONGEST = 300
# Reasons a waiting container is in on the way to a good start.
_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})


def belonging(objects: Sequence[Object], release: str) -> list[Object]:
    """Those made by the release, those owned by these, and the volumes its pods use."""
    found = [item for item in objects if _made_by(item, release)]
    while grown := [
        item for item in objects if item not in found and _owners(item) & set(map(_uid, found))
    ]:
        found += grown
    claims = {name for item in found for name in _claims(item)}
    found += [
        item
        for item in objects
        if item not in found and item["kind"] == KINDS[6] and _name(item) in claims
    ]
    return found


def states(objects: Iterable[Object], warnings: Iterable[Object] = ()) -> tuple[ObjectState, ...]:
    """Each object's state; `warnings` are v1 Events that explain what the object does not."""
    told = {
        (event["involvedObject"].get("kind"), event["involvedObject"].get("name")): str(
            event.get("message", "")
        )
        for event in sorted(warnings, key=_when)
    }
    made = [state(item) for item in objects if item["kind"] != "ReplicaSet"]
    return tuple(
        one
        if one.ready or (_explains(one.reason) and one.kind != "StatefulSet")
        else ObjectState(
            one.kind, one.name, one.ready, (told.get((one.kind, one.name)) or one.reason)[:_LONGEST]
        )
        for one in sorted(made, key=lambda one: (KINDS.index(one.kind), one.name))
    )


def state(item: Object) -> ObjectState:
    """One object's state; `reason` is empty only where the object is well."""
    judge = _JUDGES.get(item["kind"])
    reason = judge(item) if judge is not None else ""
    return ObjectState(item["kind"], _name(item), not reason, reason[:_LONGEST])


def _deployment(item: Object) -> str:
    wanted, status = item["spec"].get("replicas", 1), item.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return str(condition.get("message", "replicas cannot be made"))
        if condition.get("reason") == "ProgressDeadlineExceeded":
            return "it made no progress within its deadline"
    return _replicas(item, wanted, status.get("updatedReplicas", 0), status.get("readyReplicas", 0))


def _stateful_set(item: Object) -> str:
    wanted, status = item["spec"].get("replicas", 1), item.get("status", {})
    return _replicas(item, wanted, status.get("updatedReplicas", 0), status.get("readyReplicas", 0))


def _daemon_set(item: Object) -> str:
    status = item.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    return _replicas(
        item, wanted, status.get("updatedNumberScheduled", 0), status.get("numberReady", 0)
    )


def _replicas(item: Object, wanted: int, updated: int, ready: int) -> str:
    if item.get("status", {}).get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return "waiting for its controller"
    if min(updated, ready) < wanted:
        return f"{min(updated, ready)} of {wanted} ready"
    return ""


def _job(item: Object) -> str:
    for condition in item.get("status", {}).get("conditions", []):
        if condition["status"] == "True" and condition["type"] == "Complete":
            return ""
        if condition["status"] == "True" and condition["type"] == "Failed":
            return f"failed: {condition.get('message', condition.get('reason', ''))}"
    return "running" if item.get("status", {}).get("active") else "waiting to start"


def _pod(item: Object) -> str:
    status = item.get("status", {})
    if status.get("phase") == "Succeeded":
        return ""
    if item["metadata"].get("deletionTimestamp"):
        return ENDING
    return _container_trouble(status) or _pod_conditions(status)


def _container_trouble(status: Object) -> str:
    for one in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = one.get("state", {}).get("waiting", {})
        ended = one.get("state", {}).get("terminated") or one.get("lastState", {}).get("terminated")
        if waiting.get("reason", "") not in _STARTING:
            exited = f" (exit code {ended['exitCode']})" if ended else ""
            words = " ".join(str(waiting.get("message", "")).split())
            return f"{one['name']}: {waiting['reason']}{exited} {words}".strip()
        if ended and ended.get("exitCode") and not one.get("ready"):
            return f"{one['name']}: {ended.get('reason', 'Error')} (exit code {ended['exitCode']})"
    return ""


def _pod_conditions(status: Object) -> str:
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    placed = conditions.get("PodScheduled", {})
    if placed.get("status") == "False":
        return f"{placed.get('reason', 'Unschedulable')}: {placed.get('message', '')}"
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    return "starting" if status.get("phase") in {"Pending", None} else "not ready"


def _claim(item: Object) -> str:
    phase = item.get("status", {}).get("phase", "Pending")
    return "" if phase == "Bound" else f"volume is {str(phase).lower()}"


_JUDGES = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
}


def _explains(reason: str) -> bool:
    """Whether the object's own words say why, and not only that it is not there yet."""
    vague = ("starting", "not ready", "waiting to start", "volume is pending", "running")
    return reason not in vague and not reason.endswith(" ready")


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _made_by(item: Object, release: str) -> bool:
    metadata = item["metadata"]
    notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if HOOK in notes:  # Helm does not mark hooks as the release's
        return labels.get(INSTANCE) == release or _name(item).startswith(f"{release}-")
    return bool(notes.get(RELEASE) == release)


def _owners(item: Object) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences") or []}


def _uid(item: Object) -> str:
    return str(item["metadata"].get("uid", ""))


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _claims(item: Object) -> list[str]:
    if item["kind"] != "Pod":
        return []
    volumes = item.get("spec", {}).get("volumes") or []
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes
        if "persistentVolumeClaim" in volume
    ]
