"""Who holds which fields, as a simulated API server keeps it (FieldsV1)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

from champ_offline.cluster.interface import FIELD_MANAGER
from champ_offline.release import managed as fields

Object: TypeAlias = dict[str, Any]


def held(item: Object) -> Object:
    """The FieldsV1 of what was applied, lists held as a whole."""
    return {
        f"f:{key}": held(value) if isinstance(value, dict) else {} for key, value in item.items()
    }


def take(held: Object, taken: Object) -> None:
    """Take fields from one who holds them; what is left empty goes too."""
    for key, below in taken.items():
        if below and held.get(key):
            take(held[key], below)
        if not below or not held.get(key):
            held.pop(key, None)


def held_by_others(live: Object) -> Iterator[tuple[str, fields.Path]]:
    """Each field that somebody else than Helm holds, and who that is."""
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry["manager"] != FIELD_MANAGER:
            yield from ((entry["manager"], path) for path in fields.leaves(entry["fieldsV1"], ()))


def share(live: Object, after: Object) -> None:
    """Keep what others hold beside what Helm wants; what both want otherwise is Helm's now."""
    taken = set()
    for _, path in held_by_others(live):
        now, wanted = fields.value_at(live, path), fields.value_at(after, path)
        keys = [key for key in path if isinstance(key, str)]
        whole = len(keys) == len(path)
        if wanted is fields.NOTHING and now is not fields.NOTHING and whole:
            part = after
            for key in keys[:-1]:
                part = part.setdefault(key, {})
            part[keys[-1]] = copy.deepcopy(now)
        elif now != wanted:
            taken.add(path)
    after["metadata"]["managedFields"] = [
        entry
        for entry in live["metadata"]["managedFields"]
        if not taken.intersection(fields.leaves(entry["fieldsV1"], ()))
    ]
