"""Why a pod gets no node, or a claim no volume, in what scheduler and volume controllers say.

Invariant: pure. The scheduler counts nodes by reason; what stands for more than one kind of reason
is told whole, and room is told before everything else: the rest is the same for every pod.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from champ_offline.cluster.causes import configuration
from champ_offline.cluster.causes.scene import (
    Found,
    Object,
    Scene,
    about,
    condition,
    first_time,
    moment,
    name,
    status,
    words,
)
from champ_offline.cluster.causes.words import (
    NodeNotReady,
    NodesTainted,
    NoNodeLike,
    NoRoom,
    StorageClassMissing,
    Unschedulable,
    VolumePending,
)

# `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {k: v}. preemption:`
_COUNTED = re.compile(
    r"^\d+/\d+ nodes are available: ?(?P<why>.*?)(?:\.? ?preemption: .*)?$", re.DOTALL
)
_RESOURCE = re.compile(r"Insufficient ([A-Za-z0-9./-]+)")
_TOO_MANY = "Too many pods"
_VOLUMES = re.compile(r"persistent ?volume|volume node affinity", re.IGNORECASE)
_LIKE = re.compile(r"didn't match (?:Pod's node affinity|node selector|Pod's node selector)")
_TAINT = re.compile(r"untolerated taint(?:\(s\))? ?(?:\{(?P<taint>[^}:]+)[^}]*\})?")
# Taints that the cluster sets and lifts by itself.
_PASSING = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
_AWAY = re.compile(r"node\.kubernetes\.io/(?:unreachable|not-ready)")
_CLASS = re.compile(r'storageclass(?:\.storage\.k8s\.io)? "(?P<name>[^"]+)" not found')


def unplaced(pod: Object) -> str:
    """What the scheduler says of a pod that it found no node for; empty where it found one."""
    found = condition(pod, "PodScheduled")
    return str(found.get("message", "")) if found.get("status") == "False" else ""


def misses_nodes(pods: Sequence[Object]) -> bool:
    """Whether pods find no node because nodes are away."""
    return any(_misses(unplaced(pod)) for pod in pods)


def judge(scene: Scene, pod: Object) -> Found | None:
    """The cause for a pod without a node; None where a claim or a node that is away explains it."""
    said = unplaced(pod)
    counted = _COUNTED.match(said)
    why = words(counted["why"] if counted else said)
    when = moment(condition(pod, "PodScheduled").get("lastTransitionTime"))
    if error := configuration.missing(pod, said):
        return Found(error, pod, when, hopeless=True)
    if _VOLUMES.search(why) and (claims := pending_claims(scene, pod)):
        told = any(_told(scene, claim) for claim in claims)
        error_of_claim = VolumePending(**about(claims[0]), reason=why)
        return None if told else Found(error_of_claim, claims[0], when)
    if scene.nodes and _misses(why):
        return None
    return _by_reason(pod, why, when)


def _by_reason(pod: Object, why: str, when: str) -> Found:
    lacking = sorted(set(_RESOURCE.findall(why)))
    if _TOO_MANY in why:
        lacking.append("pods")
    if lacking:
        error = NoRoom(**about(pod), resource=", ".join(lacking), why=why)
        return Found(error, pod, when)
    # For good only where every node is out of question by itself: a port or volume may come free.
    hopeless = all(_LIKE.search(part) or _lasting(part) for part in why.split(", "))
    if _LIKE.search(why):
        return Found(NoNodeLike(**about(pod), why=why), pod, when, hopeless=hopeless)
    if _TAINT.search(why):
        return Found(NodesTainted(**about(pod), why=why), pod, when, hopeless=hopeless)
    return Found(Unschedulable(**about(pod), why=why), pod, when)


def _lasting(part: str) -> bool:
    """Whether a taint keeps the pod away that the cluster does not lift by itself."""
    found = _TAINT.search(part)
    named = found["taint"] if found else None
    return named is not None and not named.startswith(_PASSING)


def _misses(said: str) -> bool:
    """Whether nodes may be missed that are away; some schedulers do not name taints."""
    unnamed = any(found["taint"] is None for found in _TAINT.finditer(said))
    return unnamed or _AWAY.search(said) is not None


def pending_claims(scene: Scene, pod: Object) -> list[Object]:
    """The claims of a pod that have no volume yet."""
    volumes = pod.get("spec", {}).get("volumes") or []
    used = {
        one["persistentVolumeClaim"]["claimName"]
        for one in volumes
        if "persistentVolumeClaim" in one
    }
    return [one for one in _pending(scene) if name(one) in used]


def claims(scene: Scene) -> Iterator[Found]:
    """A cause for each claim of which something was said."""
    for claim in _pending(scene):
        if not (event := _told(scene, claim)):
            continue
        said = str(event.get("message", ""))
        if found := _CLASS.search(said):
            error = StorageClassMissing(**about(claim), wanted=found["name"])
            yield Found(error, claim, first_time(event), hopeless=True)
        else:
            yield Found(VolumePending(**about(claim), reason=words(said)), claim, first_time(event))


def nodes(scene: Scene) -> Iterator[Found]:
    """A cause for each node that is away."""
    for node in scene.nodes:
        found = condition(node, "Ready")
        reason = words(found.get("message") or found.get("reason"))
        yield Found(
            NodeNotReady(kind="Node", name=name(node), reason=reason),
            node,
            moment(found.get("lastTransitionTime")),
        )


def _pending(scene: Scene) -> list[Object]:
    every = scene.of("PersistentVolumeClaim")
    return [one for one in every if status(one).get("phase", "Pending") in {"Pending", "Lost"}]


def _told(scene: Scene, claim: Object) -> Object:
    events = scene.events_of(claim, "ProvisioningFailed", "FailedBinding")
    return events[0] if events else {}
