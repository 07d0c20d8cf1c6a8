"""Fields of an object: which of them differ, and who holds them (Kubernetes' managedFields).

Invariant: pure. A field that the sealed object does not set and that some controller does is handed
over, not drift; one that a person added with kubectl is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from champ_offline.release.differences import essence
from champ_offline.release.drift.values import FieldDrift
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.managed import Path, dotted, managers
from champ_offline.release.masks import CHANGED, Mask

Object: TypeAlias = dict[str, Any]

_NAME = "name"
_SECRET_PARTS = frozenset({"data", "stringData"})
_SHOWN = 200


def within(sealed: Any, live: Any) -> bool:  # noqa: ANN401 (any JSON value)
    """Whether all that `sealed` says stands in `live` word for word.

    False may also mean that the API server writes a value differently: then a dry run tells.
    """
    if isinstance(sealed, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and within(value, live[key]) for key, value in sealed.items()
        )
    if isinstance(sealed, list):
        return isinstance(live, list) and _list_within(sealed, live)
    return type(sealed) is type(live) and bool(sealed == live)


def changes(live: Object, after: Object) -> Iterator[tuple[Path, Any, Any]]:
    """Each field that applying would change: its path, its value after and now (None: absent)."""
    yield from _walk((), essence(after), essence(live))


def overlaid(sealed: Any, live: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """About what applying would give, for an object of which the API server does not say so."""
    if isinstance(sealed, dict) and isinstance(live, dict):
        return {**live, **{key: overlaid(value, live.get(key)) for key, value in sealed.items()}}
    if isinstance(sealed, list) and isinstance(live, list) and _named(sealed) and _named(live):
        found = {item[_NAME]: item for item in live}
        wanted = {item[_NAME]: overlaid(item, found.get(item[_NAME])) for item in sealed}
        return [*wanted.values(), *(item for name, item in found.items() if name not in wanted)]
    return sealed


def told(kind: str, live: Object, path: Path, sealed: Any, now: Any, mask: Mask) -> FieldDrift:  # noqa: ANN401
    """The field for people, with every secret in it hidden."""
    hidden = kind == "Secret" and path[:1] and path[0] in _SECRET_PARTS
    texts = [_hidden(value) if hidden else _text(value, mask) for value in (sealed, now)]
    if hidden and sealed is not None and now is not None:
        texts[1] = CHANGED
    return FieldDrift(mask.text(dotted(path)), texts[0], texts[1], managers(live, path))


def _list_within(sealed: list[Any], live: list[Any]) -> bool:
    if _named(sealed) and _named(live):
        found = {item[_NAME]: item for item in live}
        return all(item[_NAME] in found and within(item, found[item[_NAME]]) for item in sealed)
    pairs = zip(sealed, live, strict=False)
    return len(sealed) == len(live) and all(within(one, other) for one, other in pairs)


def _named(items: list[Any]) -> bool:
    names = [item.get(_NAME) for item in items if isinstance(item, Mapping)]
    whole = len(names) == len(items) and all(isinstance(name, str) for name in names)
    return whole and len(set(names)) == len(names)


def _walk(path: Path, after: Any, now: Any) -> Iterator[tuple[Path, Any, Any]]:  # noqa: ANN401
    if isinstance(after, dict) and isinstance(now, dict):
        for key in sorted({*after, *now}):
            yield from _walk((*path, key), after.get(key), now.get(key))
    elif isinstance(after, list) and isinstance(now, list) and _named(after) and _named(now):
        wanted, found = ({item[_NAME]: item for item in items} for items in (after, now))
        for name in sorted({*wanted, *found}):
            yield from _walk((*path, (_NAME, name)), wanted.get(name), found.get(name))
    elif isinstance(after, list) and isinstance(now, list) and len(after) == len(now):
        for number, pair in enumerate(zip(after, now, strict=True)):
            yield from _walk((*path, number), *pair)
    elif after != now:
        yield path, after, now


def _text(value: Any, mask: Mask) -> str:  # noqa: ANN401
    if value is None:
        return ""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return mask.text(whole)[:_SHOWN]


def _hidden(value: object) -> str:
    return "" if value is None else HIDDEN
