"""A zone of a thousand releases and a hundred thousand rows of the audit chain has a report too.

The chain is read in pieces and told in a few figures, whatever its length; each release is listed.
"""

from __future__ import annotations

import sqlite3
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from champ_offline.durable.database import Database
from champ_offline.handover.bundles import bundles
from champ_offline.handover.chain import chain, set_aside, unattended
from champ_offline.handover.collect import Order
from champ_offline.handover.document import ALWAYS
from champ_offline.journal.audit import Audit, Entry
from champ_offline.journal.journal import Journal
from champ_offline.release.apply.books import KIND
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent
from installer.report.page import render
from tests.unit.handover.conftest import CANARY, Site

T = TypeVar("T")
RELEASES, CLUSTERS, ROWS = 1_000, 6, 100_000
NOW = datetime(2026, 5, 1, tzinfo=UTC)
MEGABYTE = 1024 * 1024


def peak(work: Callable[[], T]) -> tuple[T, int]:
    """What the work gave, and the most memory that it held beyond what was there before."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grow(audit: Audit, rows: int) -> None:
    """Let the chain have so many rows, the new ones of clients' pushes."""
    detail = {"tag": "1", "digest": "sha256:" + "0" * 64, "address": "10.0.0.1"}
    more = rows - audit.length()
    audit.record(*(Entry("ci", "registry.manifest.push", "team/app", detail) for _ in range(more)))


def test_what_is_told_of_a_chain_costs_the_same_however_long_it_is(fresh: Site) -> None:
    database = fresh.releases.database
    audit = Audit(database, lambda: NOW)

    def told() -> int:
        bundles(database, audit, ALWAYS)
        return chain(audit, ALWAYS).rows + set_aside(audit, ALWAYS) + len(unattended(audit, ALWAYS))

    grow(audit, 2_000)
    few, of_few = peak(told)
    grow(audit, ROWS)
    many, of_many = peak(told)
    assert (few, many) == (2_000, ROWS)
    assert of_many < 1.5 * of_few
    assert of_many < 8 * MEGABYTE


class Applied:
    """Changes written down as an application does."""

    def __init__(self, database: Database) -> None:
        self.journal, self.history = Journal(database, lambda: NOW), History(database)

    def note(self, connection: sqlite3.Connection, plan: Plan) -> None:
        intent, now = Intent.of(plan, "bo"), NOW.isoformat()
        row = (str(plan.digest), zlib.compress(plan.to_bytes()))
        connection.execute("INSERT INTO vault VALUES (?, ?)", row)
        operation = self.journal.begin(connection, KIND, intent.subject, intent.to_journal())
        number = self.history.begin(connection, plan, plan.digest, "bo", now)
        self.history.finish(
            connection, intent, number, Outcome.DEPLOYED, current=number, seconds=2.5, error=""
        )
        self.journal.end(connection, operation, "done")


def test_a_thousand_releases_are_all_told(fresh: Site) -> None:
    model, database = fresh.plan("1.0", "front"), fresh.releases.database
    applied = Applied(database)
    with database.transaction() as connection:
        for at in range(RELEASES):
            applied.note(
                connection,
                replace(model, release=f"app-{at:04}", cluster=f"uid-{at % CLUSTERS}"),
            )
    found, held = peak(lambda: fresh.report(Order(offline=True)))
    assert len(found.releases) == len(found.changes) == RELEASES
    assert len({one.plan for one in found.changes}) == RELEASES
    assert all(one.images for one in found.changes)
    assert len(found.clusters) == CLUSTERS + 1  # “main” is one of those, “edge” has none
    assert held < 100 * MEGABYTE
    text = render(found)
    assert all(text.count(f"<strong>app-{at:04}</strong>") == 2 for at in range(RELEASES))
    assert CANARY not in text
