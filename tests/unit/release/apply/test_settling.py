"""What is done about a release that was left half changed: every state Helm can have left it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from champ_offline.errors import Quoted
from champ_offline.helm.engine import Options, Release
from champ_offline.helm.faults import EngineCrashed, HelmUnreachable, ReleaseFailed
from champ_offline.release.apply.settle import (
    Ask,
    Change,
    Course,
    Seen,
    Settled,
    Settler,
    Verdict,
    decide,
)
from champ_offline.release.plan import Operation
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm

PLANNED, FORMER, OTHER = "planned", "former", "other"
INSTALL, UPGRADE, REMOVE = Operation.INSTALL, Operation.UPGRADE, Operation.REMOVE


def record(text: str) -> Release:
    """`4 deployed former`: revision, status, and what it holds."""
    revision, status, manifest = text.split()
    return Release("app", "place", int(revision), status, "chart", "1", "1", manifest)


def change(operation: Operation, base: int, *, serving: bool = False) -> Change:
    return Change(
        operation=operation,
        release="app",
        namespace="place",
        base=base,
        planned=lambda one: one.manifest == PLANNED and operation is not REMOVE,
        former=lambda one: one.manifest == FORMER,
        serving=lambda: serving,
    )


def decided(
    operation: Operation, base: int, records: Sequence[str], *, serving: bool = False
) -> Course:
    history = [record(text) for text in records]
    newest = history[-1] if history else None
    return decide(change(operation, base, serving=serving), history, newest)


@pytest.mark.parametrize(
    ("operation", "base", "records", "settled", "current"),
    [
        (INSTALL, 0, (), Settled.PUT_BACK, 0),
        (INSTALL, 0, ("1 deployed planned",), Settled.DONE, 1),
        (INSTALL, 0, ("1 pending-install planned", "2 deployed planned"), Settled.DONE, 2),
        (INSTALL, 0, ("1 deployed other",), Settled.TAKEN_OVER, 1),
        (INSTALL, 0, ("1 pending-install other",), Settled.TAKEN_OVER, 1),
        (INSTALL, 0, ("1 deployed planned", "2 failed planned"), Settled.UNCLEAR, 2),
        (INSTALL, 0, ("1 deployed planned", "2 deployed other"), Settled.TAKEN_OVER, 2),
        (UPGRADE, 4, ("4 deployed former",), Settled.UNTOUCHED, 4),
        (UPGRADE, 4, ("4 failed former",), Settled.UNTOUCHED, 4),
        (UPGRADE, 4, ("4 superseded former", "5 deployed planned"), Settled.DONE, 5),
        (UPGRADE, 4, ("5 failed planned", "6 deployed former"), Settled.PUT_BACK, 6),
        (UPGRADE, 4, ("5 deployed planned", "6 deployed other"), Settled.TAKEN_OVER, 6),
        (UPGRADE, 4, ("5 failed planned", "6 failed other"), Settled.TAKEN_OVER, 6),
        (UPGRADE, 4, ("5 deployed other", "6 failed former"), Settled.TAKEN_OVER, 6),
        (UPGRADE, 4, ("4 uninstalling former",), Settled.TAKEN_OVER, 4),
        (UPGRADE, 4, ("5 uninstalling planned",), Settled.TAKEN_OVER, 5),
        (UPGRADE, 4, ("5 uninstalled planned",), Settled.TAKEN_OVER, 0),
        (UPGRADE, 4, ("4 deployed other",), Settled.TAKEN_OVER, 4),
        (UPGRADE, 4, ("1 deployed former",), Settled.TAKEN_OVER, 1),
        (UPGRADE, 4, (), Settled.TAKEN_OVER, 0),
        (REMOVE, 4, (), Settled.DONE, 0),
        (REMOVE, 4, ("4 deployed former",), Settled.UNTOUCHED, 4),
        (REMOVE, 4, ("5 deployed other",), Settled.TAKEN_OVER, 5),
        (REMOVE, 4, ("5 uninstalling other",), Settled.TAKEN_OVER, 5),
        (REMOVE, 4, ("4 deployed other",), Settled.TAKEN_OVER, 4),
    ],
)
def test_nothing_is_asked_of_helm(
    operation: Operation, base: int, records: Sequence[str], settled: Settled, current: int
) -> None:
    verdict = decided(operation, base, records).verdict
    assert verdict is not None
    assert (verdict.settled, verdict.current) == (settled, current)


@pytest.mark.parametrize(
    ("operation", "base", "records", "ask", "revision"),
    [
        (INSTALL, 0, ("1 pending-install planned",), Ask.UNINSTALL, 0),
        (INSTALL, 0, ("1 failed planned",), Ask.UNINSTALL, 0),
        (INSTALL, 0, ("1 uninstalling planned",), Ask.UNINSTALL, 0),
        (UPGRADE, 4, ("4 deployed former", "5 pending-upgrade planned"), Ask.ROLL_BACK, 4),
        (UPGRADE, 4, ("4 superseded former", "5 pending-upgrade planned"), Ask.ROLL_BACK, 4),
        (UPGRADE, 4, ("4 deployed former", "5 failed planned"), Ask.ROLL_BACK, 4),
        (UPGRADE, 4, ("5 failed planned", "6 pending-rollback former"), Ask.ROLL_BACK, 4),
        (UPGRADE, 4, ("5 superseded planned", "6 failed former"), Ask.ROLL_BACK, 4),
        (REMOVE, 4, ("4 uninstalling former",), Ask.UNINSTALL, 0),
    ],
)
def test_helm_is_asked_to_go_back(
    operation: Operation, base: int, records: Sequence[str], ask: Ask, revision: int
) -> None:
    course = decided(operation, base, records)
    assert (course.verdict, course.ask, course.revision) == (None, ask, revision)


def test_a_first_install_that_serves_already_is_finished() -> None:
    serving = decided(INSTALL, 0, ("1 pending-install planned",), serving=True)
    assert (serving.ask, serving.revision) == (Ask.FINISH, 1)
    again = decided(INSTALL, 0, ("1 pending-install planned", "2 pending-rollback planned"),
                    serving=True)  # fmt: skip
    assert (again.ask, again.revision) == (Ask.FINISH, 2)
    assert decided(INSTALL, 0, ("1 failed planned",), serving=True).ask is Ask.UNINSTALL
    assert decided(INSTALL, 0, ("1 uninstalling planned",), serving=True).ask is Ask.UNINSTALL


class Failing(SimulatedHelm):
    """Has an interrupted upgrade, and comes to grief so many times when asked to roll back."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(SimulatedCluster())
        self.errors, self.asked, self.last = list(errors), 0, "5 pending-upgrade planned"

    def status(self, release: str, namespace: str) -> Release | None:
        return record(self.last)

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        return (record("4 deployed former"), record(self.last))

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        self.last = "6 deployed former"


FAILED = ReleaseFailed(release="app", namespace="place", reason=Quoted("not ready"))
CRASHED = EngineCrashed(verb="rollback", status="signal 9", last="it said nothing")
AWAY = HelmUnreachable(reason=Quoted("connection refused"))


@pytest.mark.parametrize(
    ("errors", "expected", "asked"),
    [
        ((), Verdict(Settled.PUT_BACK, 6), 1),
        ((CRASHED, CRASHED), Verdict(Settled.PUT_BACK, 6), 3),
        ((FAILED, AWAY), Verdict(Settled.PUT_BACK, 6), 3),
        ((FAILED, FAILED, FAILED), Verdict(Settled.UNCLEAR, 5, pending=True), 2),
        ((CRASHED,) * 9, Verdict(Settled.UNCLEAR, 5, pending=True), 4),
    ],
)
def test_helm_is_asked_again(errors: Sequence[Exception], expected: Verdict, asked: int) -> None:
    helm, told = Failing(errors), list[Seen]()
    settler = Settler(helm, Options(), pause=0.0, patience=0.0)
    seen, verdict = settler.settle(change(UPGRADE, 4), told.append)
    assert (verdict, helm.asked) == (expected, asked)
    assert len(told) == asked
    assert told[0].told == ("4 deployed", "5 pending-upgrade")
    assert str(told[0].course) == "rollback 4"
    assert seen.told[-1] == ("6 deployed" if not verdict.pending else "5 pending-upgrade")


class Returning(Failing):
    """Is away for some looks."""

    away = 3

    def status(self, release: str, namespace: str) -> Release | None:
        self.away -= 1
        if self.away > 0:
            raise HelmUnreachable(reason=Quoted("connection refused"))
        return super().status(release, namespace)


@pytest.mark.parametrize(("patience", "waits"), [(30.0, True), (-1.0, False)])
def test_a_cluster_that_went_away_is_waited_for(patience: float, *, waits: bool) -> None:
    settler = Settler(Returning(()), Options(), pause=0.0, patience=patience)
    settle: Callable[[], object] = lambda: settler.settle(change(UPGRADE, 4), lambda _: None)  # noqa: E731
    if waits:
        settle()
        return
    with pytest.raises(HelmUnreachable):
        settle()
