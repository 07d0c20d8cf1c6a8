"""What was changed within a period: history, journal and audit chain put together.

Invariant: every application of a plan within the period is told, once. History says what was
applied and how it ended; the journal its steps; the chain who planned and who put it right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from champ_offline.handover.document import Allowed, Author, Change, Period, Recovery, Step, Timing
from champ_offline.handover.rows import Told, told
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal, StepRecord
from champ_offline.release.apply.books import KIND
from champ_offline.release.plan import Operation
from champ_offline.release.records.chronicle import Deed
from champ_offline.release.records.history import Outcome
from champ_offline.releases import Releases


def changes(releases: Releases, names: Mapping[str, str], period: Period) -> tuple[Change, ...]:
    """Every change begun within the period, oldest first; `names` are those of the clusters."""
    deeds = releases.log(None, None, period.since, None)
    journal = Journal(releases.database, releases.clock)
    operations = _operations(deeds, journal)
    wanted = [one for one in deeds[::-1] if period.holds(one.started)]
    numbers = {operations[one] for one in wanted if one in operations}
    chain = _Chain.of(
        Audit(releases.database, releases.clock), {str(one.plan) for one in wanted}, numbers
    )
    left = {one.subject for one in releases.interrupted()}
    found = []
    for one in wanted:
        number = operations.get(one, 0)
        steps = tuple(map(_step, journal.steps(number))) if number else None
        cut_off = one.outcome is Outcome.RUNNING and "/".join(one.place) in left
        name = names.get(one.cluster, one.cluster)
        found.append(_change(one, name, steps, chain, number, interrupted=cut_off))
    return tuple(found)


def timings(found: Sequence[Change]) -> tuple[Timing, ...]:
    """How long these took, by what was done; those that have not ended do not count."""
    seconds: dict[Operation, list[float]] = defaultdict(list)
    for one in found:
        if one.outcome is not Outcome.RUNNING:
            seconds[one.operation].append(one.seconds)
    return tuple(
        Timing(operation, len(took), min(took), median(took), max(took))
        for operation, took in sorted(seconds.items())
    )


def _operations(deeds: Sequence[Deed], journal: Journal) -> dict[Deed, int]:
    """The journal's number of each application, where it has one; `deeds` are the newest first.

    An operation and a revision are made in one transaction, so the last of either about a release
    and a plan belong together, and so on backwards.
    """
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in journal.of_kinds(KIND):
        numbers[record.subject, str(record.intent.get("plan", ""))].append(record.number)
    found = {}
    for one in deeds:
        if left := numbers["/".join(one.place), str(one.plan)]:
            found[one] = left.pop()
    return found


@dataclass(frozen=True)
class _Chain:
    """What the chain tells: who made and allowed plans by their digests, the rest by operations."""

    authors: Mapping[str, Author]
    allowed: Mapping[str, Allowed]
    causes: Mapping[int, str]
    recoveries: Mapping[int, Recovery]

    @classmethod
    def of(cls, audit: Audit, plans: Collection[str], operations: Collection[int]) -> _Chain:
        authors: dict[str, Author] = {}
        allowed: dict[str, Allowed] = {}
        causes: dict[int, str] = {}
        recoveries: dict[int, Recovery] = {}
        for row in told(audit, Act.PLAN, Act.DECIDE, Act.APPLY_END, Act.RECOVER):
            plan, number = row.text("plan"), row.count("operation")
            if row.act == Act.PLAN and plan in plans:
                authors.setdefault(plan, Author(row.time, row.actor))
            elif row.act == Act.DECIDE and plan in plans and row.detail.get("allowed") is True:
                allowed[plan] = Allowed(row.time, row.text("policy"))
            elif row.act == Act.APPLY_END and number in operations:
                causes[number] = row.text("cause")
            elif row.act == Act.RECOVER and number in operations:
                recoveries[number] = _recovery(row)
        return cls(authors, allowed, causes, recoveries)


def _recovery(row: Told) -> Recovery:
    return Recovery(
        time=row.time,
        actor=row.actor,
        settled=row.text("settled"),
        found=row.texts("found"),
        asked=row.texts("asked"),
        cleared=row.texts("cleared"),
        kept=row.texts("kept"),
        trouble=row.text("trouble"),
    )


def _change(
    deed: Deed,
    cluster: str,
    steps: tuple[Step, ...] | None,
    chain: _Chain,
    number: int,
    *,
    interrupted: bool,
) -> Change:
    return Change(
        cluster=cluster,
        identity=deed.cluster,
        namespace=deed.namespace,
        release=deed.release,
        number=deed.number,
        helm_revision=deed.helm_revision,
        operation=deed.operation,
        app=deed.app,
        from_version=deed.from_version,
        to_version=deed.version,
        target=deed.target,
        plan=deed.plan,
        planned=chain.authors.get(str(deed.plan)),
        accepted=deed.accepted,
        allowed=chain.allowed.get(str(deed.plan)),
        applied_by=deed.actor,
        started=deed.started,
        seconds=deed.seconds,
        outcome=deed.outcome,
        interrupted=interrupted,
        error=deed.error,
        cause=chain.causes.get(number, ""),
        images=deed.images,
        steps=steps,
        recovery=chain.recoveries.get(number),
    )


def _step(step: StepRecord) -> Step:
    if not step.ended:
        return Step(step.name, None, step.outcome)
    lasted = datetime.fromisoformat(step.ended) - datetime.fromisoformat(step.began)
    return Step(step.name, lasted.total_seconds(), step.outcome)
