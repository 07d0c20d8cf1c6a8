"""Whether an object is still held by Helm as Helm applied it (Kubernetes' managedFields).

Invariant: pure, and never True in doubt. Whoever changes a field that Helm set takes it from Helm's
entry, also one that changes it back, and so does who adds to a list or table that is held whole. So
an object that has all that was applied, in value and in holder, is as an apply would leave it.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from champ_offline.cluster.interface import FIELD_MANAGER

Object: TypeAlias = dict[str, Any]

_IDENTITY = frozenset({"apiVersion", "kind"})
_NAMING = frozenset({"name", "namespace"})


def held(wanted: Object, live: Object) -> bool:
    """Whether Helm's entry of `live` has every field of `wanted`, the object as Helm applies it."""
    entries = [
        entry.get("fieldsV1") or {}
        for entry in live["metadata"].get("managedFields") or []
        if (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply")
        and not entry.get("subresource")
    ]
    metadata = {key: one for key, one in wanted["metadata"].items() if key not in _NAMING}
    rest = {key: one for key, one in wanted.items() if key not in {*_IDENTITY, "metadata"}}
    return len(entries) == 1 and _has(entries[0], {**rest, "metadata": metadata})


def _has(fields: Object, value: Any) -> bool:  # noqa: ANN401 (any JSON value)
    """Whether a FieldsV1 tree has all of a value, or holds it as a whole."""
    if not fields:
        return True
    if isinstance(value, Mapping):
        return all(f"f:{key}" in fields and _has(fields[f"f:{key}"], value[key]) for key in value)
    if isinstance(value, list):
        return all(_has_item(fields, item) for item in value)
    return True


def _has_item(fields: Object, item: Any) -> bool:  # noqa: ANN401 (any JSON value)
    """Whether an item of a list is there, by its keys or (in a list that is a set) by its value."""
    if not isinstance(item, Mapping):
        return f"v:{json.dumps(item, separators=(',', ':'), ensure_ascii=False)}" in fields
    return any(
        _is_keyed(key, item) and _has(below, item)
        for key, below in fields.items()
        if key.startswith("k:")
    )


def _is_keyed(key: str, item: Mapping[str, Any]) -> bool:
    """Whether it is the item's key; a part of it may be a default, and not in the item itself."""
    parts = json.loads(key[2:])
    return all(item.get(name, value) == value for name, value in parts.items())
