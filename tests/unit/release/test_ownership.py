"""Fields that others hold: who holds what is said, and it is taken back where that was accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from champ_offline.helm.engine import Options, Release
from champ_offline.journal.audit import Audit
from champ_offline.preflight.concern import Weight
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.ownership import FieldsMoved
from champ_offline.release.plan import Change, Plan
from champ_offline.release.prospect import PlanBlocked, accept
from champ_offline.release.seal import sealed_manifests
from tests.simulators.charts import chart
from tests.unit.release.apply.test_recovering import PLAIN, greeting, killed, recovered, told
from tests.unit.release.conftest import NAME, PLACE, World

ID = "fields.held-by-others"
GREETING: dict[str, Any] = {"f:data": {"f:greeting": {}}}
REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def planned(world: World, version: str = "1.1", **values: object) -> Plan:
    return world.plan(version, chart(PLAIN), **values)


def live(world: World, kind: str, name: str) -> dict[str, Any]:
    version = "apps/v1" if kind == "Deployment" else "v1"
    found = world.cluster.get(version, kind, PLACE, f"{NAME}-{name}")
    assert found is not None
    return found


def edited(world: World, text: str, manager: str = "kubectl-edit") -> None:
    """Somebody changes the greeting."""
    config = live(world, "ConfigMap", "config")
    config["data"]["greeting"] = text
    world.cluster.edit(config, manager, GREETING)


def scaled(world: World, replicas: int, manager: str) -> None:
    work = live(world, "Deployment", "work")
    work["spec"]["replicas"] = replicas
    world.cluster.edit(work, manager, REPLICAS)


def accepted(world: World, plan: Plan) -> Plan:
    found = accept(plan, [ID])
    world.vault.put(found.to_bytes())
    return found


def held(plan: Plan) -> list[tuple[str, str, str]]:
    return [
        (one.subject, one.fields["manager"], one.fields["field"])
        for one in plan.concerns
        if one.id == ID
    ]


def test_a_plan_names_what_others_put_in_besides_and_leaves_it(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    config = live(world, "ConfigMap", "config")
    config["data"] |= {"extra": "x", "more": "y"}
    world.cluster.edit(config, "kubectl-edit", {"f:data": {"f:extra": {}, "f:more": {}}})
    plan = planned(world, greeting="servus")
    [concern] = plan.concerns
    assert (concern.id, concern.weight) == ("fields.added-by-others", Weight.WARNING)
    assert concern.subject == f"ConfigMap {NAME}-config"
    assert concern.fields == {"manager": "kubectl-edit", "fields": "data.extra, data.more"}
    world.apply(plan)
    kept = {"greeting": "servus", "extra": "x", "more": "y"}
    assert live(world, "ConfigMap", "config")["data"].items() >= kept.items()


def test_a_plan_says_who_holds_what_and_is_not_applied(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "by hand")
    plan = planned(world, greeting="servus")
    assert held(plan) == [(f"ConfigMap {NAME}-config", "kubectl-edit", "data.greeting")]
    assert [one.weight for one in plan.concerns] == [Weight.BLOCKING]
    [action] = [one for one in plan.actions if one.kind == "ConfigMap"]
    assert "by hand" in action.diff
    with pytest.raises(PlanBlocked, match=ID):
        world.apply(plan)
    assert greeting(world) == "by hand"


def test_what_was_accepted_is_taken_back_and_the_chain_says_from_whom(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "by hand")
    world.apply(accepted(world, planned(world, greeting="servus")))
    assert greeting(world) == "servus"
    begun = [detail for act, detail in told(world) if act == "release.apply.begin"]
    assert "taken" not in begun[0]
    assert begun[1]["taken"] == [f"ConfigMap {NAME}-config data.greeting: kubectl-edit"]
    assert held(planned(world, "1.2", greeting="hallo")) == []


def test_nobody_holds_what_is_to_stay_as_it_is(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "servus")
    assert held(planned(world, greeting="servus")) == []


def test_what_was_not_accepted_is_not_taken_with_it(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "by hand")
    plan = accepted(world, planned(world, greeting="servus", replicas=2))
    scaled(world, 0, "kubectl-scale")
    with pytest.raises(FieldsMoved, match=r"spec\.replicas \(kubectl-scale\)"):
        world.apply(plan)
    assert greeting(world) == "by hand"


def test_what_was_given_back_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "by hand")
    plan = accepted(world, planned(world, greeting="servus"))
    config = live(world, "ConfigMap", "config")
    del config["metadata"]["managedFields"]
    world.cluster.edit(config, "helm")
    given: list[Options] = []
    upgrade = world.helm.upgrade

    def seen(*what: Any) -> Release:
        given.append(what[-1])
        return upgrade(*what)

    monkeypatch.setattr(world.helm, "upgrade", seen)
    world.apply(plan)
    assert [one.force for one in given] == [False]


def test_fields_taken_in_the_last_moment_stop_helm_and_all_is_put_back(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    plan = planned(world, greeting="servus")
    config = live(world, "ConfigMap", "config")
    world.cluster.edit(config, "kubectl-edit", GREETING)
    with pytest.raises(ApplyPutBack, match="others hold some of its fields"):
        world.apply(plan)
    assert greeting(world) == "moin"


def test_a_recovery_takes_fields_only_where_nothing_else_helps(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    killed(world, planned(world, greeting="servus"), "apply Deployment")
    edited(world, "by hand")
    done = recovered(world)
    assert (done.outcome, done.trouble) == ("put-back", "")
    assert done.acts == ("rollback 1", "rollback 1 with the fields that others hold")
    assert greeting(world) == "moin"


AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "by-hand"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": f"{NAME}-work"}},
}


def test_replicas_that_an_autoscaler_holds_are_left_to_it(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin", replicas=1))
    world.cluster.apply(AUTOSCALER, PLACE)
    scaled(world, 4, "kube-controller-manager")
    plan = planned(world, greeting="servus", replicas=1)
    assert held(plan) == []
    # It goes on scaling after the plan was made.
    scaled(world, 5, "kube-controller-manager")
    world.apply(plan)
    assert live(world, "Deployment", "work")["spec"]["replicas"] == 5
    assert plan.sealed is not None
    assert "replicas" not in "".join(sealed_manifests(world.vault.get(plan.sealed)))


def test_replicas_that_helm_holds_stay_in_the_release(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin", replicas=2))
    world.cluster.apply(AUTOSCALER, PLACE)
    world.apply(planned(world, greeting="servus", replicas=2))
    assert live(world, "Deployment", "work")["spec"]["replicas"] == 2


def test_replicas_that_a_person_set_are_told(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin", replicas=1))
    scaled(world, 3, "kubectl-scale")
    plan = planned(world, greeting="servus", replicas=1)
    assert held(plan) == [(f"Deployment {NAME}-work", "kubectl-scale", "spec.replicas")]


def test_what_another_helm_did_is_told(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    world.helm.upgrade(chart(PLAIN), NAME, PLACE, {"greeting": "by helm"}, Options(timeout=1))
    [told_] = planned(world, greeting="servus").concerns
    assert (told_.id, told_.weight) == ("release.changed-by-others", Weight.WARNING)
    assert (told_.fields["expected"], told_.fields["found"]) == ("1", "2")
    again = world.apply(planned(world, greeting="moin"))
    assert again.helm_revision == 3
    # The same objects, and yet not our record.
    world.helm.rollback(NAME, PLACE, 3, Options())
    same = planned(world, greeting="moin")
    assert {action.change for action in same.actions} == {Change.UNCHANGED}
    assert same.has_changes
    assert world.apply(same).helm_revision == 5
    assert not planned(world, greeting="moin").has_changes
    world.helm.uninstall(NAME, PLACE, Options())
    [told_] = planned(world, greeting="servus").concerns
    assert (told_.id, told_.fields["expected"]) == ("release.removed-by-others", "5")


def test_no_name_of_a_holder_is_taken_for_a_format(world: World) -> None:
    world.apply(planned(world, "1.0", greeting="moin"))
    edited(world, "by hand", manager="{0.__class__}")
    world.apply(accepted(world, planned(world, greeting="servus")))
    rows = [json.loads(row.detail) for row in Audit(world.database, world.journal._now).rows()]
    assert any("{0.__class__}" in str(row.get("taken")) for row in rows)
