"""On which nodes a pod can be placed, judged from the pod's spec and the nodes' own words.

Invariant: pure. Only what excludes a node for certain counts (nodeName, nodeSelector, required node
affinity, taints, cordons); where room is left is not looked at, so a node too many may be named.

Kubernetes: scheduler plugins NodeName, NodeAffinity, NodeUnschedulable, TaintToleration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from champ_offline.cluster.interface import Node

Pod: TypeAlias = Mapping[str, Any]

_HARD = frozenset({"NoSchedule", "NoExecute"})
# The taints that the controller of DaemonSets lets its pods tolerate.
_EVERYWHERE = frozenset(
    f"node.kubernetes.io/{name}"
    for name in (
        "not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure",
        "unschedulable", "network-unavailable",
    )
)  # fmt: skip


def can_land(pod: Pod, node: Node, *, daemon: bool = False) -> bool:
    """Whether nothing keeps a pod of this spec off the node; `daemon` for pods of DaemonSets."""
    if pod.get("nodeName") not in {None, "", node.name}:
        return False
    if not node.schedulable and not daemon and not _tolerates_cordon(pod):
        return False
    selector = pod.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    return _attracted(pod, node) and all(
        _tolerated(taint, pod, daemon=daemon) for taint in node.taints
    )


def _attracted(pod: Pod, node: Node) -> bool:
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, node) for term in required.get("nodeSelectorTerms") or [])


def _term(term: Mapping[str, Any], node: Node) -> bool:
    expressions = term.get("matchExpressions") or []
    places = term.get("matchFields") or []
    if not expressions and not places:
        return False
    return all(_matches(one, node.labels) for one in expressions) and all(
        _matches(one, {"metadata.name": node.name}) for one in places
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found = labels.get(str(expression.get("key")))
    values = [str(value) for value in expression.get("values") or []]
    match expression.get("operator"):
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt" as operator:
            return _compares(operator, found, values)
    return False


def _compares(operator: str, found: str | None, values: list[str]) -> bool:
    try:
        one, other = int(found or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return one > other if operator == "Gt" else one < other


def _tolerated(taint: Mapping[str, str], pod: Pod, *, daemon: bool) -> bool:
    if taint.get("effect") not in _HARD or (daemon and taint.get("key") in _EVERYWHERE):
        return True
    return any(_tolerates(one, taint) for one in pod.get("tolerations") or [])


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("key") not in {None, "", taint.get("key")}:
        return False
    if toleration.get("operator") == "Exists":
        return True
    same = str(toleration.get("value") or "") == str(taint.get("value") or "")
    return bool(toleration.get("key")) and same


def _tolerates_cordon(pod: Pod) -> bool:
    cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    return any(_tolerates(one, cordon) for one in pod.get("tolerations") or [])
