"""The causes of a scene, the first one first: by what explains what, and by time.

Invariant: pure. What follows from another cause is not told: pods of a node that is away, the pods
of a job that failed, a pod whose claim has no volume. Of pods that fail alike the first one stands
for all. Bounded by MOST.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from champ_offline.cluster.causes import containers, making, placing
from champ_offline.cluster.causes.scene import Found, Object, Scene, ending, name, status, unready
from champ_offline.cluster.causes.words import CrashLoop, OutOfMemory, ProbeFails

MOST = 20
_TRYING = frozenset({"Job", "CronJob"})
_LOOPS = (CrashLoop, OutOfMemory, ProbeFails)


def judge(scene: Scene) -> tuple[Found, ...]:
    """Every cause, the first first; those of older templates last and never hopeless."""
    pods = list(_pods(scene))
    every = [
        *placing.nodes(scene),
        *placing.claims(scene),
        *making.unmade(scene),
        *making.failed_jobs(scene),
        *_patient(scene, pods),
    ]
    every.sort(key=lambda found: (_rank(scene, found), found.since or "~", name(found.item)))
    return tuple(_folded(scene, every))[:MOST]


def waiting_pods(scene: Scene) -> list[Object]:
    """The pods that are neither ready nor done nor on their way out."""
    return [pod for pod in scene.of("Pod") if unready(pod) and not ending(pod)]


def _pods(scene: Scene) -> Iterator[Found]:
    away = {name(node) for node in scene.nodes}
    for pod in waiting_pods(scene):
        owner = scene.owner(pod)
        if making.hook(pod) and status(pod).get("phase") == "Failed":
            continue
        if owner is not None and owner["kind"] == "Job" and _is_over(owner):
            continue
        if pod.get("spec", {}).get("nodeName") in away:
            continue
        unplaced = placing.unplaced(pod)
        found = placing.judge(scene, pod) if unplaced else containers.judge(scene, pod)
        if found is not None:
            outdated = scene.outdated(pod)
            yield replace(found, hopeless=found.hopeless and not outdated)


def _patient(scene: Scene, found: list[Found]) -> Iterator[Found]:
    """A container that fails again and again may be waiting for another one that just starts.

    How often a job tries is for the job to say.
    """
    explained = {name(one.item) for one in found}
    starting = [pod for pod in waiting_pods(scene) if name(pod) not in explained]
    for one in found:
        others = [pod for pod in starting if scene.head(pod) is not scene.head(one.item)]
        waits = bool(others) or scene.head(one.item)["kind"] in _TRYING
        loops = isinstance(one.error, _LOOPS)
        yield replace(one, hopeless=one.hopeless and not (loops and waits))


def _is_over(job: Object) -> bool:
    return any(
        one.get("type") in {"Failed", "Complete"} and one.get("status") == "True"
        for one in status(job).get("conditions") or []
    )


def _rank(scene: Scene, found: Found) -> int:
    if found.item["kind"] != "Node" and scene.outdated(found.item):
        return 2
    return 1 if found.soft else 0


def _folded(scene: Scene, every: list[Found]) -> Iterator[Found]:
    """One for all pods of a workload that fail alike."""
    seen = set()
    for one in every:
        head = scene.head(one.item)
        alike = (one.error.id, head["kind"], name(head), one.log.container if one.log else "")
        if one.item["kind"] != "Pod" or alike not in seen:
            seen.add(alike)
            yield one
