"""What a rollback does not undo, and why.

Invariant: pure; every entry is an id with fields, never prose. What may happen but need not (an app
that converts its data) has an id of its own, so that nothing uncertain is told as certain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from champ_offline.errors import Phrase, Unfit
from champ_offline.release.review import volumes
from champ_offline.release.review.compared import Change, Compared, Role, table
from champ_offline.release.review.effects import DEFINITION, growth, lost_claims
from champ_offline.release.review.restarts import TEMPLATED, images, runs
from champ_offline.release.review.volumes import CLAIM

_RUNNING = frozenset({"Job", "Pod"})
_POD = ("spec", "template", "spec")


class Why(StrEnum):
    """Why something cannot be undone; `fields` of each in `_FIELDS`."""

    VOLUME_DELETED = "volume-deleted"
    DATA_DELETED = "data-deleted"  # content that the release did not put there
    DEFINITION_DELETED = "definition-deleted"  # with all objects of its kind
    NO_WAY_BACK = "no-way-back"  # the app says so of its versions
    DEFINITION_MADE = "definition-made"  # Helm never takes it away
    VOLUME_GROWN = "volume-grown"
    HOOK_RUNS = "hook-runs"
    DATA_CONVERTED = "data-converted"  # possibly, by the other version of the app
    RELEASE_REMOVED = "release-removed"  # it returns as a new installation only


_FIELDS: Mapping[Why, frozenset[str]] = {
    Why.VOLUME_GROWN: frozenset({"before", "after"}),
    Why.HOOK_RUNS: frozenset({"events"}),
    Why.NO_WAY_BACK: frozenset({"before", "after", "en", "zh"}),
}


@dataclass(frozen=True)
class Irreversible:
    """What stays as the plan leaves it; raises ValueError for fields not those of its id."""

    why: Why
    kind: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.fields.keys() != _FIELDS.get(self.why, frozenset()):
            raise Unfit(Phrase("the fields of “{name}” are others", name=self.why))


def irreversible(
    compared: Sequence[Compared], claims: Collection[str], *, removed: str = ""
) -> tuple[Irreversible, ...]:
    """Everything, the gravest first; `removed` is the release's name where it is removed."""
    found = [entry for one in compared for entry in _entries(one, claims)]
    if removed:
        found.append(Irreversible(Why.RELEASE_REMOVED, "release", removed))
    return in_order(found)


def in_order(entries: Iterable[Irreversible]) -> tuple[Irreversible, ...]:
    """The gravest first."""
    order = list(Why)
    return tuple(sorted(entries, key=lambda entry: order.index(entry.why)))


def no_way_back(app: str, before: str, after: str, said: Mapping[str, str]) -> Irreversible:
    """What an app's author says of two of its versions; `said` are the reasons by language."""
    told = {"before": before, "after": after, "en": said["en"], "zh": said["zh"]}
    return Irreversible(Why.NO_WAY_BACK, "app", app, told)


def _entries(one: Compared, claims: Collection[str]) -> Iterator[Irreversible]:
    if one.role is Role.HOOK:
        if one.kind in _RUNNING:
            told = {"events": ", ".join(one.item.hook)}
            yield Irreversible(Why.HOOK_RUNS, one.kind, one.name, told)
        return
    for name in lost_claims(one, claims):
        yield Irreversible(Why.VOLUME_DELETED, CLAIM, name)
    if one.change is Change.DELETED:
        yield from _deleted(one)
    elif one.change is Change.CREATED and one.role is Role.DEFINITION:
        yield Irreversible(Why.DEFINITION_MADE, one.kind, one.name)
    elif grown := growth(one):
        told = {"before": grown[0], "after": grown[1]}
        yield Irreversible(Why.VOLUME_GROWN, one.kind, one.name, told)
    elif one.stays and volumes.has_volumes(one.after or {}) and _other_image(one):
        yield Irreversible(Why.DATA_CONVERTED, one.kind, one.name)


def _deleted(one: Compared) -> Iterator[Irreversible]:
    if one.kind == CLAIM:
        yield Irreversible(Why.VOLUME_DELETED, one.kind, one.name)
    elif one.kind == DEFINITION:
        yield Irreversible(Why.DEFINITION_DELETED, one.kind, one.name)
    elif one.kind in {"ConfigMap", "Secret"} and _foreign(one):
        yield Irreversible(Why.DATA_DELETED, one.kind, one.name)


def _other_image(one: Compared) -> bool:
    """Whether its pods come up with other images, also where none is there at this moment."""
    before, after = (images(table(it, *_POD)) for it in (one.live, one.after))
    return one.kind in TEMPLATED and runs(one.after or {}) and before != after


def _foreign(one: Compared) -> bool:
    """Whether the live object holds keys that the release did not give it."""
    content = one.item.content
    given = {key for part in ("data", "stringData", "binaryData") for key in table(content, part)}
    held = {key for part in ("data", "binaryData") for key in table(one.live, part)}
    return bool(held - given)
