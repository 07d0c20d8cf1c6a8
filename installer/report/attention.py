"""What in a report somebody has to look at, counted; nothing is judged that the figures do not say.

Invariant: pure; each line is a count of what stands further down.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.findings import State
from champ_offline.handover.document import Handover
from champ_offline.release.data.backups import State as Saving
from champ_offline.release.records.history import Outcome
from installer.language import translate as _


def found(report: Handover) -> list[str]:
    """A line for each sort of trouble that there is, the gravest first."""
    return [text.format(count=count) for text, count in _counted(report) if count]


def _counted(report: Handover) -> Iterator[tuple[str, int]]:
    changes, releases = report.changes, report.releases
    yield _("The audit chain does not stand."), int(report.chain.error is not None)
    yield _("Changes that were interrupted: {count}"), sum(one.interrupted for one in changes)
    left = {Outcome.FAILED, Outcome.TAKEN_OVER}
    yield (
        _("Changes that failed, or met a change by somebody else: {count}"),
        sum(one.outcome in left for one in changes),
    )
    yield (
        _("Changes that failed and were put back: {count}"),
        sum(one.outcome is Outcome.PUT_BACK for one in changes),
    )
    ailing = sum(one.health is not None and one.health.ails for one in releases)
    yield _("Releases that are not well, as seen now: {count}"), ailing
    yield (
        _("Releases that drifted from what was sealed: {count}"),
        sum(one.drift is not None and one.drift.found for one in releases),
    )
    bad = sum(one.state == State.BAD for one in report.checks)
    yield _("Checks that would stop an installation: {count}"), bad
    yield _("Clusters that gave no answer: {count}"), sum(bool(c.error) for c in report.clusters)
    yield (
        _("Bundles that only withdrawn keys vouch for: {count}"),
        sum(not one.stands and not one.retired for one in report.brought),
    )
    yield (
        _("Backups that are not whole: {count}"),
        sum(one.state is Saving.BROKEN for one in report.backups),
    )
