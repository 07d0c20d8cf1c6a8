"""What a plan foretells over a cluster, and that a cluster which moved meanwhile is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from champ_offline.release.base import ObjectsMoved
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.masks import CHANGED
from champ_offline.release.plan import Change, Plan, PlanUnreadable
from champ_offline.release.records.recorded import recorded
from champ_offline.release.review.answers import Answer
from champ_offline.release.review.effects import Happens
from champ_offline.release.review.estimate import UNKNOWN, Basis, Estimate, estimate
from champ_offline.release.review.immutable import FieldsImmutable
from champ_offline.release.review.irreversible import Why
from champ_offline.release.review.restarts import Cause, Restart, Way
from tests.simulators.charts import PAUSE, SAMPLE, chart
from tests.unit.release.conftest import IMAGES, NAME, PLACE, World

MANY = 100


def moved(world: World, plan: Plan) -> list[str]:
    """What applying names as moved."""
    with pytest.raises(ObjectsMoved) as caught:
        world.apply(plan)
    moves: Any = caught.value.fields["objects"]
    assert caught.value.fields["count"] == len(moves)
    return [str(move) for move in moves]


def edit(world: World, kind: str, name: str, **changed: object) -> None:
    """Change a live object as kubectl would."""
    api = "apps/v1" if kind == "Deployment" else "v1"
    live = world.cluster.get(api, kind, PLACE, name)
    assert live is not None
    world.cluster.apply({**live, **changed}, PLACE)


def test_answers_of_an_install_are_those_that_are_no_defaults(world: World) -> None:
    request = replace(
        world.request(greeting="moin"), defaults={"asked": "yes", "greeting": "hello"}
    )
    assert world.planner.change(request).answers == (Answer("greeting", "hello", "moin"),)


def test_answers_of_an_upgrade_differ_from_the_present_ones(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    assert world.plan(greeting="servus").answers == (Answer("greeting", "moin", "servus"),)
    world.apply(world.plan(greeting="servus"))
    back = world.planner.rollback(NAME, PLACE, 1)
    assert back.answers == (Answer("greeting", "servus", "moin"),)
    assert world.planner.remove(NAME, PLACE).answers == ()


def test_an_old_secret_is_hidden_like_a_new_one(world: World) -> None:
    first = replace(world.request(password="old-password", greeting="pw=old-password"),
                    secrets=("old-password",))  # fmt: skip
    world.apply(world.planner.change(first))
    second = replace(world.request(password="new-password", greeting="pw=new-password"),
                     secrets=("new-password",))  # fmt: skip
    plan = world.planner.change(second)
    assert b"old-password" not in plan.to_bytes()
    assert b"new-password" not in plan.to_bytes()
    assert Answer("password", HIDDEN, CHANGED) in plan.answers


def test_pods_that_restart_are_told_with_the_reason(world: World) -> None:
    world.apply(world.plan(replicas=2))
    again = SAMPLE["templates/work.yaml"].replace("Seconds: 0", "Seconds: 1")
    plan = world.plan(chart=chart({**_small(), "templates/work.yaml": again}), replicas=2)
    [work] = [one for one in plan.actions if one.kind == "Deployment"]
    assert work.restarts == (Restart(2, Way.ROLLING, (Cause.SETTINGS,)),)
    assert [one.restarts for one in world.plan(replicas=2).actions] == [(), (), (), ()]


def test_a_removal_ends_pods_and_says_that_it_is_final(world: World) -> None:
    world.apply(world.plan(replicas=2))
    plan = world.planner.remove(NAME, PLACE)
    ended = [restart for one in plan.actions for restart in one.restarts]
    assert ended == [Restart(2, Way.ENDING, (Cause.DELETED,))]
    assert [entry.why for entry in plan.irreversible] == [Why.RELEASE_REMOVED]


def test_what_nodes_pull_is_told_until_they_have_it(world: World) -> None:
    [pull] = world.plan().pulls
    assert (pull.image, pull.missing, pull.unknown) == (PAUSE, ("one",), ())
    [load] = world.plan().loads
    assert (load.node, load.size) == ("one", pull.size)
    [machine] = world.cluster.machines
    world.cluster.machines = (replace(machine, images=frozenset({str(IMAGES[PAUSE])})),)
    assert world.plan().pulls[0].missing == ()
    world.cluster.machines = (replace(machine, all_images_told=False),)
    assert world.plan().pulls[0].unknown == ("one",)


def test_effects_name_the_namespace_and_the_hook(world: World) -> None:
    found = [(one.happens, one.name) for one in world.plan().effects]
    assert found == [(Happens.NAMESPACE_MADE, PLACE), (Happens.HOOK_RUNS, f"{NAME}-hook")]


def test_estimates_rest_on_earlier_runs(world: World) -> None:
    assert world.plan().estimate == UNKNOWN
    world.apply(world.plan(greeting="a"))
    assert world.plan(greeting="b").estimate.basis is Basis.NONE, "an install is no upgrade"
    world.apply(world.plan(greeting="b"))
    assert world.plan(greeting="c").estimate.basis is Basis.RELEASE
    other = replace(world.request(), release="second", namespace="other")
    assert world.planner.change(other).estimate.basis is Basis.APP


@pytest.mark.parametrize(
    ("own", "of_app", "found"),
    [
        ([], [], UNKNOWN),
        ([10.0], [99.0], Estimate(10, 10, 1, Basis.RELEASE)),
        ([], [4.0, 6.0, 50.0], Estimate(6, 50, 3, Basis.APP)),
        ([900.0, 1.0, 2.0, 3.0, 4.0, 5.0], [], Estimate(3, 5, 5, Basis.RELEASE)),
        ([0.01], [], Estimate(1, 1, 1, Basis.RELEASE)),
    ],
)
def test_an_estimate_is_the_median_of_the_last_runs(
    own: list[float], of_app: list[float], found: Estimate
) -> None:
    assert estimate(own, of_app) == found


def test_an_untouched_cluster_takes_the_plan(world: World) -> None:
    world.apply(world.plan())
    plan = world.plan(greeting="other")
    assert {one.guard[:7] for one in plan.actions if not one.hook} == {"sha256:"}
    assert [one.guard for one in plan.actions if one.hook] == [""]
    assert world.apply(plan).number == 2


def test_every_object_that_moved_is_named(world: World) -> None:
    world.apply(world.plan(replicas=1))
    plan = world.plan(greeting="other", replicas=1)
    edit(world, "ConfigMap", f"{NAME}-config", data={"greeting": "by hand"})
    secret = world.cluster.get("v1", "Secret", PLACE, f"{NAME}-secret")
    assert secret is not None
    world.cluster.delete(secret, PLACE)
    assert moved(world, plan) == [
        f"ConfigMap {NAME}-config (changed meanwhile)",
        f"Secret {NAME}-secret (gone meanwhile)",
    ]
    assert len(world.helm.history(NAME, PLACE)) == 1


def test_an_object_that_the_plan_leaves_as_it_is_may_not_move_either(world: World) -> None:
    world.apply(world.plan())
    plan = world.plan(greeting="other")
    [work] = [one for one in plan.actions if one.kind == "Deployment"]
    assert work.change is Change.UNCHANGED
    live = world.cluster.get("apps/v1", "Deployment", PLACE, work.name)
    assert live is not None
    edit(world, "Deployment", work.name, spec={**live["spec"], "replicas": 3})
    assert moved(world, plan) == [f"Deployment {work.name} (changed meanwhile)"]


def test_what_somebody_made_meanwhile_is_not_taken_over(world: World) -> None:
    plan = world.plan()
    world.cluster.ensure_namespace(PLACE)
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{NAME}-config"}}
    world.cluster.apply({**other, "data": {}}, PLACE)
    assert moved(world, plan) == [f"ConfigMap {NAME}-config (made meanwhile)"]


def test_a_removal_is_guarded_too(world: World) -> None:
    world.apply(world.plan())
    plan = world.planner.remove(NAME, PLACE)
    edit(world, "ConfigMap", f"{NAME}-config", data={"greeting": "by hand"})
    assert moved(world, plan) == [f"ConfigMap {NAME}-config (changed meanwhile)"]


def test_a_hundred_objects_are_checked_with_few_questions(world: World) -> None:
    every = {
        f"templates/more-{n}.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}}}\n"
        for n in range(MANY)
    }
    many = chart({**_small(), **every})
    world.apply(world.plan(chart=many))
    plan = world.plan(chart=many)
    assert len(plan.actions) > MANY
    before = world.cluster.asked
    world.apply(plan)
    assert world.cluster.asked - before < 10


def test_fields_that_never_change_are_named_before_the_server_refuses(world: World) -> None:
    world.apply(world.plan())
    other = SAMPLE["templates/work.yaml"].replace("{app: {{", "{app: x, other: {{")
    with pytest.raises(FieldsImmutable, match=f"Deployment {NAME}-work keeps spec.selector"):
        world.plan(chart=chart({**_small(), "templates/work.yaml": other}))


def test_a_plan_of_the_former_format_tells_its_images_and_is_not_applied(world: World) -> None:
    plan = world.plan()
    later = {"answers", "pulls", "loads", "effects", "irreversible", "estimate"}
    document = {
        key: value for key, value in json.loads(plan.to_bytes()).items() if key not in later
    }
    document["format"] = 1
    for action in document["actions"]:
        for key in ("namespace", "restarts", "guard"):
            del action[key]
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert recorded(data).images == plan.images
    assert recorded(plan.to_bytes()) == plan
    with pytest.raises(PlanUnreadable, match="its format is 1, not 3"):
        Plan.from_bytes(data)


def _small() -> dict[str, str]:
    return {name: text for name, text in SAMPLE.items() if not name.startswith("crds/")}
