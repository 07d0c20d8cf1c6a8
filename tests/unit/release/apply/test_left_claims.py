"""The same plan again after its own first install was put back and left claims with volumes."""

from __future__ import annotations

import pytest

from champ_offline.release.apply.failures import ApplyPutBack, VolumesStay
from champ_offline.release.base import ObjectsMoved
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import Outcome
from tests.simulators.charts import NOWHERE, chart
from tests.unit.release.apply.test_recovering import STORING, killed, recovered
from tests.unit.release.conftest import NAME, PLACE, World

CLAIM = f"{NAME}-images"
EFFECT = "apply Deployment"


def cut_off(world: World, plan: Plan) -> World:
    """The zone after a kill while the pods started, and the recovery of that."""
    after = killed(world, plan, EFFECT)
    [would] = after.journal.recover(rehearsal=True)
    made = not after.journal.recent()[1:]
    assert would.kept == ((CLAIM,) if made else ())
    assert recovered(after).outcome == "put-back"
    return after


def claim_again(world: World) -> None:
    """Somebody deletes the claim and makes one of the same name."""
    live = world.cluster.get("v1", "PersistentVolumeClaim", PLACE, CLAIM)
    assert live is not None
    world.cluster.delete(live, PLACE)
    for key in ("uid", "resourceVersion"):
        live["metadata"].pop(key, None)
    world.cluster.apply(live, PLACE)


def test_the_same_plan_uses_the_claims_that_its_killed_installs_left(world: World) -> None:
    plan = world.plan(chart=chart(STORING))
    once = cut_off(world, plan)
    [claim] = once.cluster.claims(PLACE)
    assert (claim.name, claim.bound) == (CLAIM, True)
    twice = cut_off(once, plan)  # this install found the claim, so it did not make it
    assert twice.apply(plan).outcome is Outcome.DEPLOYED
    assert [one.uid for one in twice.cluster.claims(PLACE)] == [claim.uid]
    once.database.close()
    twice.database.close()


def test_an_install_that_failed_by_itself_is_the_same(world: World) -> None:
    plan = world.plan(chart=chart(STORING), replicas=1, image=NOWHERE)
    for expected in (VolumesStay, ApplyPutBack):  # the second one made no claim
        with pytest.raises(expected):
            world.apply(plan)


def test_a_claim_that_somebody_made_anew_is_refused(world: World) -> None:
    plan = world.plan(chart=chart(STORING))
    after = cut_off(world, plan)
    claim_again(after)
    with pytest.raises(ObjectsMoved, match=f"PersistentVolumeClaim {CLAIM} "):
        after.apply(plan)
    after.database.close()


def test_what_else_was_made_meanwhile_is_refused_and_the_claim_is_not_named(world: World) -> None:
    plan = world.plan(chart=chart(STORING))
    after = cut_off(world, plan)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{NAME}-config"}}
    after.cluster.apply(config, PLACE)
    with pytest.raises(ObjectsMoved, match=r"1 object\(s\) moved: ConfigMap"):
        after.apply(plan)
    after.database.close()


def test_another_plan_of_then_is_refused(world: World) -> None:
    other = world.plan(chart=chart(STORING), greeting="servus")
    after = cut_off(world, world.plan(chart=chart(STORING)))
    with pytest.raises(ObjectsMoved, match=CLAIM):
        after.apply(other)
    after.database.close()


def test_what_ran_since_may_have_used_the_claim_so_it_is_refused(world: World) -> None:
    plan = world.plan(chart=chart(STORING))
    after = cut_off(world, plan)
    after.apply(plan)
    after.apply(after.planner.remove(NAME, PLACE))
    with pytest.raises(ObjectsMoved, match=CLAIM):
        after.apply(plan)
    after.database.close()
