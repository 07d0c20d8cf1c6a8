"""Who holds which fields, as a simulated API server keeps it (FieldsV1)."""

from __future__ import annotations

from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


def held(item: Object) -> Object:
    """The FieldsV1 of what was applied, lists held as a whole."""
    return {
        f"f:{key}": held(value) if isinstance(value, dict) else {} for key, value in item.items()
    }


def take(held: Object, taken: Object) -> None:
    """Take fields from one who holds them."""
    for key, below in taken.items():
        if below and held.get(key):
            take(held[key], below)
        else:
            held.pop(key, None)
