"""Two states of a Kubernetes object, compared and shown without what the API server keeps itself.

Invariant: pure; equal means that applying changes nothing the user or chart set; the shown text is
masked.
"""

from __future__ import annotations

import copy
import difflib
from typing import Any, TypeAlias

from champ_offline.helm import manifests
from champ_offline.release.masks import Mask, hide_values

Object: TypeAlias = dict[str, Any]

_KEPT_BY_SERVER = (
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "selfLink",
)
_CONTEXT = 3


def essence(item: Object | None) -> Object | None:
    """A copy without status and bookkeeping; None stays None."""
    if item is None:
        return None
    found = copy.deepcopy(item)
    found.pop("status", None)
    for key in _KEPT_BY_SERVER:
        found["metadata"].pop(key, None)
    return found


def equal(old: Object | None, new: Object | None) -> bool:
    """Whether both are the same but for what the API server keeps itself."""
    return essence(old) == essence(new)


def shown(old: Object | None, new: Object | None, mask: Mask) -> str:
    """A unified diff of both as YAML, masked; without old or new it is all plus or all minus."""
    before, after = essence(old), essence(new)
    if (before or after or {}).get("kind") == "Secret":
        hide_values(before, after)
    lines = difflib.unified_diff(_lines(before), _lines(after), "now", "planned", "", "", _CONTEXT)
    return mask.text("".join(lines))


def _lines(item: Object | None) -> list[str]:
    return [] if item is None else manifests.dump(item).splitlines(keepends=True)
