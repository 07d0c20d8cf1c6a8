"""What is free on each node once certain pods are gone, and what fits in.

Invariant: pure arithmetic on facts; a room is changed only by whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from champ_offline.preflight.facts import Facts, HostPort, NodeFacts, PodFacts
from champ_offline.preflight.resources import Resources


@dataclass
class Room:
    """A node with what is free on it, and the host ports that are taken."""

    node: NodeFacts
    free: dict[str, int]
    ports: list[HostPort] = field(default_factory=list)

    def copies(self, requests: Resources) -> int:
        """How many pods that ask for so much fit in by what they ask for."""
        counts = [self.free.get(name, 0) // need for name, need in requests.items() if need]
        return max(0, min(counts, default=0))

    def lacks(self, requests: Resources) -> list[str]:
        """The resources of which one such pod asks for more than is free."""
        return [name for name, need in requests.items() if need > self.free.get(name, 0)]

    def taken(self, ports: Sequence[HostPort]) -> HostPort | None:
        """The first of the ports that somebody holds."""
        return next((one for one in ports if any(_clash(one, held) for held in self.ports)), None)

    def take(self, requests: Resources, ports: Sequence[HostPort]) -> None:
        """Put a pod in."""
        for name, need in requests.items():
            self.free[name] = self.free.get(name, 0) - need
        self.ports += ports


def rooms(facts: Facts, gone: Callable[[PodFacts], bool]) -> list[Room]:
    """A room for each node, as if the pods for which `gone` holds were not there."""
    found = {node.name: Room(node, dict(node.allocatable)) for node in facts.nodes}
    for pod in facts.pods:
        room = found.get(pod.node)
        if room is not None and not gone(pod):
            room.take(pod.requests, pod.ports)
    return list(found.values())


def packed(rooms: Sequence[Room], pods: Iterable[tuple[Resources, set[str], bool]]) -> bool:
    """Whether first-fit, the largest first, finds a place for each pod.

    A pod is what it asks for, the names of the nodes it may be on, and whether alone of its kind
    on each of them (then its `set` is shared by the pods of one workload and gets smaller).
    """
    largest = {
        name: max((room.node.allocatable.get(name, 0) for room in rooms), default=0)
        for room in rooms
        for name in room.node.allocatable
    }

    def share(pod: tuple[Resources, set[str], bool]) -> float:
        return max((need / (largest.get(name) or 1) for name, need in pod[0].items()), default=0.0)

    for requests, names, alone in sorted(pods, key=share, reverse=True):
        room = next((r for r in rooms if r.node.name in names and r.copies(requests)), None)
        if room is None:
            return False
        room.take(requests, ())
        if alone:
            names.discard(room.node.name)
    return True


def _clash(left: HostPort, right: HostPort) -> bool:
    """The scheduler's NodePorts: an address that is not named stands for all of them."""
    same = left[0] == right[0] and left[2] == right[2]
    return same and (not left[1] or not right[1] or left[1] == right[1])
