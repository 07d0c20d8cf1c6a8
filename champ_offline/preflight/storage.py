"""Whether volumes can be had: their class, a default, a size, access modes, what is free.

Invariant: blocks only claims that nothing could ever bind: no such class and no free volume of its
name. Claims that are there already, and those of running StatefulSets, are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import ClassFacts, Facts
from champ_offline.preflight.resources import measured, shown
from champ_offline.preflight.shapes import (
    Object,
    at,
    entries,
    name,
    namespace,
    text,
    texts,
    whole,
)

_PENDING = "The volume stays pending and with it every pod that uses it."
_BETA = "volume.beta.kubernetes.io/storage-class"
# Provisioners whose volumes only one node can reach: their own documentation says so.
_ONE_NODE = {"rancher.io/local-path": "ReadWriteOnce, ReadWriteOncePod"}
_SHARED = frozenset({"ReadWriteMany", "ReadOnlyMany"})

NO_CLASS = Sort(
    "storage.class-unknown",
    Weight.BLOCKING,
    "{subject} wants storage class {class_}, which the cluster does not have.",
    _PENDING,
    "Name one of the cluster's classes in the answers: {classes}.",
)
NO_DEFAULT = Sort(
    "storage.no-default",
    Weight.BLOCKING,
    "{subject} names no storage class, and none of the cluster's is marked as the default.",
    _PENDING,
    "Name a storage class in the answers ({classes}), or mark one as the default.",
)
NO_VOLUME = Sort(
    "storage.no-volume",
    Weight.BLOCKING,
    "{subject} wants {size} of class {class_}, whose volumes are made by hand; none that is free"
    " fits.",
    _PENDING,
    "Make a persistent volume of that class and size, or choose another class in the answers.",
)
NO_SIZE = Sort(
    "storage.no-size",
    Weight.BLOCKING,
    "{subject} does not say how large its volume is to be.",
    "Kubernetes refuses a claim without a size.",
    "Give its size in the answers.",
)
MODE = Sort(
    "storage.access-mode",
    Weight.WARNING,
    "{subject} wants {modes}; volumes of class {class_} ({provisioner}) can do {can}.",
    "Such a volume is often never made, or only pods on one node can use it.",
    "Choose a class for shared volumes in the answers, or ReadWriteOnce.",
)
ONE_NODE = Sort(
    "storage.one-node",
    Weight.WARNING,
    "{subject} runs {count} pods that share the volume {claim}, which one node at a time can use.",
    "Pods that come to another node wait for it without end.",
    "Use one replica, or a class for shared volumes.",
)
LITTLE = Sort(
    "storage.little-free",
    Weight.WARNING,
    "{subject} wants {size}; the largest piece free in class {class_} is {free}.",
    "The volume may not be made, and the pods that use it stay pending.",
    "Free some storage, or ask for less in the answers.",
)
SORTS = (NO_CLASS, NO_DEFAULT, NO_VOLUME, NO_SIZE, MODE, ONE_NODE, LITTLE)


@dataclass(frozen=True)
class _Claim:
    """A claim to be made; `storage_class` is None where the default is meant."""

    subject: str
    name: str
    storage_class: str | None
    size: int
    modes: tuple[str, ...]


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Concerns of claims that are still to be made, and of pods that share one."""
    brought = {name(item) for item in planned.of("StorageClass", hooks=True)}
    defaults = any(one.default for one in facts.classes) or any(
        "storageclass.kubernetes.io/is-default-class" in str(item)
        for item in planned.of("StorageClass", hooks=True)
    )
    for claim in _claims(planned, facts):
        if not claim.size:
            yield NO_SIZE.of(claim.subject)
        elif facts.saw("StorageClass", "PersistentVolume") and claim.storage_class not in brought:
            yield from _of(claim, facts, defaults=defaults)
    yield from _shared(planned)


def _claims(planned: Planned, facts: Facts) -> Iterator[_Claim]:
    there = set(facts.claims) if facts.saw("PersistentVolumeClaim") else None
    for item in planned.here(planned.of("PersistentVolumeClaim", hooks=True)):
        if there is not None and name(item) not in there:
            yield _claim(item, f"PersistentVolumeClaim {name(item)}", name(item))
    for item in planned.here(planned.of("StatefulSet")):
        running = ("StatefulSet", namespace(item), name(item)) in planned.running
        if running or there is None or whole(item, "spec", "replicas") == 0:
            continue
        for template in entries(item, "spec", "volumeClaimTemplates"):
            first = f"{name(template)}-{name(item)}-0"
            if first not in there:
                yield _claim(template, f"StatefulSet {name(item)} ({name(template)})", first)


def _claim(item: Object, subject: str, called: str) -> _Claim:
    given = at(item, "spec", "storageClassName")
    old = at(item, "metadata", "annotations", _BETA)
    named = given if isinstance(given, str) else old
    asked = at(item, "spec", "resources", "requests", "storage")
    return _Claim(
        subject=subject,
        name=called,
        storage_class=named if isinstance(named, str) else None,
        size=measured("storage", asked),
        modes=tuple(texts(item, "spec", "accessModes")),
    )


def _of(claim: _Claim, facts: Facts, *, defaults: bool) -> Iterator[Concern]:
    every = ", ".join(one.name for one in facts.classes) or "-"
    found = _class(claim, facts.classes)
    if claim.storage_class is None and found is None:
        if not defaults and not _by_hand(claim, "", facts):
            yield NO_DEFAULT.of(claim.subject, classes=every)
        return
    named = claim.storage_class if claim.storage_class is not None else found and found.name
    if found is None and named:
        if not _by_hand(claim, named, facts):
            yield NO_CLASS.of(claim.subject, class_=named, classes=every)
    elif found is None or found.static:
        if not _by_hand(claim, named or "", facts):
            size = shown("storage", claim.size)
            yield NO_VOLUME.of(claim.subject, size=size, class_=named or "“”")
    else:
        yield from _made(claim, found, facts)


def _made(claim: _Claim, found: ClassFacts, facts: Facts) -> Iterator[Concern]:
    """A volume that a provisioner makes."""
    free = facts.free_storage.get(found.name)
    if free is not None and free < claim.size:
        size, left = shown("storage", claim.size), shown("storage", free)
        yield LITTLE.of(claim.subject, size=size, class_=found.name, free=left)
    shared = _SHARED & set(claim.modes)
    if shared and found.provisioner in _ONE_NODE:
        yield MODE.of(
            claim.subject,
            modes=", ".join(sorted(shared)),
            class_=found.name,
            provisioner=found.provisioner,
            can=_ONE_NODE[found.provisioner],
        )


def _class(claim: _Claim, classes: Iterable[ClassFacts]) -> ClassFacts | None:
    if claim.storage_class is None:
        return next((one for one in classes if one.default), None)
    return next((one for one in classes if one.name == claim.storage_class), None)


def _by_hand(claim: _Claim, storage_class: str, facts: Facts) -> bool:
    """Whether a volume that is there could be bound."""
    whose = f"{facts.namespace}/{claim.name}"
    return any(
        one.storage_class == storage_class
        and one.size >= claim.size
        and set(claim.modes) <= one.modes
        and ((one.free and one.claim in {"", whose}) or one.claim == whose)
        for one in facts.volumes
    )


def _shared(planned: Planned) -> Iterator[Concern]:
    """Deployments whose pods all use one volume that only one node can use."""
    single = {
        name(item)
        for item in planned.of("PersistentVolumeClaim")
        if set(texts(item, "spec", "accessModes")) == {"ReadWriteOnce"}
    }
    for one in planned.workloads:
        for volume in entries(one.spec, "volumes") if one.kind == "Deployment" else ():
            claim = text(volume, "persistentVolumeClaim", "claimName")
            if claim in single and one.pods > 1:
                yield ONE_NODE.of(one.subject, count=one.pods, claim=claim)
