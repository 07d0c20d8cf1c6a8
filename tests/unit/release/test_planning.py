"""Plans: what they say, what they do not show, and that making them changes nothing."""

from __future__ import annotations

import copy
import random

import pytest

from champ_offline.helm import faults
from champ_offline.release.base import NeverDeployed
from champ_offline.release.images.digests import ImagesMissing
from champ_offline.release.plan import Change, Operation, Plan
from champ_offline.release.records.history import RevisionUnknown
from champ_offline.release.seal import RecordTooLarge
from tests.simulators.charts import PAUSE, SAMPLE, chart
from tests.unit.release.conftest import IMAGES, NAME, PLACE, World


def changes(plan: Plan) -> dict[str, str]:
    return {
        f"{action.kind} {action.name}": action.change.value
        for action in plan.actions
        if not action.hook
    }


def test_an_install_creates_everything_and_pins_images(world: World) -> None:
    plan = world.plan()
    assert plan.operation is Operation.INSTALL
    assert plan.new_namespace
    assert (plan.from_version, plan.to_version, plan.base_revision) == ("", "1.0", 0)
    assert set(changes(plan).values()) == {"created"}
    assert [(image.name, image.digest) for image in plan.images] == [(PAUSE, IMAGES[PAUSE])]
    [work] = [action for action in plan.actions if action.kind == "Deployment"]
    assert f"image: {PAUSE}@{IMAGES[PAUSE]}" in work.diff
    assert [a.hook for a in plan.actions if a.hook] == ["pre-install,pre-upgrade"]


def test_planning_changes_neither_cluster_nor_helm(world: World) -> None:
    world.apply(world.plan())
    before = copy.deepcopy(world.cluster._store)
    world.plan("1.1", greeting="other")
    world.planner.rollback(NAME, PLACE, 1)
    world.planner.remove(NAME, PLACE)
    assert world.cluster._store == before
    assert len(world.helm.history(NAME, PLACE)) == 1


def test_the_same_again_is_a_plan_without_changes(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    plan = world.plan(greeting="moin")
    assert plan.operation is Operation.UPGRADE
    assert not plan.has_changes
    assert plan.summary == {Change.UNCHANGED: 3}


def test_a_new_version_alone_is_a_change(world: World) -> None:
    world.apply(world.plan("1.0"))
    assert world.plan("1.1").has_changes


def test_only_what_differs_is_changed(world: World) -> None:
    world.apply(world.plan(greeting="moin"))
    plan = world.plan(greeting="servus")
    assert changes(plan) == {
        f"ConfigMap {NAME}-config": "changed",
        f"Secret {NAME}-secret": "unchanged",
        f"Deployment {NAME}-work": "unchanged",
    }
    [config] = [action for action in plan.actions if action.change is Change.CHANGED]
    assert "-  greeting: moin\n+  greeting: servus\n" in config.diff


def test_drift_in_the_cluster_is_planned_away(world: World) -> None:
    world.apply(world.plan())
    live = world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config")
    assert live is not None
    world.cluster.delete(live, PLACE)
    plan = world.plan()
    [action] = [action for action in plan.actions if action.change is Change.CREATED]
    assert (action.name, action.reason) == (f"{NAME}-config", "missing in the cluster")


def test_an_object_that_left_the_chart_is_deleted_unless_kept(world: World) -> None:
    kept = (
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\n"
    )
    world.apply(world.plan(chart=chart({**SAMPLE, "templates/kept.yaml": kept})))
    fewer = {name: text for name, text in SAMPLE.items() if name != "templates/work.yaml"}
    plan = world.plan(chart=chart(fewer))
    assert changes(plan)[f"Deployment {NAME}-work"] == "deleted"
    assert changes(plan)["ConfigMap kept"] == "unchanged"


def test_no_secret_is_in_a_plan(world: World) -> None:
    world.apply(world.plan(password="s3cret-word", greeting="pw=s3cret-word"))
    plan = world.plan(password="s3cret-word", greeting="other s3cret-word")
    text = plan.to_bytes().decode()
    assert "s3cret-word" not in text
    assert "czNjcmV0LXdvcmQ=" not in text
    assert "pw=(hidden)" in text


def test_a_changed_secret_says_so_and_no_more(world: World) -> None:
    world.apply(world.plan(password="first-password"))
    plan = world.plan(password="second-password")
    [secret] = [action for action in plan.actions if action.kind == "Secret"]
    assert secret.change is Change.CHANGED
    assert "-  password: (hidden)\n+  password: (hidden, changed)\n" in secret.diff


def test_all_missing_images_are_named_at_once(world: World) -> None:
    job = (
        SAMPLE["templates/hook.yaml"]
        .replace("ConfigMap", "Job")
        .replace(
            "data: {when: before}",
            "spec: {template: {spec: {initContainers: [{name: a, image: quay.io/other:2}]}}}",
        )
    )
    broken = chart({**SAMPLE, "templates/hook.yaml": job})
    with pytest.raises(ImagesMissing) as caught:
        world.plan(chart=broken, image="ghcr.io/none:1")
    assert "ghcr.io/none:1 (sample/templates/work.yaml)" in str(caught.value)
    assert "quay.io/other:2 (sample/templates/hook.yaml)" in str(caught.value)
    assert not world.cluster.has_namespace(PLACE)


def test_a_record_beyond_helms_limit_is_refused(world: World) -> None:
    noise = random.Random(1).randbytes(1_200_000).hex()
    big = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{noise: {noise}}}\n"
    with pytest.raises(RecordTooLarge):
        world.plan(chart=chart({**SAMPLE, "templates/big.yaml": big}))


def test_secrets_do_not_stand_in_errors(world: World) -> None:
    failing = chart({**SAMPLE, "templates/x.yaml": '{{ fail "bad s3cret-word" }}'})
    with pytest.raises(faults.RenderFailed) as caught:
        world.plan(chart=failing)
    assert "s3cret-word" not in str(caught.value)
    assert "(hidden)" in str(caught.value)


def test_install_and_upgrade_are_strict(world: World) -> None:
    request = world.request()
    with pytest.raises(faults.ReleaseUnknown):
        world.planner.remove(NAME, PLACE)
    with pytest.raises(faults.ReleaseUnknown):
        world.planner.upgrade(request)
    world.apply(world.planner.install(request))
    with pytest.raises(faults.ReleaseNameTaken):
        world.planner.install(request)


def test_a_busy_release_is_not_planned(world: World) -> None:
    world.apply(world.plan())
    world.helm.mark(NAME, PLACE, "pending-upgrade")
    with pytest.raises(faults.ReleaseBusy):
        world.plan(greeting="other")


def test_a_release_that_never_stood_must_be_removed_first(world: World) -> None:
    world.apply(world.plan())
    world.helm.mark(NAME, PLACE, "failed")
    with pytest.raises(NeverDeployed):
        world.plan(greeting="other")
    assert world.planner.remove(NAME, PLACE).has_changes


def test_a_rollback_is_the_older_sealed_chart_again(world: World) -> None:
    first = world.plan("1.0", greeting="moin")
    world.apply(first)
    world.apply(world.plan("1.1", greeting="servus"))
    plan = world.planner.rollback(NAME, PLACE, 1)
    assert plan.operation is Operation.ROLLBACK
    assert (plan.from_version, plan.to_version, plan.target) == ("1.1", "1.0", 1)
    assert (plan.sealed, plan.values) == (first.sealed, first.values)
    assert plan.images == first.images


def test_only_deployed_revisions_can_return(world: World) -> None:
    world.apply(world.plan())
    with pytest.raises(RevisionUnknown):
        world.planner.rollback(NAME, PLACE, 7)


def test_a_removal_names_what_goes(world: World) -> None:
    world.apply(world.plan())
    plan = world.planner.remove(NAME, PLACE)
    assert plan.operation is Operation.REMOVE
    assert set(changes(plan).values()) == {"deleted"}
    assert (plan.from_version, plan.to_version, plan.sealed) == ("1.0", "", None)


def test_a_removal_names_the_hooks_that_run(world: World) -> None:
    last = SAMPLE["templates/hook.yaml"].replace("pre-install,pre-upgrade", "pre-delete")
    both = {**SAMPLE, "templates/last.yaml": last.replace("-hook", "-last")}
    world.apply(world.plan(chart=chart(both)))
    plan = world.planner.remove(NAME, PLACE)
    assert [(a.name, a.hook) for a in plan.actions if a.hook] == [(f"{NAME}-last", "pre-delete")]


def test_a_new_definition_and_its_objects_are_planned_together(world: World) -> None:
    custom = (
        "apiVersion: champ.example/v1\nkind: Sample\n"
        f"metadata: {{name: one}}\nspec: {{image: {PAUSE}}}\n"
    )
    both = chart({**SAMPLE, "templates/custom.yaml": custom})
    plan = world.plan(chart=both)
    assert changes(plan)["CustomResourceDefinition samples.champ.example"] == "created"
    [one] = [action for action in plan.actions if action.kind == "Sample"]
    assert f"image: {PAUSE}@sha256:" in one.diff
    world.apply(plan)
    assert not world.plan(chart=both).has_changes
