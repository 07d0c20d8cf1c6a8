"""What a plan does besides changing objects: volumes, definitions, hooks, settings not yet seen.

Invariant: pure; an effect is an id with fields, never prose; front-ends have the words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from champ_offline.cluster.quantity import amount
from champ_offline.errors import Phrase, Unfit
from champ_offline.helm import manifests
from champ_offline.release.review import volumes
from champ_offline.release.review.compared import Change, Compared, Role, at, rows, table
from champ_offline.release.review.immutable import contains
from champ_offline.release.review.restarts import images, unseen
from champ_offline.release.review.volumes import CLAIM

DEFINITION = "CustomResourceDefinition"
_WEIGHT = f"{manifests.HOOK}-weight"
_POLICY = f"{manifests.HOOK}-delete-policy"
# What Helm does where a hook says nothing.
_USUAL_POLICY = "before-hook-creation"


class Happens(StrEnum):
    """What an effect is; `fields` of each in `_FIELDS`."""

    NAMESPACE_MADE = "namespace-made"
    DEFINITION_MADE = "definition-made"
    DEFINITION_LEFT = "definition-left"  # it differs, and Helm leaves it as it is
    VOLUME_MADE = "volume-made"
    VOLUME_REUSED = "volume-reused"  # one is there, with what is in it
    VOLUME_GROWN = "volume-grown"
    VOLUME_KEPT = "volume-kept"
    VOLUME_RELABELLED = "volume-relabelled"  # its labels and annotations alone differ
    VOLUME_DELETED = "volume-deleted"
    HOOK_RUNS = "hook-runs"
    SETTINGS_SEEN = "settings-seen"  # by running pods, after a while
    SETTINGS_UNSEEN = "settings-unseen"  # until its pods restart


_FIELDS: Mapping[Happens, frozenset[str]] = {
    Happens.VOLUME_MADE: frozenset({"size", "storage_class"}),
    Happens.VOLUME_GROWN: frozenset({"before", "after"}),
    Happens.HOOK_RUNS: frozenset({"events", "weight", "policy", "runs"}),
    Happens.SETTINGS_SEEN: frozenset({"workload"}),
    Happens.SETTINGS_UNSEEN: frozenset({"workload"}),
}


@dataclass(frozen=True)
class Effect:
    """What happens, to which object; raises ValueError for fields that are not those of its id."""

    happens: Happens
    kind: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.fields.keys() != _FIELDS.get(self.happens, frozenset()):
            raise Unfit(Phrase("the fields of effect “{name}” are others", name=self.happens))


def effects(
    compared: Sequence[Compared],
    claims: Collection[str],
    *,
    removal: bool,
    new_namespace: str = "",
) -> tuple[Effect, ...]:
    """All effects, in the order of the objects; `claims` are the names of those there now."""
    found: list[Effect] = []
    if new_namespace:
        found.append(Effect(Happens.NAMESPACE_MADE, "Namespace", new_namespace))
    for one in compared:
        found += _definition(one)
        found += _claim(one, removal=removal)
        found += _set(one, claims)
        found += _hook(one)
    return (*found, *_settings(compared))


def _definition(one: Compared) -> Iterator[Effect]:
    if one.kind != DEFINITION:
        return
    if one.change is Change.CREATED:
        yield Effect(Happens.DEFINITION_MADE, one.kind, one.name)
    elif one.role is Role.DEFINITION and not contains(
        table(one.live, "spec"), table(one.item.content, "spec")
    ):
        yield Effect(Happens.DEFINITION_LEFT, one.kind, one.name)


def _claim(one: Compared, *, removal: bool) -> Iterator[Effect]:
    if one.kind != CLAIM or one.role is Role.HOOK:
        return
    if one.change is Change.DELETED:
        yield Effect(Happens.VOLUME_DELETED, CLAIM, one.name)
    elif one.change is Change.CREATED:
        yield _made(volumes.claim(one.name, one.item.content))
    elif grown := growth(one):
        before, after = grown
        yield Effect(Happens.VOLUME_GROWN, CLAIM, one.name, {"before": before, "after": after})
    elif removal or one.after is None:
        yield Effect(Happens.VOLUME_KEPT, CLAIM, one.name)
    elif one.change is Change.CHANGED and volumes.is_relabelled(one):
        yield Effect(Happens.VOLUME_RELABELLED, CLAIM, one.name)


def growth(one: Compared) -> tuple[str, str] | None:
    """The sizes of a claim that becomes larger, before and after."""
    if one.kind != CLAIM or not one.stays:
        return None
    before = volumes.claim(one.name, one.live or {}).size
    after = volumes.claim(one.name, one.after or {}).size
    return (before, after) if amount(after) > amount(before) else None


def _set(one: Compared, there: Collection[str]) -> Iterator[Effect]:
    """The claims that a StatefulSet makes for pods it did not have, and those that go with it."""
    if one.kind != "StatefulSet":
        return
    before = {found.name for found in volumes.claims(one.live)} if one.live else set()
    after = list(volumes.claims(one.after)) if one.after else []
    for found in after:
        if found.name in there and found.name not in before:
            yield Effect(Happens.VOLUME_REUSED, CLAIM, found.name)
        elif found.name not in there:
            yield _made(found)
    yield from (Effect(Happens.VOLUME_DELETED, CLAIM, name) for name in lost_claims(one, there))


def lost_claims(one: Compared, there: Collection[str]) -> tuple[str, ...]:
    """The claims that go with a StatefulSet or its pods, where it says so."""
    if one.kind != "StatefulSet" or one.live is None:
        return ()
    before = [found.name for found in volumes.claims(one.live) if found.name in there]
    if one.change is Change.DELETED:
        return tuple(before) if volumes.deletes(one.live, "whenDeleted") else ()
    if one.after is None or not volumes.deletes(one.after, "whenScaled"):
        return ()
    kept = {found.name for found in volumes.claims(one.after)}
    return tuple(name for name in before if name not in kept)


def _made(found: volumes.Claim) -> Effect:
    told = {"size": found.size, "storage_class": found.storage_class}
    return Effect(Happens.VOLUME_MADE, CLAIM, found.name, told)


def _hook(one: Compared) -> Iterator[Effect]:
    if one.role is not Role.HOOK:
        return
    notes = manifests.annotations_of(one.item.content)
    told = {
        "events": ", ".join(one.item.hook),
        "weight": notes.get(_WEIGHT, "0"),
        "policy": notes.get(_POLICY, _USUAL_POLICY),
        "runs": ", ".join(_runs(one.item.content)),
    }
    yield Effect(Happens.HOOK_RUNS, one.kind, one.name, told)


def _runs(item: Mapping[str, Any]) -> Iterator[str]:
    """What the pods of a hook run, container by container: its command, or its image's own."""
    path = ("spec",) if item["kind"] == "Pod" else ("spec", "template", "spec")
    pod = table(item, *path)
    texts = images(pod)
    containers = [*rows(pod, "initContainers"), *rows(pod, "containers")]
    for container, image in zip(containers, texts, strict=True):
        words = [*_words(container, "command"), *_words(container, "args")]
        yield " ".join(words) or image


def _words(container: Mapping[str, Any], key: str) -> list[str]:
    found = at(container, key)
    return [" ".join(str(word).split()) for word in found] if isinstance(found, list) else []


def _settings(compared: Iterable[Compared]) -> Iterator[Effect]:
    for workload, config, seen in unseen(compared):
        happens = Happens.SETTINGS_SEEN if seen else Happens.SETTINGS_UNSEEN
        told = {"workload": f"{workload.kind} {workload.name}"}
        yield Effect(happens, config.kind, config.name, told)
