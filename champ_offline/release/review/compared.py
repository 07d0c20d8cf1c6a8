"""One object of a plan as it is and as it would be: what every question of a review is asked of.

Invariant: pure; `after` is what the API server foretold, and the rendered text where it could not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from champ_offline.cluster.interface import Conflict
from champ_offline.release.objects import Item, Object


class Change(StrEnum):
    """What becomes of one object; REPLACED is deleted and made anew."""

    CREATED = "created"
    CHANGED = "changed"
    REPLACED = "replaced"
    DELETED = "deleted"
    UNCHANGED = "unchanged"


class Role(StrEnum):
    """What an object is to its release."""

    MEMBER = "member"
    HOOK = "hook"
    DEFINITION = "definition"


@dataclass(frozen=True)
class Compared:
    """`live` is None where the object is not there, `after` where it will not be.

    `conflicts` are the fields that would change and that others hold.
    """

    item: Item
    role: Role
    change: Change
    reason: str
    live: Object | None = field(default=None, repr=False)
    after: Object | None = field(default=None, repr=False)
    conflicts: tuple[Conflict, ...] = ()

    @property
    def kind(self) -> str:
        """Such as `Deployment`."""
        return self.item.kind

    @property
    def name(self) -> str:
        """Its metadata.name."""
        return self.item.name

    @property
    def stays(self) -> bool:
        """Whether it is there before and afterwards."""
        return self.live is not None and self.after is not None


def at(value: object, *path: str) -> Any:  # noqa: ANN401 - JSON
    """What lies at `path` in an object; None where there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def table(value: object, *path: str) -> Mapping[str, Any]:
    """The table at `path`; an empty one where there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def rows(value: object, *path: str) -> list[Any]:
    """The tables of the list at `path`; an empty list where there is none."""
    found = at(value, *path)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
