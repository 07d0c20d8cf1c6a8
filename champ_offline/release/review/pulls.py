"""Which nodes still have to pull which images, and how many bytes that is.

Invariant: pure. A node that lists as many images as a kubelet ever tells may have more: there an
image that is not listed is `unknown`, not missing. Bytes count every layer of every image, so they
are the most that can come: layers shared with what a node has are not fetched again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from champ_offline.cluster.interface import Node
from champ_offline.cluster.placement import can_land
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.reference import InvalidReference, Reference
from champ_offline.release.images.digests import Image
from champ_offline.release.review.compared import Change, Compared, Role, rows, table
from champ_offline.release.review.restarts import images


@dataclass(frozen=True)
class Pull:
    """An image and the names of the nodes its pods can land on that lack it, or may lack it."""

    image: str
    digest: Digest
    size: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class NodeLoad:
    """A node with the most bytes that it will pull, and that it may pull besides."""

    node: str
    size: int
    unknown: int


def pulls(
    images_of_plan: Iterable[Image], compared: Iterable[Compared], nodes: Sequence[Node]
) -> tuple[Pull, ...]:
    """One for each image, in their order."""
    users = list(_pods(compared))
    return tuple(_pull(image, users, nodes) for image in images_of_plan)


def loads(found: Sequence[Pull]) -> tuple[NodeLoad, ...]:
    """What each node that pulls or may pull anything has to fetch, by name."""
    names = {name for pull in found for name in (*pull.missing, *pull.unknown)}
    return tuple(
        NodeLoad(
            name,
            sum(pull.size for pull in found if name in pull.missing),
            sum(pull.size for pull in found if name in pull.unknown),
        )
        for name in sorted(names)
    )


@dataclass(frozen=True)
class _User:
    pod: Mapping[str, Any]
    digests: frozenset[str]
    daemon: bool


def _pull(image: Image, users: Sequence[_User], nodes: Sequence[Node]) -> Pull:
    wanting = [user for user in users if str(image.digest) in user.digests]
    places = [
        node
        for node in nodes
        if any(can_land(user.pod, node, daemon=user.daemon) for user in wanting)
    ]
    lacking = [node for node in places if str(image.digest) not in node.images]
    return Pull(
        image.name,
        image.digest,
        image.size,
        tuple(node.name for node in lacking if node.all_images_told),
        tuple(node.name for node in lacking if not node.all_images_told),
    )


def _pods(compared: Iterable[Compared]) -> Iterator[_User]:
    """The pods that objects of the plan make, wherever in the object their spec is."""
    for one in compared:
        if one.change is Change.DELETED or one.role is Role.DEFINITION:
            continue
        for pod in _specs(one.after or one.item.content):
            found = frozenset(filter(None, map(_digest, _texts(pod))))
            yield _User(pod, found, one.kind == "DaemonSet")


def _specs(item: object) -> Iterator[Mapping[str, Any]]:
    """Every table of an object that has containers."""
    if isinstance(item, Mapping):
        if rows(item, "containers"):
            yield item
        else:
            for value in item.values():
                yield from _specs(value)
    elif isinstance(item, list):
        for value in item:
            yield from _specs(value)


def _texts(pod: Mapping[str, Any]) -> Iterator[str]:
    yield from images(pod)
    for volume in rows(pod, "volumes"):
        yield str(table(volume, "image").get("reference", ""))


def _digest(text: str) -> str:
    try:
        found = Reference.parse(text).digest
    except (InvalidReference, InvalidDigest):
        return ""
    return "" if found is None else str(found)
