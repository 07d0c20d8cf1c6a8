"""A hook that never succeeds keeps nobody from putting a release right: it can be left out."""

from __future__ import annotations

import pytest

from champ_offline.helm.engine import PENDING
from champ_offline.helm.faults import ReleaseBusy
from champ_offline.release.apply.failures import ApplyUnclear
from champ_offline.release.records.history import Outcome
from tests.simulators.charts import NOWHERE, chart
from tests.unit.release.apply.test_recovering import PLAIN, greeting, killed, recovered, told
from tests.unit.release.conftest import HERE, NAME, PLACE, World

_NEVER = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-never
  annotations: {helm.sh/hook: EVENT}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: never, image: NOWHERE}]
"""


def hooked(event: str) -> bytes:
    """The plain chart with a hook at that event which fails."""
    hook = _NEVER.replace("EVENT", event).replace("NOWHERE", NOWHERE)
    return chart({**PLAIN, "templates/never.yaml": hook})


@pytest.mark.parametrize("event", ["pre-rollback", "post-rollback"])
def test_a_recovery_without_hooks_ends_what_one_with_them_cannot(world: World, event: str) -> None:
    world.apply(world.plan("1.0", hooked(event), greeting="moin"))
    killed(world, world.plan("1.1", hooked(event), greeting="servus"), "apply Deployment")

    stuck = recovered(world)
    assert stuck.outcome == "unclear"
    assert stuck.acts == ("rollback 1", "rollback 1")
    assert f"{event} hooks failed" in stuck.trouble
    newest = world.helm.status(NAME, PLACE)
    assert newest is not None
    assert newest.status in PENDING
    with pytest.raises(ReleaseBusy):
        world.plan("1.2", hooked(event), greeting="hallo")

    world.executor.leave_out_hooks()
    rehearsed = [one.acts for one in world.journal.recover(rehearsal=True)]
    assert rehearsed == [("rollback 1 without hooks",)]
    done = recovered(world)
    assert (done.outcome, done.acts, done.trouble) == (
        "put-back", ("rollback 1 without hooks",), "",
    )  # fmt: skip
    assert greeting(world) == "moin"
    assert [one.outcome for one in world.history.revisions(HERE, PLACE, NAME)] == [
        Outcome.DEPLOYED, Outcome.PUT_BACK,
    ]  # fmt: skip
    asked = [detail["asked"] for act, detail in told(world) if act == "release.settle"]
    assert asked == ["rollback 1", "rollback 1", "rollback 1 without hooks"]
    last = told(world)[-1]
    assert (last[0], last[1]["asked"]) == ("release.recover", ["rollback 1 without hooks"])


def test_a_failed_upgrade_that_cannot_be_put_back_says_how_it_can(world: World) -> None:
    world.apply(world.plan("1.0", hooked("pre-rollback"), greeting="moin"))
    broken = world.plan("1.1", hooked("pre-rollback"), replicas=1, image=NOWHERE)
    with pytest.raises(ApplyUnclear) as stuck:
        world.apply(broken)
    assert "--without-hooks" in stuck.value.remedy
    world.executor.leave_out_hooks()
    assert recovered(world).outcome == "put-back"


def test_a_first_install_is_taken_away_without_its_hooks(world: World) -> None:
    killed(world, world.plan("1.0", hooked("pre-delete"), greeting="moin"), "apply Deployment")
    assert recovered(world).outcome == "unclear"
    world.executor.leave_out_hooks()
    done = recovered(world)
    assert (done.outcome, done.acts) == ("put-back", ("uninstall without hooks",))
    assert greeting(world) is None
