"""Kubernetes' managedFields: which fields of an object there are, and who holds which.

Invariant: pure. A path is a tuple of keys; an item of a list that is told apart by name is
`("name", "web")`.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/, and FieldsV1 in
sigs.k8s.io/structured-merge-diff.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]
Step: TypeAlias = str | int | tuple[str, str]
Path: TypeAlias = tuple[Step, ...]

NOTHING = object()
"""No value, not even null."""
_NAME = "name"
_BY_HAND = "kubectl"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def managers(live: Object, path: Path) -> tuple[str, ...]:
    """Who holds the field at `path` now, sorted; empty where nobody does."""
    return tuple(
        sorted(
            {
                str(entry.get("manager", ""))
                for entry in live["metadata"].get("managedFields") or []
                if entry.get("fieldsV1") and _holds(entry["fieldsV1"], path)
            }
        )
    )


def leaves(fields: Object, path: Path) -> Iterator[Path]:
    """The paths of a FieldsV1 tree that end there; items of sets and lists without names do too."""
    for key, below in fields.items():
        step = _step(key)
        if step is None:
            continue
        rest = {name: value for name, value in below.items() if name != "."}
        if rest and all(_step(name) is not None for name in rest):
            yield from leaves(below, (*path, step))
        else:
            yield (*path, step)


def value_at(item: Any, path: Path) -> Any:  # noqa: ANN401
    """What lies at `path`; NOTHING where there is nothing."""
    for step in path:
        if isinstance(step, tuple):
            found = [one for one in item if one.get(_NAME) == step[1]] if _is_table(item) else []
            item = found[0] if found else NOTHING
        else:
            item = item.get(step, NOTHING) if isinstance(item, Mapping) else NOTHING
        if item is NOTHING:
            return NOTHING
    return item


def dotted(path: Path) -> str:
    """A path for people: `spec.template.spec.containers[name=web].image`."""
    text = ""
    for step in path:
        if isinstance(step, tuple):
            text += f"[{step[0]}={step[1]}]"
        elif isinstance(step, int) or not _PLAIN.issuperset(step):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def as_kept(wanted: Object) -> Object:
    """A Secret's plain texts as the API server keeps them; any other object as it is."""
    if wanted["kind"] != "Secret" or not wanted.get("stringData"):
        return wanted
    coded = {
        key: base64.b64encode(str(value).encode()).decode()
        for key, value in wanted["stringData"].items()
    }
    rest = {key: value for key, value in wanted.items() if key != "stringData"}
    return {**rest, "data": {**(wanted.get("data") or {}), **coded}}


def added(sealed: Object, live: Object) -> Iterator[tuple[Path, Any]]:
    """Fields that somebody put into `live` with kubectl and `sealed` knows nothing of."""
    seen: set[Path] = set()
    for entry in live["metadata"].get("managedFields") or []:
        if not str(entry.get("manager", "")).startswith(_BY_HAND) or entry.get("subresource"):
            continue
        for path in leaves(entry.get("fieldsV1") or {}, ()):
            value = value_at(live, path)
            if path not in seen and value_at(sealed, path) is NOTHING and value is not NOTHING:
                seen.add(path)
                if path[-1:] != (_LAST_APPLIED,):
                    yield path, value


def _step(key: str) -> Step | None:
    if key.startswith("f:"):
        return key[2:]
    if key.startswith("k:"):
        name = json.loads(key[2:]).get(_NAME)
        return (_NAME, name) if isinstance(name, str) else None
    return None


def _holds(fields: Object, path: Path) -> bool:
    """Whether a FieldsV1 tree has `path`, or ends above it at a value that is held as a whole."""
    if not path or not fields:
        return True
    step = path[0]
    if isinstance(step, int):  # FieldsV1 knows items by their keys or values, never by number
        inside = (below for key, below in fields.items() if key.startswith(("k:", "v:", "i:")))
        return any(_holds(below, path[1:]) for below in inside)
    below = next((value for key, value in fields.items() if _step(key) == step), None)
    return below is not None and _holds(below, path[1:])


def _is_table(items: object) -> bool:
    return isinstance(items, list) and all(isinstance(one, Mapping) for one in items)
