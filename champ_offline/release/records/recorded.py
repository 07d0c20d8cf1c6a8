"""Plans that a zone's vault holds, also those of releases of champ before this one.

Invariant: for looking back (which images, from which revision) and never for applying: what an
operator brings is read by `Plan.from_bytes`, which knows the present format only.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from champ_offline.oci.strict_json import canonical
from champ_offline.release.plan import Action, Plan
from champ_offline.release.review.codec import plain, typed

_FORMER = {1, 2}


def recorded(data: bytes) -> Plan:
    """The plan with these bytes; raises PlanUnreadable, and ValueError for damaged content.

    What a former format did not tell is empty.
    """
    document = canonical(data)
    if isinstance(document, dict) and document.get("format") in _FORMER:
        return typed(Plan, _filled(document))
    return Plan.from_bytes(data)


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    """A document of a former format with what came later, empty."""
    later = {one.name: plain(one.default) for one in fields(Plan) if one.name not in document}
    actions = [{**_EMPTY, **action} for action in document["actions"]]
    return {**later, **document, "actions": actions}


_EMPTY: dict[str, Any] = {
    one.name: plain(one.default) for one in fields(Action) if one.name in {"restarts", "guard"}
} | {"namespace": ""}
