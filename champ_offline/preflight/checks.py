"""All checks in one go.

Invariant: pure: a release, facts and the time in, concerns out, the blocking ones first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from champ_offline.preflight import (
    apis,
    capacity,
    downtime,
    limits,
    nodes,
    ownership,
    ports,
    quota,
    record,
    references,
    security,
    storage,
    times,
    versions,
)
from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight, ordered
from champ_offline.preflight.facts import Facts

UNSEEN = Sort(
    "preflight.not-looked-at",
    Weight.WARNING,
    "Objects of kind {subject} were not looked at: {reason}.",
    "What they decide (room, ports, volumes) shows only when the change is made.",
    "Plan with a kubeconfig whose user may list them.",
)
SORTS: Mapping[str, Sort] = {
    sort.id: sort
    for sort in (
        UNSEEN, *apis.SORTS, *capacity.SORTS, *downtime.SORTS, *limits.SORTS, *nodes.SORTS,
        *ownership.SORTS, *ports.SORTS, *quota.SORTS, *record.SORTS, *references.SORTS,
        *security.SORTS, *storage.SORTS, *times.SORTS, *versions.SORTS,
    )
}  # fmt: skip


def examine(planned: Planned, facts: Facts, now: datetime) -> tuple[Concern, ...]:
    """Everything that stands in the way of the change, or might."""
    return ordered(_every(planned, facts, now))


def _every(planned: Planned, facts: Facts, now: datetime) -> Iterator[Concern]:
    for kind, reason in facts.unseen.items():
        yield UNSEEN.of(kind, reason=reason.rstrip("."))
    for check in (
        apis.check,
        capacity.check,
        limits.check,
        nodes.check,
        ports.check,
        quota.check,
        references.check,
        security.check,
        storage.check,
    ):
        yield from check(planned, facts)
    yield from times.check(planned, facts, now)
    yield from record.check(planned)
    yield from downtime.check(planned)
