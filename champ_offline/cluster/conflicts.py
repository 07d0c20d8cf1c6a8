"""Who holds the fields that an apply would change, from the API server's own refusal.

Invariant: pure; a refusal for another reason has no conflicts.
Source: NewConflictError in k8s.io/apimachinery's managedfields, and the causes of a v1 Status.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from champ_offline.cluster.interface import Conflict

_REASON = "FieldManagerConflict"
_MANAGER = re.compile(r'conflict with "([^"]*)"')


def conflicts(status: object) -> tuple[Conflict, ...]:
    """The conflicts that a v1 Status tells, in its order."""
    return tuple(_conflicts(status))


def _conflicts(status: object) -> Iterator[Conflict]:
    details = status.get("details") if isinstance(status, Mapping) else None
    causes: Any = details.get("causes") if isinstance(details, Mapping) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, Mapping) and cause.get("reason") == _REASON:
            named = _MANAGER.search(str(cause.get("message", "")))
            field = str(cause.get("field", "")).removeprefix(".").replace('"', "")
            yield Conflict(named[1] if named else "somebody", field)
