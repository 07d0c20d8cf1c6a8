"""The nodes themselves: whether they pull from the registry, have room for images, and are well.

Invariant: from here nobody can look into a node, so this gives warnings alone: a node is taken to
reach the registry when it holds an image that the zone serves, otherwise nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight, listed
from champ_offline.preflight.eligible import hindrance
from champ_offline.preflight.facts import Facts, NodeFacts
from champ_offline.preflight.resources import STORAGE, shown

UNPROVEN = Sort(
    "registry.unproven",
    Weight.WARNING,
    "Whether nodes {nodes} can pull from the registry was not seen: none holds an image of this"
    " release.",
    "A node that does not find the registry by name, or does not trust it, starts no pod.",
    "Run `champ registry doctor` on these nodes, unless apps of this zone run there already.",
)
LITTLE_ROOM = Sort(
    "nodes.little-room",
    Weight.WARNING,
    "Node {subject} has still to pull {size} of images, packed, and about {free} is free there.",
    "A node that runs out of space removes pods, of other apps too.",
    "Free space on the node, or give it a larger disk for images.",
)
PRESSURE = Sort(
    "nodes.pressure",
    Weight.WARNING,
    "Node {subject} reports {pressures}.",
    "It takes no pods as long as that lasts, and removes some.",
    "See what fills it before anything is changed: `kubectl describe node {subject}`.",
)
NOT_READY = Sort(
    "nodes.not-ready",
    Weight.WARNING,
    "Node {subject} is not ready.",
    "Pods that were on it are missing or run twice, and what is changed now meets less room.",
    "See `kubectl describe node {subject}`; change the release when the node is back.",
)
SORTS = (UNPROVEN, LITTLE_ROOM, PRESSURE, NOT_READY)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Concerns of nodes that could run a pod of the release, and of those that are not well."""
    for node in facts.nodes:
        if not node.ready:
            yield NOT_READY.of(node.name)
        elif node.pressures:
            yield PRESSURE.of(node.name, pressures=", ".join(node.pressures))
    taking = [node for node in facts.nodes if node.ready and _takes(planned, node)]
    digests = {digest for digest, _ in planned.images}
    strange = [node.name for node in taking if not digests & node.images]
    if strange and digests:
        yield UNPROVEN.of(planned.release, nodes=listed(strange))
    for node in taking:
        yield from _room(planned, node)


def _takes(planned: Planned, node: NodeFacts) -> bool:
    every = (*planned.workloads, *planned.hook_workloads)
    return any(one.pods and not hindrance(one, node) for one in every)


def _room(planned: Planned, node: NodeFacts) -> Iterator[Concern]:
    missing = sum(size for digest, size in planned.images if digest not in node.images)
    disk = node.allocatable.get(STORAGE, 0)
    free = disk - node.image_bytes
    if disk and missing > free:
        size, left = shown(STORAGE, missing), shown(STORAGE, max(0, free))
        yield LITTLE_ROOM.of(node.name, size=size, free=left)
