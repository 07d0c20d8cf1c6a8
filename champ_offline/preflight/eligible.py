"""Which nodes a pod may run on at all: names, selectors, affinity, taints.

Invariant: follows the scheduler (component-helpers/scheduling/corev1) and the DaemonSet controller;
what it does not understand it takes for fitting, so that nothing is blocked by our ignorance.
"""

from __future__ import annotations

from collections.abc import Iterable

from champ_offline.preflight.facts import NodeFacts, Taint
from champ_offline.preflight.shapes import Object, entries, flag, flat, table, text, texts
from champ_offline.preflight.workloads import Workload

_KEEPING_OFF = frozenset({"NoSchedule", "NoExecute"})
_NODE = "node.kubernetes.io/"
# What the DaemonSet controller lets its pods tolerate.
_EVERYWHERE = frozenset(
    f"{_NODE}{one}"
    for one in (
        "not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure",
        "unschedulable",
    )
)  # fmt: skip
_NETWORK = f"{_NODE}network-unavailable"


def hindrance(one: Workload, node: NodeFacts) -> str:
    """What keeps the workload's pods off the node, in Kubernetes' own terms; empty for nothing."""
    spec = one.spec
    named = text(spec, "nodeName")
    if named:
        return "" if named == node.name else f"nodeName {named}"
    for key, value in flat(spec, "nodeSelector").items():
        if node.labels.get(key) != value:
            return f"nodeSelector {key}={value}"
    if not _wanted(spec, node):
        return "nodeAffinity"
    taint = _untolerated(one, node)
    return f"taint {taint}" if taint else ""


def own_kind_apart(one: Workload) -> bool:
    """Whether two of the workload's pods must not share a node."""
    labels = flat(one.template, "metadata", "labels")
    anti = "requiredDuringSchedulingIgnoredDuringExecution"
    return any(
        text(term, "topologyKey") == "kubernetes.io/hostname" and _selects(term, labels)
        for term in entries(one.spec, "affinity", "podAntiAffinity", anti)
    )


def _selects(term: Object, labels: dict[str, str]) -> bool:
    """Whether the term's selector certainly means these labels; other namespaces' it does not."""
    selector = table(term, "labelSelector")
    wanted, expressions = flat(selector, "matchLabels"), entries(selector, "matchExpressions")
    if term.keys() - {"topologyKey", "labelSelector"} or not (wanted or expressions):
        return False
    if not all(labels.get(key) == value for key, value in wanted.items()):
        return False
    return all(_expression(expression, labels, unsure=False) for expression in expressions)


def _wanted(spec: Object, node: NodeFacts) -> bool:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    rule = table(spec, "affinity", "nodeAffinity", required)
    terms = entries(rule, "nodeSelectorTerms")
    if not terms:
        return True
    return any(_term(term, node) for term in terms)


def _term(term: Object, node: NodeFacts) -> bool:
    expressions, fields = entries(term, "matchExpressions"), entries(term, "matchFields")
    return (
        bool(expressions or fields)
        and all(_expression(one, node.labels, unsure=True) for one in expressions)
        and all(_expression(one, {"metadata.name": node.name}, unsure=True) for one in fields)
    )


def _expression(one: Object, labels: dict[str, str], *, unsure: bool) -> bool:
    found, values = labels.get(text(one, "key")), texts(one, "values")
    match text(one, "operator"):
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt" as operator if len(values) == 1 and _whole(found) and _whole(values[0]):
            left, right = int(found or "0"), int(values[0])
            return left > right if operator == "Gt" else left < right
        case "Gt" | "Lt" if found is None:
            return False
    return unsure


def _whole(value: str | None) -> bool:
    return value is not None and len(value) < 19 and value.removeprefix("-").isdecimal()


def _untolerated(one: Workload, node: NodeFacts) -> Taint | None:
    tolerations = entries(one.spec, "tolerations")
    for taint in _effective(one, node.taints):
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            return taint
    return None


def _effective(one: Workload, taints: Iterable[Taint]) -> list[Taint]:
    ignored = _EVERYWHERE if one.everywhere else frozenset()
    if one.everywhere and flag(one.spec, "hostNetwork"):
        ignored |= {_NETWORK}
    return [taint for taint in taints if taint.effect in _KEEPING_OFF and taint.key not in ignored]


def _tolerates(toleration: Object, taint: Taint) -> bool:
    effect, key = text(toleration, "effect"), text(toleration, "key")
    if effect not in {"", taint.effect}:
        return False
    operator = text(toleration, "operator") or "Equal"
    if not key:
        return operator == "Exists"
    if key != taint.key:
        return False
    if operator == "Equal":
        return text(toleration, "value") == taint.value
    return True
