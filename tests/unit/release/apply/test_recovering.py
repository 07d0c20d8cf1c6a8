"""Stopped, cut off, overtaken: how a release stands afterwards, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import ChampError
from champ_offline.events import StepFinished
from champ_offline.helm.engine import Options
from champ_offline.helm.faults import EngineCrashed
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import NoRecovery, Recovered
from champ_offline.journal.process import Process
from champ_offline.release.apply.failures import (
    ApplyLeftOpen,
    ApplyPutBack,
    ApplyTakenOver,
    VolumesStay,
)
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import Outcome
from tests.simulators.charts import HOOK, NOWHERE, SAMPLE, chart, small
from tests.unit.release.conftest import HERE, NAME, PLACE, World, build

PLAIN = {
    name: text
    for name, text in SAMPLE.items()
    if not name.startswith("crds/") and name != "templates/hook.yaml"
}
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .Release.Name }}-images
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: {{ .Values.storage }}
"""
STORING = {
    **PLAIN,
    "templates/claim.yaml": CLAIM,
    "values.yaml": SAMPLE["values.yaml"] + "storage: local\n",
}


class Gone(BaseException):
    """The process is no more; whatever it still tries raises this again."""


def at(world: World, wanted: str, error: BaseException, *, again: bool = False) -> None:
    """Let the first effect of that name raise `error`, before it is done; `again`: all after."""
    struck = False

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        nonlocal struck
        if (name == wanted and not struck) or (struck and again):
            struck = True
            raise error
        yield

    world.cluster.effect = effect


def killed(world: World, plan: Plan, wanted: str) -> World:
    """The zone as the next process finds it after a kill at that effect."""
    dying = build(world.database.path, world.cluster, world.helm)
    dying.journal._own = lambda: Process(1 << 22, 1, "another boot")
    at(world, wanted, Gone(), again=True)
    dying.executor._engine.cancel = _gone  # type: ignore[method-assign]
    with pytest.raises(Gone):
        dying.apply(plan)
    del dying.executor._engine.cancel
    at(world, "", Gone())
    return dying


def _gone() -> None:
    raise Gone


def recovered(world: World) -> Recovered:
    [found] = world.journal.recover()
    return found


def told(world: World) -> list[tuple[str, dict[str, object]]]:
    audit = Audit(world.database, world.journal._now)
    audit.check()
    return [(row.act, json.loads(row.detail)) for row in audit.rows()]


def greeting(world: World) -> str | None:
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    return live["data"]["greeting"] if live else None


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit()])
def test_a_signal_puts_an_upgrade_back_and_goes_on(world: World, signal: BaseException) -> None:
    world.apply(world.plan(greeting="moin"))
    at(world, "apply ConfigMap", signal)
    with pytest.raises(type(signal)):
        world.apply(world.plan("1.1", greeting="servus"))
    assert greeting(world) == "moin"
    status = world.helm.status(NAME, PLACE)
    assert status is not None
    assert (status.status, status.revision) == ("deployed", 3)
    last = world.history.revisions(HERE, PLACE, NAME)[-1]
    assert (last.outcome, last.error) == (Outcome.PUT_BACK, "release.interrupted")
    [record, _] = world.journal.recent()
    assert (record.outcome, record.error) == ("failed", "release.interrupted")
    assert StepFinished("put-back", NAME, 1.0).name in {
        event.name for event in world.told if isinstance(event, StepFinished)
    }
    assert world.apply(world.plan("1.1", greeting="servus")).outcome is Outcome.DEPLOYED


def test_a_signal_takes_an_install_away_even_if_it_serves(world: World) -> None:
    at(world, "record deployed", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.apply(world.plan(chart=chart(PLAIN), replicas=2))
    assert world.helm.status(NAME, PLACE) is None
    assert greeting(world) is None
    assert world.journal.interrupted() == ()


def test_a_signal_after_the_end_of_helms_work_keeps_what_was_done(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    world.helm.upgrade = _then(  # type: ignore[method-assign]
        world.helm.upgrade, KeyboardInterrupt()
    )
    with pytest.raises(KeyboardInterrupt):
        world.apply(world.plan("1.1", greeting="servus"))
    assert greeting(world) == "servus"
    assert world.history.revisions(HERE, PLACE, NAME)[-1].outcome is Outcome.DEPLOYED


def _then(act: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    def acting(*arguments: object) -> object:
        act(*arguments)
        raise error

    return acting


def test_a_second_signal_leaves_it_to_the_next_start(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    at(world, "apply ConfigMap", KeyboardInterrupt(), again=True)
    with pytest.raises(KeyboardInterrupt):
        world.apply(world.plan("1.1", greeting="servus"))
    [record] = world.journal.under_way()
    at(world, "", Gone())
    world.journal.let_go(record.number)  # as its process is gone
    assert recovered(world).outcome == "put-back"
    assert greeting(world) == "moin"


def test_a_helm_that_died_when_all_of_a_first_install_served_is_finished(world: World) -> None:
    at(world, "record deployed", EngineCrashed(verb="install", status="signal 9", last="-"))
    made = world.apply(world.plan(chart=chart(PLAIN), replicas=2))
    assert (made.outcome, made.helm_revision) == (Outcome.DEPLOYED, 2)
    status = world.helm.status(NAME, PLACE)
    assert status is not None
    assert status.status == "deployed"
    assert world.apply(world.plan("1.1", chart(PLAIN), greeting="x")).helm_revision == 3


def test_hooks_that_may_not_have_run_keep_an_install_from_being_finished(world: World) -> None:
    assert "templates/hook.yaml" in SAMPLE
    assert HOOK
    at(world, "record deployed", EngineCrashed(verb="install", status="signal 9", last="-"))
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan(chart=small(), replicas=2))
    assert world.helm.status(NAME, PLACE) is None


def test_an_api_server_that_comes_back_is_waited_for(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    answered, seen = world.cluster._answer, list[str]()
    looks = [0]

    def away_for_a_while() -> None:
        world.cluster.reachable = not looks[0]
        looks[0] = max(0, looks[0] - 1)
        answered()

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        if name == "record superseded" and "away" not in seen:
            looks[0] = 9
            seen.append("away")
        yield

    world.cluster.effect = effect
    world.cluster._answer = away_for_a_while  # type: ignore[method-assign]
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan("1.1", greeting="servus"))
    assert greeting(world) == "moin"


def test_a_cluster_that_stays_away_leaves_it_open_and_says_so(world: World) -> None:
    world.apply(world.plan(greeting="moin"))

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        world.cluster.reachable = name != "record superseded"
        yield

    world.cluster.effect = effect
    with pytest.raises(ApplyLeftOpen) as left:
        world.apply(world.plan("1.1", greeting="servus"))
    assert left.value.exit_code == 6
    assert len(world.journal.interrupted()) == 1
    world.cluster.reachable = True
    at(world, "", Gone())
    assert recovered(world).outcome == "put-back"
    assert greeting(world) == "moin"


def test_a_recovery_is_rehearsed_then_done_and_told_with_evidence(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    next_one = killed(world, world.plan("1.1", greeting="servus"), "apply Secret")
    [would] = next_one.journal.recover(rehearsal=True)
    assert (would.step, would.operation, would.outcome) == ("helm", "upgrade", "open")
    assert (would.found, would.acts, would.left) == (
        ("1 deployed", "2 pending-upgrade"), ("rollback 1",), ()
    )  # fmt: skip
    assert len(next_one.journal.interrupted()) == 1
    done = recovered(next_one)
    assert (done.found, done.acts, done.outcome) == (would.found, would.acts, "put-back")
    assert done.left == ("1 superseded", "2 pending-upgrade", "3 deployed")
    rows = told(next_one)
    assert [act for act, _ in rows] == [
        "release.apply.begin", "release.apply.end", "release.apply.begin", "release.settle",
        "release.recover",
    ]  # fmt: skip
    settle, end = rows[-2][1], rows[-1][1]
    assert (settle["found"], settle["asked"]) == (list(would.found), "rollback 1")
    assert (end["outcome"], end["helm"], end["asked"]) == (
        "put-back", list(done.left), ["rollback 1"]
    )  # fmt: skip
    begun = [detail for act, detail in rows if act == "release.apply.begin"][-1]
    assert begun["operation"] == settle["operation"] == end["operation"] == 2
    next_one.database.close()


def test_a_release_that_somebody_else_upgraded_is_left_as_it_is(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    next_one = killed(world, world.plan("1.1", greeting="servus"), "record pending-upgrade")
    world.helm.upgrade(small(), NAME, PLACE, {"greeting": "stock"}, Options(timeout=4))
    assert recovered(next_one).outcome == "taken-over"
    assert greeting(world) == "stock"
    assert next_one.history.revisions(HERE, PLACE, NAME)[-1].outcome is Outcome.TAKEN_OVER
    [current] = next_one.history.releases()
    assert (current.number, current.helm_revision) == (1, 1)
    assert told(next_one)[-1][1]["settled"] == "taken-over"
    next_one.database.close()


def test_a_stock_install_in_the_place_of_ours_is_not_taken_for_ours(world: World) -> None:
    next_one = killed(world, world.plan(greeting="moin"), "record pending-install")
    world.helm.install(small(), NAME, PLACE, {"greeting": "stock"}, Options(timeout=4))
    assert recovered(next_one).outcome == "taken-over"
    assert greeting(world) == "stock"
    assert next_one.history.releases() == ()
    next_one.database.close()


def test_an_upgrade_that_is_overtaken_while_it_fails_says_so(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    upgrade = world.helm.upgrade

    def overtaken(*arguments: object) -> object:
        world.helm.upgrade = upgrade  # type: ignore[method-assign]
        upgrade(small(), NAME, PLACE, {"greeting": "stock"}, Options(timeout=4))
        raise EngineCrashed(verb="upgrade", status="signal 9", last="-")

    world.helm.upgrade = overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(ApplyTakenOver) as error:
        world.apply(world.plan("1.1", greeting="servus"))
    assert error.value.exit_code == 6
    assert greeting(world) == "stock"


def test_what_was_interrupted_on_another_cluster_stays_open(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    next_one = killed(world, world.plan("1.1", greeting="servus"), "apply Secret")
    system = world.cluster._store[("v1", "Namespace", "", "kube-system")]["metadata"]
    own, system["uid"] = system["uid"], "another"
    assert recovered(next_one).outcome == "elsewhere"
    assert len(next_one.journal.interrupted()) == 1
    system["uid"] = own
    assert recovered(next_one).outcome == "put-back"
    next_one.database.close()


def test_what_an_earlier_release_of_champ_began_is_recovered(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    next_one = killed(world, world.plan("1.1", greeting="servus"), "apply Secret")
    [record] = next_one.journal.interrupted()
    former = {name: record.intent[name] for name in ("plan", "base", "actor")}
    with next_one.journal.transaction() as connection:
        connection.execute(
            "UPDATE operations SET intent = ? WHERE number = 2", (json.dumps(former),)
        )
    assert recovered(next_one).outcome == "put-back"
    assert next_one.history.revisions(HERE, PLACE, NAME)[-1].outcome is Outcome.PUT_BACK
    next_one.database.close()


def test_an_intent_that_lacks_something_is_not_guessed_at(world: World) -> None:
    world.journal._own = lambda: Process(1 << 22, 1, "another boot")
    with world.journal.transaction() as connection:
        world.journal.begin(connection, "release.apply", "a/b", {"operation": "install"})
    with pytest.raises(NoRecovery, match=r"release\.apply of a/b"):
        world.journal.recover()


def test_claims_that_no_volume_was_bound_to_go_with_a_failed_install(world: World) -> None:
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan(chart=chart(STORING), storage="wrong-class"))
    assert world.cluster.claims(PLACE) == ()
    [clear] = [one for one in world.journal.steps(1) if one.name == "clear"]
    assert clear.detail == {
        "made": [f"{NAME}-images"], "cleared": [f"{NAME}-images"], "kept": [], "uids": []
    }  # fmt: skip
    assert told(world)[-1][1]["cleared"] == [f"{NAME}-images"]
    assert world.apply(world.plan(chart=chart(STORING))).outcome is Outcome.DEPLOYED


def test_claims_with_volumes_stay_and_are_named(world: World) -> None:
    with pytest.raises(VolumesStay, match=f"stay: {NAME}-images") as failed:
        world.apply(world.plan(chart=chart(STORING), replicas=1, image=NOWHERE))
    assert failed.value.exit_code == 5
    [claim] = world.cluster.claims(PLACE)
    assert claim.bound
    world.apply(world.plan(chart=chart(STORING)))
    assert [one.uid for one in world.cluster.claims(PLACE)] == [claim.uid]


def test_claims_that_were_there_before_are_not_touched(world: World) -> None:
    waiting = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "old", "labels": {"app.kubernetes.io/instance": NAME}},
        "spec": {"storageClassName": "later"},
    }
    world.cluster.ensure_namespace(PLACE)
    world.cluster.apply(waiting, PLACE)
    with pytest.raises(ChampError):
        world.apply(world.plan(chart=chart(STORING), storage="wrong-class"))
    assert [one.name for one in world.cluster.claims(PLACE)] == ["old"]


def test_a_killed_install_lets_its_unbound_claims_go_too(world: World) -> None:
    plan = world.plan(chart=chart(STORING), storage="wrong-class")
    next_one = killed(world, plan, "record uninstalling")
    done = recovered(next_one)
    assert (done.outcome, done.cleared) == ("put-back", (f"{NAME}-images",))
    assert world.cluster.claims(PLACE) == ()
    next_one.database.close()


def test_an_error_before_any_change_stays_itself(world: World) -> None:
    plan = world.plan()
    world.cluster.reachable = False
    with pytest.raises(ClusterUnreachable):
        world.apply(plan)
    assert world.journal.recent() == ()
