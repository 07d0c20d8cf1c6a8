"""How much of the past is kept: nothing that is needed goes, whatever the policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent
from champ_offline.release.records.retention import PLANS_LIVE, Retention
from champ_offline.release.records.vault import Vault
from champ_offline.upkeep.records import Records

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Past:
    """Releases that were changed again and again; each change has contents of its own."""

    def __init__(self, path: Path) -> None:
        self.database = Database.create(path)
        self.history = History(self.database)
        self.vault = Vault(self.database, lambda: "salt")
        self.records = self.at(NOW)
        self.turns = count(1)

    def at(self, now: datetime) -> Records:
        audit = Audit(self.database, lambda: now)
        return Records("core", self.database, self.history, self.vault, audit, lambda: now)

    def plan(self, release: str, operation: Operation, made: datetime) -> Plan:
        turn = next(self.turns)
        gone = operation is Operation.REMOVE
        plan = Plan(
            operation=operation, zone="core", cluster="c", release=release, namespace="default",
            new_namespace=False, app="app", from_version="", to_version=str(turn), base_revision=0,
            base_manifest=None, target=0, actions=(), images=(),
            sealed=None if gone else self.vault.put(b"chart %d" % turn),
            values=None if gone else self.vault.put(b"inputs %d" % turn), created=made.isoformat(),
        )  # fmt: skip
        self.vault.put(plan.to_bytes())
        return plan

    def apply(
        self,
        release: str,
        outcome: Outcome = Outcome.DEPLOYED,
        operation: Operation = Operation.UPGRADE,
    ) -> Plan:
        plan = self.plan(release, operation, NOW - timedelta(days=100))
        self.record(plan, outcome)
        return plan

    def record(self, plan: Plan, outcome: Outcome = Outcome.DEPLOYED) -> None:
        with self.database.transaction() as connection:
            number = self.history.begin(connection, plan, plan.digest, "somebody", plan.created)
            if outcome is not Outcome.RUNNING:
                now = {Outcome.DEPLOYED: number, Outcome.REMOVED: 0}.get(outcome, number - 1)
                self.history.finish(
                    connection, Intent.of(plan, "somebody"), number, outcome,
                    current=now, seconds=1.0, error="",
                )  # fmt: skip

    def keeps(self, plan: Plan) -> bool:
        """Whether what the plan names is all here, and none of it goes."""
        return not {plan.sealed, plan.values} & self.records.dispensable().keys()


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    past = Past(tmp_path / "zone.db")
    with closing(past.database):
        yield past


def test_the_newest_that_stood_are_kept_and_the_policy_says_how_many(past: Past) -> None:
    plans = [past.apply("app") for _ in range(12)]
    assert past.records.retention() == Retention(10)
    assert [past.keeps(plan) for plan in plans] == [False] * 2 + [True] * 10
    past.records.retain(Retention(3))
    assert past.records.retention() == Retention(3)
    assert [past.keeps(plan) for plan in plans] == [False] * 9 + [True] * 3
    assert [one.number for one in past.records.returnable()] == [10, 11, 12]
    past.records.retain(Retention(100))
    assert not past.records.dispensable()


def test_changes_that_failed_take_no_place_of_one_that_stood(past: Past) -> None:
    past.records.retain(Retention(2))
    stood = [past.apply("app"), past.apply("app")]
    failed = [past.apply("app", Outcome.PUT_BACK) for _ in range(5)]
    assert [past.keeps(plan) for plan in stood] == [True, True]
    assert [past.keeps(plan) for plan in failed] == [False] * 5


def test_what_is_being_applied_is_kept(past: Past) -> None:
    past.records.retain(Retention(1))
    past.apply("app")
    assert past.keeps(past.apply("app", Outcome.RUNNING))


def test_a_release_that_was_removed_keeps_its_newest_answers(past: Past) -> None:
    past.records.retain(Retention(5))
    first, last = past.apply("app"), past.apply("app")
    past.apply("app", Outcome.REMOVED, Operation.REMOVE)
    assert (past.keeps(first), past.keeps(last)) == (False, True)
    assert past.records.returnable() == []
    again = past.history.remembered("c", "default", "app")
    assert again is not None
    assert again.inputs == last.values


def test_each_release_is_kept_for_itself(past: Past) -> None:
    past.records.retain(Retention(1))
    quiet = past.apply("quiet")
    busy = [past.apply("busy") for _ in range(4)]
    assert past.keeps(quiet)
    assert [past.keeps(plan) for plan in busy] == [False, False, False, True]


def test_a_plan_that_waits_to_be_applied_is_kept_for_its_time(past: Past) -> None:
    waits = past.plan("app", Operation.INSTALL, NOW - timedelta(days=1))
    assert past.keeps(waits)
    assert waits.digest not in past.records.dispensable()
    later = past.at(NOW + PLANS_LIVE)
    assert later.dispensable().keys() == {waits.digest, waits.sealed, waits.values}


def test_the_plan_of_what_was_applied_is_never_forgotten(past: Past) -> None:
    past.records.retain(Retention(1))
    plans = [past.apply("app") for _ in range(4)]
    gone = past.records.dispensable()
    assert len(gone) == 6
    assert sum(gone.values()) > 0
    assert past.records.forget(gone) == 6
    assert all(past.vault.get(plan.digest) == plan.to_bytes() for plan in plans)
    assert past.records.dispensable() == {}


def test_what_came_to_be_needed_since_it_was_planned_stays(past: Past) -> None:
    past.records.retain(Retention(1))
    old, _new = past.apply("app"), past.apply("app")
    planned = past.records.dispensable()
    assert set(planned) == {old.sealed, old.values}
    past.records.retain(Retention(2))
    assert past.records.forget(planned) == 0
    assert old.sealed is not None
    assert past.vault.get(old.sealed)
    assert past.records.forget([Digest.of(b"never there")]) == 0


def test_contents_that_two_revisions_share_stay_with_the_newer(past: Past) -> None:
    past.records.retain(Retention(1))
    first = past.apply("app")
    past.apply("app")
    past.record(first)
    assert past.keeps(first)
    assert len(past.records.dispensable()) == 2


def test_a_change_of_the_policy_is_in_the_audit_chain(past: Past) -> None:
    past.records.retain(Retention(4))
    row = past.database.query("SELECT act, subject, detail FROM audit")[-1]
    assert (row["act"], row["subject"], row["detail"]) == (
        "zone.retention",
        "core",
        '{"backups":3,"revisions":4}',
    )
