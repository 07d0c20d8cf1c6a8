"""Compare one release with what is in the cluster.

Invariant: pure; what the API server alone can tell (how it would write a field) comes in as a
Preview of the very apply that Helm would do, as planning asks it (release/actions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from champ_offline.cluster.health import ENDING, RELEASE, state
from champ_offline.cluster.interface import ObjectRefused, Preview
from champ_offline.helm.engine import DEPLOYED
from champ_offline.helm.records import Record
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.release.drift import fields
from champ_offline.release.drift.values import (
    Drift,
    FieldDrift,
    HelmDrift,
    ImageDrift,
    ObjectDrift,
    Standing,
)
from champ_offline.release.managed import added, as_kept
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Item, Key

Object: TypeAlias = dict[str, Any]
# Asks the API server what applying an object anew, over everybody's fields, would make of it.
Ask: TypeAlias = Callable[[Object, str], Preview]

DEFINITION = "CustomResourceDefinition"
NAMESPACE = "meta.helm.sh/release-namespace"
_WITH_CONTAINERS = ("initContainers", "containers")
_STATUSES = ("initContainerStatuses", "containerStatuses")


@dataclass(frozen=True)
class Sealed:
    """A release as it was sealed: the objects, those of its hooks, the definitions of its kinds.

    `helm_revision` is Helm's revision that this zone's last change left.
    """

    release: str
    namespace: str
    helm_revision: int
    items: tuple[Item, ...]
    hooks: tuple[Item, ...]
    definitions: tuple[Item, ...]
    mask: Mask = field(repr=False)

    def owned(self, item: Item) -> Object:
        """The content as Helm applies it."""
        return item.owned_by(self.release, self.namespace)

    @property
    def images(self) -> dict[str, frozenset[Digest]]:
        """The digests that each container, by its name, was sealed with; init containers too."""
        found: dict[str, set[Digest]] = {}
        for item in (*self.items, *self.hooks):
            for one in _containers(item.content):
                digest = _digest(str(one.get("image", "")))
                if digest is not None:
                    found.setdefault(str(one.get("name", "")), set()).add(digest)
        return {name: frozenset(digests) for name, digests in found.items()}


def judge(
    sealed: Sealed,
    live: Mapping[Key, Object],
    pods: Iterable[Object],
    record: Record | None,
    ask: Ask,
) -> Drift:
    """The drift of one release, given every object of its kinds and the pods that are its own."""
    found = [one for item in sealed.items if (one := _object(sealed, item, live, ask)) is not None]
    definitions = [_missing(item) for item in sealed.definitions if item.key not in live]
    return Drift(
        helm=_helm(sealed, record),
        objects=(*definitions, *found, *_extra(sealed, live.values())),
        images=tuple(_images(sealed.images, pods)),
    )


def key_of(item: Object, namespace: str) -> Key:
    """A live object's key, as `Item.key`; objects of the whole cluster count to `namespace`."""
    metadata = item["metadata"]
    group = str(item["apiVersion"]).rpartition("/")[0]
    return (group, item["kind"], str(metadata.get("namespace") or namespace), metadata["name"])


def _object(sealed: Sealed, item: Item, live: Mapping[Key, Object], ask: Ask) -> ObjectDrift | None:
    now = live.get(item.key)
    if now is None:
        return _missing(item)
    wanted = sealed.owned(item)
    kept, reason = as_kept(wanted), ""
    found: list[FieldDrift] = []
    if not fields.within(kept, now):
        try:
            after = ask(wanted, sealed.namespace).after
        except ObjectRefused as error:
            after, reason = None, sealed.mask.text(str(error.fields["reason"]))
        found = [
            fields.told(item.kind, now, path, then, value, sealed.mask)
            for path, then, value in fields.changes(now, after or fields.overlaid(kept, now))
        ]
    known = {one.path for one in found}
    by_hand = [
        fields.told(item.kind, now, path, None, value, sealed.mask)
        for path, value in added(kept, now)
    ]
    found += [one for one in by_hand if one.path not in known]
    if not found and not reason:
        return None
    return _drifted(Standing.CHANGED, item, tuple(found), reason)


def _extra(sealed: Sealed, live: Iterable[Object]) -> Iterator[ObjectDrift]:
    known = {item.key for item in (*sealed.items, *sealed.hooks, *sealed.definitions)}
    for item in live:
        metadata = item["metadata"]
        notes = metadata.get("annotations") or {}
        ours = (notes.get(RELEASE), notes.get(NAMESPACE)) == (sealed.release, sealed.namespace)
        # A controller's objects may copy the annotations of what they were made for.
        if ours and not metadata.get("ownerReferences"):
            key = key_of(item, sealed.namespace)
            if key not in known:
                yield ObjectDrift(Standing.EXTRA, item["apiVersion"], *key[1:])


def _helm(sealed: Sealed, record: Record | None) -> HelmDrift | None:
    expected = sealed.helm_revision
    if record is None:
        return HelmDrift(0, expected, "", "", "", "")
    if record.revision == expected and record.status == DEPLOYED:
        return None
    return HelmDrift(
        record.revision,
        expected,
        record.status,
        sealed.mask.text(record.description),
        record.modified,
        record.manager,
    )


def _images(
    sealed: Mapping[str, frozenset[Digest]], pods: Iterable[Object]
) -> Iterator[ImageDrift]:
    """Containers of the sealed names alone: what others put into a pod is not of the release."""
    for pod in pods:
        if state(pod).reason == ENDING:
            continue
        statuses = [one for key in _STATUSES for one in pod.get("status", {}).get(key) or []]
        for one in statuses:
            running = _digest(str(one.get("imageID", "")))
            wanted = sealed.get(str(one.get("name", "")), frozenset())
            if running is not None and wanted and running not in wanted:
                told = ", ".join(sorted(map(str, wanted)))
                yield ImageDrift(pod["metadata"]["name"], one["name"], told, str(running))


def _containers(item: object) -> Iterator[Object]:
    """The containers below an object's pod templates, wherever a kind keeps them."""
    if isinstance(item, Mapping):
        for key, value in item.items():
            if key in _WITH_CONTAINERS and isinstance(value, list):
                yield from (one for one in value if isinstance(one, dict))
            else:
                yield from _containers(value)
    elif isinstance(item, Sequence) and not isinstance(item, str):
        for value in item:
            yield from _containers(value)


def _digest(image: str) -> Digest | None:
    """What a reference or an image id is held to; a bare id of a local image says nothing."""
    try:
        return Digest.parse(image.rpartition("@")[2]) if "@" in image else None
    except InvalidDigest:
        return None


def _missing(item: Item) -> ObjectDrift:
    return _drifted(Standing.MISSING, item)


def _drifted(
    standing: Standing, item: Item, found: tuple[FieldDrift, ...] = (), reason: str = ""
) -> ObjectDrift:
    return ObjectDrift(
        standing, item.api_version, item.kind, item.namespace, item.name, found, reason
    )
