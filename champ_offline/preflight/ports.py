"""Ways in from outside: node ports that are held, load balancers and ingress classes that lack.

Invariant: blocks only a node port that another service holds; of the rest nobody but its provider
knows for certain.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts
from champ_offline.preflight.shapes import (
    Object,
    entries,
    flat,
    name,
    namespace,
    subject,
    text,
    whole,
)

# Of kube-apiserver's --service-node-port-range, unless it was given another.
_RANGE = range(30000, 32768)
_OLD_CLASS = "kubernetes.io/ingress.class"

TAKEN = Sort(
    "ports.node-port-taken",
    Weight.BLOCKING,
    "{subject} wants node port {port}, which {holder} holds.",
    "A node port belongs to one service of the whole cluster; the cluster refuses a second one.",
    "Choose another port in the answers.",
)
OUTSIDE = Sort(
    "ports.node-port-range",
    Weight.WARNING,
    "{subject} wants node port {port}; clusters give out 30000 to 32767 unless told otherwise.",
    "A cluster with the usual range refuses the service.",
    "Choose a port within the range in the answers.",
)
NO_BALANCER = Sort(
    "ports.no-load-balancer",
    Weight.WARNING,
    "{subject} wants a load balancer; no service of this cluster was ever given an address by one.",
    "Without a provider the service stays without an address from outside.",
    "Choose NodePort in the answers, or have a provider such as MetalLB installed.",
)
NO_CLASS = Sort(
    "ingress.class-unknown",
    Weight.WARNING,
    "{subject} wants ingress class {class_}, which the cluster does not have.",
    "No controller takes it up, so nothing answers under its name.",
    "Name one of the cluster's classes in the answers: {classes}.",
)
NO_DEFAULT = Sort(
    "ingress.no-class",
    Weight.WARNING,
    "{subject} names no ingress class, and none of the cluster's is marked as the default.",
    "No controller may take it up, so nothing answers under its name.",
    "Name one of the cluster's classes in the answers: {classes}.",
)
SORTS = (TAKEN, OUTSIDE, NO_BALANCER, NO_CLASS, NO_DEFAULT)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Concerns of services and ingresses."""
    held = _held(facts)
    for item in planned.of("Service", hooks=True):
        whose = (namespace(item) or planned.namespace, name(item))
        for port in sorted(_wanted(item)):
            holder = held.get(port, whose)
            if holder != whose:
                yield TAKEN.of(subject(item), port=port, holder="/".join(holder))
            elif port not in _RANGE and port not in held:
                yield OUTSIDE.of(subject(item), port=port)
            held[port] = holder
        if text(item, "spec", "type") == "LoadBalancer" and _unbalanced(facts):
            yield NO_BALANCER.of(subject(item))
    for item in planned.of("Ingress"):
        yield from _ingress(item, planned, facts)


def _held(facts: Facts) -> dict[int, tuple[str, str]]:
    """Who holds each node port; Helm removes what leaves a release after it made what is new."""
    return {port: (one.namespace, one.name) for one in facts.services for port in one.node_ports}


def _wanted(item: Object) -> set[int]:
    ports = {whole(one, "nodePort") for one in entries(item, "spec", "ports")}
    ports.add(whole(item, "spec", "healthCheckNodePort"))
    return {port for port in ports if port}


def _unbalanced(facts: Facts) -> bool:
    return facts.saw("Service") and not any(one.balanced for one in facts.services)


def _ingress(item: Object, planned: Planned, facts: Facts) -> Iterator[Concern]:
    if not facts.saw("IngressClass"):
        return
    old = flat(item, "metadata", "annotations").get(_OLD_CLASS, "")
    wanted = text(item, "spec", "ingressClassName") or old
    classes = ", ".join(sorted(facts.ingress_classes)) or "-"
    if wanted:
        # An old annotation may mean a controller that has no IngressClass object at all.
        if wanted not in facts.ingress_classes | planned.names("IngressClass") and not old:
            yield NO_CLASS.of(subject(item), class_=wanted, classes=classes)
    elif not facts.default_ingress:
        yield NO_DEFAULT.of(subject(item), classes=classes)
