"""Whether the nodes have room for the pods: CPU, memory, storage, places, host ports.

Invariant: blocks only what no scheduler could place: one pod that fits on no node, more copies than
all nodes could hold even if empty of everything else of the release, sums above all that is free.
That packing does not find a way proves nothing, so it is a warning. Affinity between pods, spread
and volumes' nodes are left out, which only makes this check milder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight, listed
from champ_offline.preflight.eligible import hindrance, own_kind_apart
from champ_offline.preflight.facts import Facts, HostPort, PodFacts
from champ_offline.preflight.reading import host_ports
from champ_offline.preflight.resources import Resources, plus, requests, shown, words
from champ_offline.preflight.rooms import Room, packed, rooms
from champ_offline.preflight.shapes import name, text, whole
from champ_offline.preflight.workloads import Workload

_PENDING = "Its pods would stay pending, and the change would be put back after waiting for them."
_MOST_PACKED = 5000
_SCHEDULER = "default-scheduler"
_HIGHEST = 2**31

NO_NODE = Sort(
    "placement.no-node",
    Weight.BLOCKING,
    "No node takes the pods of {subject}: {hindrances}.",
    _PENDING,
    "Give a node the labels it asks for or take the taint away, or change where it is to run in"
    " the answers.",
)
NO_ROOM = Sort(
    "capacity.no-room",
    Weight.BLOCKING,
    "A pod of {subject} asks for {wanted}; no node has that free. Lacking on how many nodes:"
    " {lacking}.",
    _PENDING,
    "Ask for less in the answers, or free or add a node with room for it.",
)
TOO_MANY = Sort(
    "capacity.too-many",
    Weight.BLOCKING,
    "{subject} wants {count} pods of {wanted} each; the nodes have room for {fit}.",
    _PENDING,
    "Want fewer replicas or smaller ones in the answers, or add nodes.",
)
EXCEEDED = Sort(
    "capacity.exceeded",
    Weight.BLOCKING,
    "All pods of {subject} together ask for {resource} {wanted}; the nodes that take them have"
    " {free} free.",
    "Some of its pods would stay pending, and the change would be put back after waiting.",
    "Ask for less in the answers, or add nodes.",
)
TIGHT = Sort(
    "capacity.tight",
    Weight.WARNING,
    "No way was found to place all pods of {subject} on the nodes as they are filled now.",
    "The scheduler may find one; if not, some pods stay pending and the change is put back.",
    "Have more free on one node, or ask for less in the answers.",
)
NO_SURGE = Sort(
    "capacity.no-surge",
    Weight.BLOCKING,
    "{subject} is updated by starting a pod before one ends; no node has {wanted} free beside the"
    " pods that run.",
    "The first pod would stay pending and the update never go on; it is put back after waiting.",
    "Free room on a node, or set maxUnavailable to 1 or the strategy Recreate, which interrupts.",
)
NOT_EVERYWHERE = Sort(
    "capacity.daemon-set",
    Weight.BLOCKING,
    "{subject} runs a pod of {wanted} on every node; {nodes} have no room for it.",
    "Its pod there would stay pending, and the change would be put back after waiting.",
    "Free room on these nodes, or keep it off them with a node selector in the answers.",
)
PORT_TAKEN = Sort(
    "ports.host-port-taken",
    Weight.BLOCKING,
    "{subject} wants port {port} of its node, which is taken on every node that it may run on.",
    _PENDING,
    "Choose another port in the answers, or move what holds it: {nodes}.",
)
LATER = Sort(
    "capacity.later",
    Weight.WARNING,
    "No node could run a pod of {subject} now: it asks for {wanted}.",
    "Its jobs would stay pending when their time comes.",
    "Ask for less in the answers, or free room on a node.",
)
SORTS = (
    NO_NODE, NO_ROOM, TOO_MANY, EXCEEDED, TIGHT, NO_SURGE, NOT_EVERYWHERE, PORT_TAKEN, LATER,
)  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A workload and what each of its pods needs; `open` are the nodes that take it.

    Pods of a lower `priority` may be driven out for its own.
    """

    workload: Workload
    requests: Resources
    ports: tuple[HostPort, ...]
    open: frozenset[str]
    alone: bool
    priority: int

    def fit(self, room: Room) -> int:
        """How many of its pods the room takes."""
        if room.node.name not in self.open or room.taken(self.ports):
            return 0
        found = room.copies(self.requests)
        return min(1, found) if self.alone else found


class _Cluster:
    """The cluster without the pods that would make room; worked out once for each priority."""

    def __init__(self, planned: Planned, facts: Facts) -> None:
        self.planned, self.facts = planned, facts
        running = planned.running
        self._own = {(place or planned.namespace, kind, one) for kind, place, one in running}
        self._rooms: dict[int, list[Room]] = {}

    def emptied(self, priority: int) -> list[Room]:
        """Rooms for looking: without the release's own pods and those of a lower priority."""
        if priority not in self._rooms:
            self._rooms[priority] = rooms(self.facts, lambda pod: self._goes(pod, priority))
        return self._rooms[priority]

    def beside(self, asked: _Asked) -> list[Room]:
        """The same, but with the workload's own pods."""
        own = (asked.workload.kind, asked.workload.name)
        return rooms(self.facts, lambda pod: self._goes(pod, asked.priority) and pod.owner != own)

    def _goes(self, pod: PodFacts, priority: int) -> bool:
        return pod.priority < priority or (pod.namespace, *pod.owner) in self._own


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Nothing is said where nodes or pods could not be seen."""
    if not facts.nodes or not facts.saw("Node", "Pod"):
        return
    cluster = _Cluster(planned, facts)
    asked = [_asked(one, planned, facts) for one in planned.workloads if _counts(one)]
    found = [concern for one in asked for concern in _alone(one, cluster)]
    yield from found
    if not found:
        yield from _together(asked, cluster)
    for one in planned.hook_workloads:
        if _counts(one) and not one.later:
            yield from _alone(_asked(one, planned, facts), cluster)


def _counts(one: Workload) -> bool:
    return one.pods > 0 and text(one.spec, "schedulerName") in {"", _SCHEDULER}


def _asked(one: Workload, planned: Planned, facts: Facts) -> _Asked:
    defaults = facts.defaults if one.namespace in {"", facts.namespace} else None
    ports = host_ports(one.spec)
    return _Asked(
        workload=one,
        requests=requests(one.spec, defaults) if defaults else requests(one.spec),
        ports=ports,
        open=frozenset(node.name for node in facts.nodes if not hindrance(one, node)),
        alone=bool(ports) or own_kind_apart(one),
        priority=_priority(one, planned, facts),
    )


def _alone(asked: _Asked, cluster: _Cluster) -> Iterator[Concern]:
    """Each workload as if it were the only one of the release."""
    one = asked.workload
    subject, wanted = one.subject, words(asked.requests) or "1 place"
    if one.everywhere:
        yield from _everywhere(asked, cluster)
        return
    if not asked.open and not one.later:
        hindrances = Counter(hindrance(one, node) for node in cluster.facts.nodes)
        shown_ = listed(f"{why} ({count})" for why, count in hindrances.most_common())
        yield NO_NODE.of(subject, hindrances=shown_)
        return
    empty = cluster.emptied(asked.priority)
    fit = sum(asked.fit(room) for room in empty)
    if one.later:
        if not fit:
            yield LATER.of(subject, wanted=wanted)
    elif not fit:
        yield _nowhere(asked, empty, wanted)
    elif fit < one.pods:
        yield TOO_MANY.of(subject, count=one.pods, fit=fit, wanted=wanted)
    else:
        yield from _surge(asked, cluster)


def _nowhere(asked: _Asked, empty: Iterable[Room], wanted: str) -> Concern:
    """Why no node takes a single pod: a port where only that is in the way somewhere."""
    open_rooms = [room for room in empty if room.node.name in asked.open]
    roomy = [room for room in open_rooms if room.copies(asked.requests)]
    if roomy:
        ports = [port for room in roomy if (port := room.taken(asked.ports))]
        nodes = listed(room.node.name for room in roomy)
        return PORT_TAKEN.of(asked.workload.subject, port=ports[0][2], nodes=nodes)
    lacking = Counter(what for room in open_rooms for what in room.lacks(asked.requests))
    told = listed(f"{what} ({count})" for what, count in lacking.most_common())
    return NO_ROOM.of(asked.workload.subject, wanted=wanted, lacking=told)


def _everywhere(asked: _Asked, cluster: _Cluster) -> Iterator[Concern]:
    empty = cluster.emptied(asked.priority)
    full = [
        room.node.name for room in empty if room.node.name in asked.open and not asked.fit(room)
    ]
    if full:
        wanted = words(asked.requests) or "1 place"
        yield NOT_EVERYWHERE.of(asked.workload.subject, wanted=wanted, nodes=listed(full))


def _surge(asked: _Asked, cluster: _Cluster) -> Iterator[Concern]:
    one, now = asked.workload, cluster.planned.replaced(asked.workload)
    if one.kind != "Deployment" or one.unavailable or now is None or one.pods < now.pods:
        return
    if not any(asked.fit(room) for room in cluster.beside(asked)):
        yield NO_SURGE.of(one.subject, wanted=words(asked.requests) or "1 place")


def _together(asked: list[_Asked], cluster: _Cluster) -> Iterator[Concern]:
    """All of the release: sums for each set of nodes, then a try at packing."""
    placed = [one for one in asked if not one.workload.later]
    lowest = min((pod.priority for pod in cluster.facts.pods), default=_HIGHEST)
    if any(one.priority > lowest for one in placed):
        return
    empty = [Room(one.node, dict(one.free), list(one.ports)) for one in cluster.emptied(lowest)]
    over = _over(placed, empty)
    if over is not None:
        resource, wanted, free = over
        yield EXCEEDED.of(
            cluster.planned.release,
            resource=resource,
            wanted=shown(resource, wanted),
            free=shown(resource, free),
        )
    elif sum(_count(one) for one in placed) <= _MOST_PACKED and not packed(empty, _pods(placed)):
        yield TIGHT.of(cluster.planned.release)


def _over(placed: list[_Asked], empty: list[Room]) -> tuple[str, int, int] | None:
    """The first resource of which a set of nodes has less than the pods bound to it ask for."""
    for names in sorted({one.open for one in placed}, key=sorted):
        total: dict[str, int] = {}
        for one in placed:
            if one.open <= names:
                total = plus(total, one.requests, _count(one))
        for resource, wanted in sorted(total.items()):
            free = sum(
                max(0, room.free.get(resource, 0)) for room in empty if room.node.name in names
            )
            if wanted > free:
                return resource, wanted, free
    return None


def _pods(placed: list[_Asked]) -> Iterator[tuple[Resources, set[str], bool]]:
    for one in placed:
        if one.workload.everywhere:
            yield from ((one.requests, {node}, False) for node in sorted(one.open))
            continue
        names = set(one.open)
        for _ in range(one.workload.pods):
            yield one.requests, names, one.alone


def _count(one: _Asked) -> int:
    return len(one.open) if one.workload.everywhere else one.workload.pods


def _priority(one: Workload, planned: Planned, facts: Facts) -> int:
    """Its pods' priority; the highest where that cannot be known."""
    named = text(one.spec, "priorityClassName")
    brought = {name(item): whole(item, "value") or 0 for item in planned.of("PriorityClass")}
    unknown = _HIGHEST if named else 0
    return {**brought, **facts.priorities}.get(named, unknown)
