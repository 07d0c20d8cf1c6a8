"""What an app asks of a cluster, read off the objects that it would make there.

Invariant: pure; only what stands in the objects is told, in the sums that preflight makes of them,
so that a plan never surprises whoever read it. CPU counts in thousandths of a core, all else in
units (memory and storage in bytes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from champ_offline.preflight import resources
from champ_offline.preflight.change import Planned
from champ_offline.preflight.claims import claims
from champ_offline.preflight.removals import REMOVALS
from champ_offline.preflight.resources import PODS, Resources, measured, plus
from champ_offline.preflight.scopes import CLUSTER_WIDE, GROUPS
from champ_offline.preflight.shapes import Object, at, entries, name, subject, text, texts, whole
from champ_offline.preflight.standards import LEVELS, violations
from champ_offline.preflight.workloads import Workload


class When(StrEnum):
    """When pods run, or on how many nodes."""

    ALWAYS = "always"
    EACH_NODE = "on each node"
    AT_TIMES = "at times"
    CHANGE = "during a change"


@dataclass(frozen=True)
class Pods:
    """A workload's pods: `count` at once, each of which asks for `requests` within `limits`."""

    subject: str
    count: int
    when: When
    requests: Resources = field(hash=False)
    limits: Resources = field(hash=False)


@dataclass(frozen=True)
class Volume:
    """A claim to be bound: bytes, 0 where none are said; None is the cluster's default class."""

    name: str
    size: int
    storage_class: str | None
    modes: tuple[str, ...]


@dataclass(frozen=True)
class WayIn:
    """A way in from outside: `what` is NodePort, LoadBalancer, Ingress or hostPort.

    `port` is 0 where the cluster chooses one; `name` is an ingress' host name.
    """

    what: str
    subject: str
    port: int
    name: str = ""


@dataclass(frozen=True)
class Ending:
    """An object of an API version that Kubernetes `removed` took away; `instead` to be used."""

    subject: str
    version: str
    removed: str
    instead: str


@dataclass(frozen=True)
class Asks:
    """All of it, with the answers of that name ("defaults", or documented ones).

    `kubernetes` is the condition that the chart itself sets, `endings` say what newer versions
    refuse. `requests` is the sum over all pods that are always there, `each_node` what comes to
    every node, `largest` the most that one pod asks for. `level` is the strictest Pod Security
    level that admits every pod; `violations` say what keeps them from the next one. `classes` are
    the classes that must be there (kind and name), `definitions` the kinds that something else must
    have defined, `cluster_wide` what is made outside of namespaces.
    """

    answers: str
    kubernetes: str
    endings: tuple[Ending, ...]
    pods: tuple[Pods, ...]
    requests: Resources = field(hash=False)
    each_node: Resources = field(hash=False)
    largest: Resources = field(hash=False)
    volumes: tuple[Volume, ...]
    ways_in: tuple[WayIn, ...]
    level: str
    violations: tuple[str, ...]
    classes: tuple[str, ...]
    definitions: tuple[str, ...]
    cluster_wide: tuple[str, ...]

    @property
    def storage(self) -> int:
        """Bytes of all volumes together."""
        return sum(volume.size for volume in self.volumes)


def asks(made: Planned, answers: str, kubernetes: str) -> Asks:
    """What the objects of an installation ask for."""
    pods = tuple(_pods(made))
    level, broken = _security(made)
    return Asks(
        answers=answers,
        kubernetes=kubernetes,
        endings=tuple(_endings(made)),
        pods=pods,
        requests=_sum(one for one in pods if one.when is When.ALWAYS),
        each_node=_sum(one for one in pods if one.when is When.EACH_NODE),
        largest=_largest(pods),
        volumes=tuple(_volumes(made)),
        ways_in=tuple(_ways_in(made)),
        level=level,
        violations=broken,
        classes=tuple(sorted(set(_classes(made)))),
        definitions=tuple(sorted(_undefined(made))),
        cluster_wide=tuple(sorted(_cluster_wide(made))),
    )


def _pods(made: Planned) -> Iterator[Pods]:
    for one in made.workloads:
        yield _asking(one, _when(one))
    for one in made.hook_workloads:
        yield _asking(one, When.CHANGE)


def _when(one: Workload) -> When:
    if one.everywhere:
        return When.EACH_NODE
    return When.AT_TIMES if one.later or one.kind == "Job" else When.ALWAYS


def _asking(one: Workload, when: When) -> Pods:
    asked = {key: number for key, number in resources.requests(one.spec).items() if key != PODS}
    return Pods(one.subject, one.pods, when, asked, resources.limits(one.spec))


def _sum(pods: Iterable[Pods]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in pods:
        found = plus(found, one.requests, one.count)
    return found


def _largest(pods: Iterable[Pods]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in pods:
        for key, number in one.requests.items():
            found[key] = max(found.get(key, 0), number if one.count else 0)
    return {key: number for key, number in found.items() if number}


def _volumes(made: Planned) -> Iterator[Volume]:
    for item in (*made.objects, *made.hooks):
        for claim in claims(item):
            named = at(claim, "spec", "storageClassName")
            size = measured("storage", at(claim, "spec", "resources", "requests", "storage"))
            modes = tuple(texts(claim, "spec", "accessModes"))
            yield Volume(name(claim), size, named if isinstance(named, str) else None, modes)


def _ways_in(made: Planned) -> Iterator[WayIn]:
    for item in made.of("Service", hooks=True):
        sort = text(item, "spec", "type")
        if sort in {"NodePort", "LoadBalancer"}:
            for port in entries(item, "spec", "ports"):
                number = whole(port, "nodePort" if sort == "NodePort" else "port")
                yield WayIn(sort, subject(item), number or 0)
    for item in made.of("Ingress"):
        for rule in entries(item, "spec", "rules") or [{}]:
            yield WayIn("Ingress", subject(item), 0, text(rule, "host"))
    for one in made.workloads:
        for container in entries(one.spec, "containers"):
            for port in entries(container, "ports"):
                if number := whole(port, "hostPort"):
                    yield WayIn("hostPort", one.subject, number)


def _endings(made: Planned) -> Iterator[Ending]:
    for item in (*made.objects, *made.hooks):
        version = text(item, "apiVersion")
        gone = REMOVALS.get((version, text(item, "kind")))
        if gone is not None:
            removed = ".".join(map(str, gone.removed))
            yield Ending(subject(item), version, removed, gone.instead)


def _security(made: Planned) -> tuple[str, tuple[str, ...]]:
    """The strictest level that admits every pod, and what keeps them from the one above."""
    templates = [one.template for one in (*made.workloads, *made.hook_workloads)]
    broken: tuple[str, ...] = ()
    for level in reversed(LEVELS):
        found = tuple(dict.fromkeys(v for one in templates for v in violations(one, level)))
        if not found:
            return level, broken
        broken = found
    return LEVELS[0], broken


def _classes(made: Planned) -> Iterator[str]:
    named = {"PriorityClass": "priorityClassName", "RuntimeClass": "runtimeClassName"}
    wanted = [
        (kind, text(one.spec, key))
        for one in (*made.workloads, *made.hook_workloads)
        for kind, key in named.items()
    ]
    wanted += [
        ("IngressClass", text(item, "spec", "ingressClassName")) for item in made.of("Ingress")
    ]
    wanted += [("StorageClass", volume.storage_class or "") for volume in _volumes(made)]
    for kind, called in wanted:
        if called and called not in made.names(kind):
            yield f"{kind} {called}"


def _undefined(made: Planned) -> set[str]:
    own = {
        (text(item, "spec", "group"), text(item, "spec", "names", "kind"))
        for item in made.definitions
    }
    return {
        f"{text(item, 'apiVersion')} {text(item, 'kind')}"
        for item in (*made.objects, *made.hooks)
        if (group := _group(item)) not in GROUPS and (group, text(item, "kind")) not in own
    }


def _cluster_wide(made: Planned) -> set[str]:
    return {
        subject(item)
        for item in (*made.objects, *made.hooks, *made.definitions)
        if text(item, "kind") in CLUSTER_WIDE.get(_group(item), ())
    }


def _group(item: Object) -> str:
    return text(item, "apiVersion").rpartition("/")[0]
