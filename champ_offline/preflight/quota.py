"""Whether the namespace's quotas leave room for the release.

Invariant: counted is what comes on top of what the release holds now; a quota that counts only some
pods (scopes) is compared by nobody but the cluster, and said so by silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.claims import claims
from champ_offline.preflight.concern import Concern, Sort, Weight, listed
from champ_offline.preflight.eligible import hindrance
from champ_offline.preflight.facts import Facts, QuotaFacts
from champ_offline.preflight.resources import (
    Defaults,
    containers,
    limits,
    measured,
    plus,
    requests,
    shown,
)
from champ_offline.preflight.shapes import (
    Object,
    at,
    entries,
    flag,
    name,
    text,
)
from champ_offline.preflight.workloads import Workload, workload

_PLURALS = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ReplicationController": "replicationcontrollers",
    "Pod": "pods",
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "ReplicaSet": "replicasets.apps",
    "Job": "jobs.batch",
    "CronJob": "cronjobs.batch",
    "Ingress": "ingresses.networking.k8s.io",
}
# Those that a quota may also count by the bare name (admission's core evaluators).
_BARE = frozenset(one for one in _PLURALS.values() if "." not in one)
_CLASS = ".storageclass.storage.k8s.io/"
_BY_PODS = ("cpu", "memory", "ephemeral-storage")

EXCEEDED = Sort(
    "quota.exceeded",
    Weight.BLOCKING,
    "The release needs {wanted} of {resource} more; {subject} leaves {left} of {hard}.",
    "The cluster refuses whatever goes beyond a quota, so the release never comes up.",
    "Ask for less in the answers, or have {subject} raised.",
)
NO_SURGE = Sort(
    "quota.surge",
    Weight.WARNING,
    "While {workload} is updated it needs {wanted} of {resource} more; {subject} leaves {left}.",
    "The update may stand still until it is put back.",
    "Have {subject} raised for the time of the change, or let pods end before others start.",
)
UNSTATED = Sort(
    "quota.must-state",
    Weight.BLOCKING,
    "Quota {quota} counts {resource}, and these containers of {subject} do not say theirs:"
    " {containers}.",
    "Where a quota counts a resource, the cluster refuses pods that do not state it.",
    "State it in the answers, or have a LimitRange with defaults put into the namespace.",
)
SORTS = (EXCEEDED, NO_SURGE, UNSTATED)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Concerns of each quota of the release's namespace that counts everything."""
    quotas = [one for one in facts.quotas if not one.scoped]
    if not quotas:
        return
    defaults = facts.defaults
    wanted = _needs(planned.here(planned.objects), facts, defaults)
    held = _held(planned, facts, defaults)
    for quota in quotas:
        more = [
            resource
            for resource, hard in sorted(quota.hard.items())
            if wanted.get(resource, 0) > held.get(resource, 0)
            and quota.used.get(resource, 0) + wanted[resource] - held.get(resource, 0) > hard
        ]
        for resource in more:
            need = wanted[resource] - held.get(resource, 0)
            yield _exceeded(quota, resource, need)
        yield from _surging(planned, quota, more, defaults)
        yield from _unstated(planned, quota, defaults)


def _exceeded(quota: QuotaFacts, resource: str, need: int) -> Concern:
    hard = quota.hard[resource]
    left = max(0, hard - quota.used.get(resource, 0))
    return EXCEEDED.of(
        f"ResourceQuota {quota.name}",
        resource=resource,
        wanted=shown(resource, need),
        left=shown(resource, left),
        hard=shown(resource, hard),
    )


def _held(planned: Planned, facts: Facts, defaults: Defaults) -> dict[str, int]:
    """What the release uses now: objects as recorded, pods as they run."""
    plain = [item for item in planned.here(planned.before) if workload(item) is None]
    counted = [item for item in planned.here(planned.before) if workload(item) is not None]
    found = _needs(plain, facts, defaults)
    for item in counted:
        found = plus(found, _counts(item))
    own = {(kind, one) for kind, _, one in planned.running}
    for pod in facts.pods:
        if pod.namespace == facts.namespace and pod.owner in own:
            asked = {k: v for k, v in pod.requests.items() if k in _BY_PODS}
            found = plus(found, {"pods": 1, "count/pods": 1, **_asked(asked)})
    # Live pods tell their requests only; their limits are taken from what was recorded.
    for one in planned.running.values():
        found = plus(found, _limited(one, defaults), _times(one, facts))
    return found


def _needs(items: Iterable[Object], facts: Facts, defaults: Defaults) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in items:
        found = plus(found, _counts(item))
        one = workload(item)
        if one is not None and not one.later:
            found = plus(found, _per_pod(one, defaults), _times(one, facts))
        for claim in claims(item):
            # What is there counts already, and goes only after what is new came.
            if name(claim) not in facts.claims:
                found = plus(found, _storage(claim))
    return found


def _counts(item: Object) -> dict[str, int]:
    kind = text(item, "kind")
    plural = _PLURALS.get(kind)
    if plural is None or kind in {"Pod", "PersistentVolumeClaim"}:
        return {}
    found = {f"count/{plural}": 1} | ({plural: 1} if plural in _BARE else {})
    if kind == "Service":
        sort = text(item, "spec", "type")
        ports = len(entries(item, "spec", "ports"))
        allocates = flag(item, "spec", "allocateLoadBalancerNodePorts") is not False
        if sort == "NodePort" or (sort == "LoadBalancer" and allocates):
            found["services.nodeports"] = ports
        if sort == "LoadBalancer":
            found["services.loadbalancers"] = 1
    return found


def _per_pod(one: Workload, defaults: Defaults) -> dict[str, int]:
    asked = {k: v for k, v in requests(one.spec, defaults).items() if k != "pods"}
    return {"pods": 1, "count/pods": 1, **_asked(asked), **_limited(one, defaults)}


def _asked(asked: dict[str, int]) -> dict[str, int]:
    bare = {k: v for k, v in asked.items() if k in _BY_PODS}
    return {**bare, **{f"requests.{k}": v for k, v in asked.items()}}


def _limited(one: Workload, defaults: Defaults) -> dict[str, int]:
    return {f"limits.{k}": v for k, v in limits(one.spec, defaults).items()}


def _times(one: Workload, facts: Facts) -> int:
    """How many pods; a DaemonSet's count is the number of nodes that it may be on."""
    if not one.everywhere:
        return one.pods
    return sum(not hindrance(one, node) for node in facts.nodes)


def _storage(claim: Object) -> dict[str, int]:
    size = measured("storage", at(claim, "spec", "resources", "requests", "storage"))
    found = {
        "requests.storage": size,
        "persistentvolumeclaims": 1,
        "count/persistentvolumeclaims": 1,
    }
    if named := text(claim, "spec", "storageClassName"):
        found |= {f"{named}{_CLASS}requests.storage": size}
        found |= {f"{named}{_CLASS}persistentvolumeclaims": 1}
    return found


def _surging(
    planned: Planned, quota: QuotaFacts, over: list[str], defaults: Defaults
) -> Iterator[Concern]:
    """Updates that start a pod first, where the quota is as good as full."""
    for one in planned.here_workloads():
        if not one.surge or one.unavailable or planned.replaced(one) is None:
            continue
        for resource, need in sorted(_per_pod(one, defaults).items()):
            hard = quota.hard.get(resource)
            left = (hard or 0) - quota.used.get(resource, 0)
            if hard is not None and need > left and resource not in over:
                yield NO_SURGE.of(
                    f"ResourceQuota {quota.name}",
                    workload=one.subject,
                    resource=resource,
                    wanted=shown(resource, need),
                    left=shown(resource, max(0, left)),
                )


def _unstated(planned: Planned, quota: QuotaFacts, defaults: Defaults) -> Iterator[Concern]:
    for one in planned.here_workloads():
        for resource in sorted(quota.hard):
            part, _, short = resource.rpartition(".")
            if short not in _BY_PODS[:2] or part not in {"", "requests", "limits"}:
                continue
            silent = [
                container.name
                for container in containers(one.spec, defaults)
                if short not in (container.limits if part == "limits" else container.requests)
            ]
            if silent and one.pods and not at(one.spec, "resources"):
                yield UNSTATED.of(
                    one.subject, quota=quota.name, resource=resource, containers=listed(silent)
                )
