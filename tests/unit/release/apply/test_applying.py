"""Applying plans: exactly, once, and with a known end whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.cluster.causes.patience import GRACE
from champ_offline.cluster.causes.words import ImageNotFound
from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import Quoted
from champ_offline.events import Cause, ObjectState, StepFinished, StepStarted
from champ_offline.helm.engine import Options, Release, Values
from champ_offline.helm.faults import EngineCrashed, ReleaseFailed
from champ_offline.journal.audit import Audit
from champ_offline.journal.process import Process
from champ_offline.release.apply.failures import ApplyPutBack, ApplyUnclear
from champ_offline.release.base import PlanStale
from champ_offline.release.images.digests import ImagesGone
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import Outcome
from champ_offline.release.records.vault import VaultMissing
from tests.simulators.charts import NOWHERE
from tests.simulators.helm import SimulatedHelm
from tests.unit.release.conftest import HERE, NAME, PLACE, World, build


def test_a_plan_becomes_a_revision(world: World) -> None:
    plan = Plan.from_bytes(world.plan(greeting="moin", password="s3cret-word").to_bytes())
    made = world.apply(plan)
    assert (made.number, made.helm_revision, made.outcome) == (1, 1, Outcome.DEPLOYED)
    assert (made.operation, made.app, made.version) == (Operation.INSTALL, "sample", "1.0")
    assert (made.actor, made.plan, made.sealed) == ("somebody", plan.digest, plan.sealed)
    assert made.seconds > 0
    assert world.helm.values(NAME, PLACE) == {"greeting": "moin", "password": "s3cret-word"}
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    assert live is not None
    assert live["data"]["greeting"] == "moin"
    [current] = world.history.releases()
    assert (current.number, current.helm_revision, current.cluster) == (1, 1, plan.cluster)


def test_the_answers_can_be_had_again(world: World) -> None:
    made = world.apply(world.plan(greeting="moin"))
    assert made.inputs is not None
    inputs = world.vault.inputs(made.inputs)
    assert inputs.answers == {"asked": "yes", "greeting": "moin"}
    assert inputs.secrets == ("s3cret-word",)


def test_events_tell_step_and_objects(world: World) -> None:
    world.apply(world.plan(replicas=1))
    assert isinstance(world.told[0], StepStarted)
    assert isinstance(world.told[-1], StepFinished)
    states = {(e.kind, e.ready) for e in world.told if isinstance(e, ObjectState)}
    assert states == {("Deployment", True), ("Pod", True)}


def test_a_plan_whose_images_went_meanwhile_is_refused(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    plan = world.plan(greeting="servus")
    [image] = plan.images
    world.gone.add(image.digest)
    with pytest.raises(ImagesGone, match=image.name) as refused:
        world.apply(plan)
    assert refused.value.exit_code == 4
    assert world.helm.values(NAME, PLACE)["greeting"] == "moin"
    assert len(world.history.revisions(HERE, PLACE, NAME)) == 1
    with pytest.raises(ImagesGone):
        world.plan(greeting="servus")
    world.gone.clear()
    assert world.apply(plan).number == 2


def test_what_is_gone_from_the_store_can_still_be_removed(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    world.gone.update(image.digest for image in world.plan(greeting="servus").images)
    made = world.apply(world.planner.remove(NAME, PLACE))
    assert made.outcome is Outcome.REMOVED


def test_the_whole_way_and_back(world: World) -> None:
    world.apply(world.plan("1.0", greeting="moin"))
    world.apply(world.plan("1.1", greeting="servus"))
    back = world.apply(world.planner.rollback(NAME, PLACE, 1))
    assert (back.number, back.helm_revision, back.version) == (3, 3, "1.0")
    assert world.helm.values(NAME, PLACE) == {"greeting": "moin"}
    gone = world.apply(world.planner.remove(NAME, PLACE))
    assert gone.outcome is Outcome.REMOVED
    assert world.helm.status(NAME, PLACE) is None
    assert world.history.releases() == ()
    assert len(world.history.revisions(HERE, PLACE, NAME)) == 4


def test_a_plan_without_changes_leaves_all_alone(world: World) -> None:
    first = world.apply(world.plan())
    again = world.apply(world.plan())
    assert again == first
    assert len(world.helm.history(NAME, PLACE)) == 1


def test_a_plan_is_applied_once(world: World) -> None:
    plan = world.plan()
    world.apply(plan)
    with pytest.raises(PlanStale, match="revision of it went from 0 to 1"):
        world.apply(plan)


def test_another_revision_makes_a_plan_stale(world: World) -> None:
    world.apply(world.plan())
    plan = world.plan(greeting="mine")
    world.apply(world.plan(greeting="yours"))
    with pytest.raises(PlanStale, match="revision of it went from 1 to 2"):
        world.apply(plan)
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    assert live is not None
    assert live["data"]["greeting"] == "yours"


def test_another_cluster_makes_a_plan_stale(world: World, tmp_path: Path) -> None:
    plan = world.plan()
    world.cluster._store[("v1", "Namespace", "", "kube-system")]["metadata"]["uid"] = "other"
    with pytest.raises(PlanStale, match="another cluster"):
        world.apply(plan)


def test_a_plan_of_another_zone_is_not_applied(world: World, tmp_path: Path) -> None:
    plan = world.plan()
    elsewhere = build(tmp_path / "other.db", world.cluster, world.helm)
    with pytest.raises(VaultMissing):
        elsewhere.apply(plan)
    elsewhere.database.close()


def test_a_failed_install_leaves_nothing_and_names_the_cause(world: World) -> None:
    with pytest.raises(ApplyPutBack, match=f"has no image {NOWHERE}") as caught:
        world.apply(world.plan(replicas=1, image=NOWHERE))
    assert caught.value.exit_code == 5
    assert world.helm.status(NAME, PLACE) is None
    [revision] = world.history.revisions(HERE, PLACE, NAME)
    assert (revision.outcome, revision.error) == (Outcome.PUT_BACK, "cause.image-not-found")
    assert world.history.releases() == ()


def test_a_failed_upgrade_is_put_back_and_our_number_stays(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan("1.1", greeting="servus", replicas=1, image=NOWHERE))
    [current] = world.history.releases()
    assert (current.number, current.helm_revision) == (1, 3)
    now = world.history.current(HERE, PLACE, NAME)
    assert now is not None
    assert now.version == "1.0"
    assert not world.plan(greeting="moin").has_changes


def test_a_hopeless_cause_ends_the_wait_and_is_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GRACE, "cause.image-not-found", 0.0)
    world.apply(world.plan(greeting="moin"))
    plan = world.plan("1.1", greeting="servus", replicas=1, image=NOWHERE)
    patient = build(world.database.path, world.cluster, world.helm)
    patient.executor._options = Options(timeout=25)
    with pytest.raises(ApplyPutBack, match=f"has no image {NOWHERE}") as caught:
        patient.apply(plan)
    assert caught.value.exit_code == 5
    assert isinstance(caught.value.fields["cause"], ImageNotFound)
    [one] = [one for one in patient.told if isinstance(one, Cause) and not one.over]
    assert (one.kind, one.name) == ("Pod", f"{NAME}-work-0")
    last = patient.history.revisions(HERE, PLACE, NAME)[-1]
    assert (last.outcome, last.error) == (Outcome.PUT_BACK, "cause.image-not-found")
    row = Audit(patient.database, now_utc).rows()[-1]
    assert json.loads(row.detail)["cause"] == str(caught.value.fields["cause"])
    now = patient.history.current(HERE, PLACE, NAME)
    assert now is not None
    assert now.version == "1.0"
    patient.database.close()


def test_what_can_neither_be_done_nor_undone_needs_a_person(world: World) -> None:
    world.apply(world.plan())
    plan = world.plan("1.1", replicas=1, image=NOWHERE)
    crippled = _NeverBack(world.cluster)
    crippled._records = world.helm._records
    other = build(world.database.path, world.cluster, crippled)
    with pytest.raises(ApplyUnclear) as caught:
        other.apply(plan)
    assert caught.value.exit_code == 6
    assert other.history.revisions(HERE, PLACE, NAME)[-1].outcome is Outcome.FAILED
    other.database.close()


def test_a_crashed_engine_is_settled_at_once(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    plan = world.plan("1.1", greeting="servus")
    crashing = _Crashing(world.cluster)
    crashing._records = world.helm._records
    other = build(world.database.path, world.cluster, crashing)
    with pytest.raises(ApplyPutBack, match="engine ended unexpectedly"):
        other.apply(plan)
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    assert live is not None
    assert live["data"]["greeting"] == "moin"
    other.database.close()


def test_what_helm_finished_is_done_even_if_the_last_look_failed(world: World) -> None:
    plan = world.plan(greeting="moin")
    other = build(world.database.path, world.cluster, _ThenAway(world.cluster))
    made = other.apply(plan)
    assert (made.outcome, made.helm_revision) == (Outcome.DEPLOYED, 1)
    other.database.close()


def test_the_answers_of_a_removed_release_are_remembered(world: World) -> None:
    world.apply(world.plan(password="kept-password"))
    world.apply(world.planner.remove(NAME, PLACE))
    assert world.history.current(HERE, PLACE, NAME) is None
    remembered = world.history.remembered(HERE, PLACE, NAME)
    assert remembered is not None
    assert remembered.inputs is not None
    assert world.vault.inputs(remembered.inputs).answers["password"] == "kept-password"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("pending-upgrade", "put-back"), ("failed", "put-back"), ("deployed", "done")],
)
def test_a_killed_upgrade_is_recovered(world: World, status: str, expected: str) -> None:
    world.apply(world.plan(greeting="moin"))
    plan = world.plan("1.1", greeting="servus")
    killed = _killed_after(world, plan, status)
    [record] = killed.journal.recover()
    assert (record.cluster, record.subject) == (HERE, f"{PLACE}/{NAME}")
    assert killed.journal.recent(1)[0].outcome == f"recovered: {expected}"
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    assert live is not None
    assert live["data"]["greeting"] == ("servus" if expected == "done" else "moin")
    outcome = killed.history.revisions(HERE, PLACE, NAME)[-1].outcome
    assert outcome.value == ("deployed" if expected == "done" else "put-back")
    assert killed.journal.recover() == ()
    killed.database.close()


@pytest.mark.parametrize("status", ["pending-install", "failed"])
def test_a_killed_install_is_taken_away(world: World, status: str) -> None:
    killed = _killed_after(world, world.plan(), status)
    killed.journal.recover()
    assert world.helm.status(NAME, PLACE) is None
    assert world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config") is None
    assert killed.history.releases() == ()
    killed.database.close()


def test_a_killed_removal_is_finished(world: World) -> None:
    world.apply(world.plan())
    killed = _killed_after(world, world.planner.remove(NAME, PLACE), "uninstalling")
    killed.journal.recover()
    assert world.helm.status(NAME, PLACE) is None
    assert killed.history.revisions(HERE, PLACE, NAME)[-1].outcome is Outcome.REMOVED
    killed.database.close()


def test_a_kill_before_helm_was_asked_changes_nothing(world: World) -> None:
    world.apply(world.plan())
    killed = _killed_after(world, world.plan(greeting="other"), "")
    killed.journal.recover()
    assert killed.journal.recent(1)[0].outcome == "recovered: untouched"
    assert len(world.helm.history(NAME, PLACE)) == 1
    killed.database.close()


def test_while_the_cluster_is_away_recovery_stays_to_be_done(world: World) -> None:
    killed = _killed_after(world, world.plan(), "pending-install")
    away = build(world.database.path, world.cluster, _Unreachable(world.cluster))
    with pytest.raises(ClusterUnreachable):
        away.journal.recover()
    away.database.close()
    assert len(killed.journal.interrupted()) == 1
    assert len(killed.journal.recover()) == 1
    killed.database.close()


def test_no_secret_stands_in_journal_or_revisions(world: World) -> None:
    world.apply(world.plan(password="s3cret-word"))
    for table in ("operations", "steps", "audit", "revisions", "releases"):
        rows = world.database.query(f"SELECT * FROM {table}")  # noqa: S608
        assert "s3cret-word" not in str([tuple(row) for row in rows])


class _ThenAway(SimulatedHelm):
    """Installs well, and then the cluster shows no more objects."""

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        made = super().install(chart, release, namespace, values, options)
        self.cluster.blind = True
        return made


class _NeverBack(SimulatedHelm):
    """Fails every change and cannot put it back."""

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        left = Options(timeout=options.timeout, rollback_on_failure=False)
        return super().upgrade(chart, release, namespace, values, left)

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted("still not"))


class _Crashing(SimulatedHelm):
    """Dies in the middle of an upgrade."""

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        super().upgrade(chart, release, namespace, values, options)
        self.mark(release, namespace, "pending-upgrade")
        raise EngineCrashed(verb="upgrade", status="signal 9", last="it said nothing")


class _Unreachable(SimulatedHelm):
    def status(self, release: str, namespace: str) -> Release | None:
        raise ClusterUnreachable(address="x", reason=Quoted("gone"))


class _Killed(BaseException):
    """Ends an apply where it stands, as SIGKILL does: whatever handler sees it can do nothing."""


def _killed_after(world: World, plan: Plan, status: str) -> World:
    """The zone as the next process finds it after an apply was killed with Helm at `status`."""
    dead = Process(1 << 22, 1, "another boot")
    dying = build(world.database.path, world.cluster, world.helm)
    dying.journal._own = lambda: dead
    dying.executor._engine = _Dying(world.helm, status)
    with pytest.raises(_Killed):
        dying.apply(plan)
    dying.database.close()
    return build(world.database.path, world.cluster, world.helm)


class _Dying(SimulatedHelm):
    """Lets Helm go as far as `status` (not at all when empty), then kills the process."""

    def __init__(self, helm: SimulatedHelm, status: str) -> None:
        super().__init__(helm.cluster)
        self._records = helm._records
        self._end = status

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        self._go(lambda: super(_Dying, self).install(chart, release, namespace, values, options))
        raise _Killed

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        self._go(lambda: super(_Dying, self).upgrade(chart, release, namespace, values, options))
        raise _Killed

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        self.mark(release, namespace, self._end)
        raise _Killed

    def cancel(self) -> None:
        raise _Killed  # a killed process cancels nothing

    def _go(self, change: Callable[[], Release]) -> None:
        if self._end:
            made = change()
            self.mark(made.name, made.namespace, self._end)
