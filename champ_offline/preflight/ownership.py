"""What others did to a release: fields they hold, and what they did with a Helm of their own.

Invariant: pure; one concern for each field and holder, so that exactly what was accepted is known.
"""

from __future__ import annotations

from collections.abc import Iterable

from champ_offline.preflight.concern import Concern, Sort, Weight, listed

HELD = Sort(
    "fields.held-by-others",
    Weight.BLOCKING,
    "{manager} holds {field} of {subject}, which this change would set.",
    "Helm does not touch what others hold, and whatever {manager} set there would be lost.",
    "Find out who uses {manager} and why. Have the field given back, or answer so that it stays as"
    " it is; to take it back, plan with `--accept fields.held-by-others`.",
)
ADDED = Sort(
    "fields.added-by-others",
    Weight.WARNING,
    "{manager} set {fields} of {subject}, of which the app says nothing.",
    "It stays through this change and through every way back, whatever it does to the app.",
    "Where it is not meant, take it out with the tool that put it there, such as `kubectl edit`.",
)
CHANGED = Sort(
    "release.changed-by-others",
    Weight.WARNING,
    "Another Helm made revision {found} of {subject}; this zone's last change left {expected}.",
    "This plan puts back whatever was changed there and is not in its answers.",
    "See under objects what that is, and `helm get values` for what was given; put into the answers"
    " what is to stay, and plan again.",
)
REMOVED = Sort(
    "release.removed-by-others",
    Weight.WARNING,
    "Helm has no record of {subject} any more; this zone's last change left revision {expected}.",
    "Somebody removed it with another tool, and this plan installs it again.",
    "Find out who did and why before it is applied. Volumes that stayed are used as they are.",
)
SORTS = (HELD, ADDED, CHANGED, REMOVED)


def held(subject: str, manager: str, field: str) -> Concern:
    """That `manager` holds a field of an object."""
    return HELD.of(subject, manager=manager, field=field)


def added(subject: str, managers: Iterable[str], fields: Iterable[str]) -> Concern:
    """That `managers` set fields of an object that are not the release's."""
    return ADDED.of(subject, manager=listed(managers), fields=listed(fields))


def since(release: str, expected: int, found: int) -> tuple[Concern, ...]:
    """What another Helm did since revision `expected`; `found` is its newest, 0 for none."""
    if found == expected:
        return ()
    if not found:
        return (REMOVED.of(release, expected=expected),)
    return (CHANGED.of(release, expected=expected, found=found),)
