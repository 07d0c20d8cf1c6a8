"""What somebody answers otherwise than before, place by place.

Invariant: pure. No secret is shown: a text that is one, or holds one, is told as hidden. Tables of
a list that have names are known again by them, so that one taken out does not move the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from champ_offline.release.hiding import HIDDEN
from champ_offline.release.masks import CHANGED, Mask

_NAME = "name"
Places: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One place of the answers: `before` and `after` as text, empty where nothing was answered.

    `path` is such as `users[admin].role`; a text that is empty itself is `""`.
    """

    path: str
    before: str
    after: str


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], secrets: Iterable[str]
) -> tuple[Answer, ...]:
    """Every place that differs, in the order of `after`, what was taken out last.

    `secrets` are the secret texts of both sides.
    """
    hidden = frozenset(secrets)
    old, new = dict(_places(before, "")), dict(_places(after, ""))
    mask = Mask(hidden)
    return tuple(
        _answer(path, old, new, hidden, mask)
        for path in dict.fromkeys((*new, *old))
        if path not in old or path not in new or not _same(old[path], new[path])
    )


def _answer(path: str, old: Places, new: Places, secrets: frozenset[str], mask: Mask) -> Answer:
    before, after = (_shown(side, path, secrets, mask) for side in (old, new))
    if before == after:  # only what is hidden in it differs
        after = CHANGED
    return Answer(mask.text(path), before, after)


def _shown(side: Places, path: str, secrets: frozenset[str], mask: Mask) -> str:
    if path not in side:
        return ""
    value = side[path]
    if isinstance(value, str):
        return HIDDEN if value in secrets else mask.text(value) or '""'
    return mask.text(json.dumps(value, ensure_ascii=False))


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _places(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Each single value with its path; an empty list or table is one itself."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _places(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for mark, item in zip(_marks(value), value, strict=True):
            yield from _places(item, f"{path}[{mark}]")
    elif path:
        yield path, value


def _marks(items: list[Any]) -> list[str]:
    """How the entries of a list are called: by their names where all have one of their own."""
    names = [item.get(_NAME) if isinstance(item, Mapping) else None for item in items]
    named = all(isinstance(name, str) and name for name in names)
    if named and len(set(names)) == len(names):
        return [str(name) for name in names]
    return [str(number) for number in range(len(items))]
