"""Volumes, definitions and hooks: what happens to them, and what no rollback undoes."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release.review.compared import Compared, Role
from champ_offline.release.review.effects import Effect, Happens, effects
from champ_offline.release.review.irreversible import Irreversible, Why, irreversible
from champ_offline.release.review.volumes import CLAIM
from tests.unit.release.review.objects import (
    IMAGE,
    POD,
    altered,
    changed,
    claim,
    config,
    template_of,
    workload,
)

DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "samples.example.org"},
    "spec": {"group": "example.org", "versions": [{"name": "v1"}]},
}
DATABASE = workload("StatefulSet", "db", volumeClaimTemplates=[template_of()])


def happening(*every: Compared, claims: frozenset[str] = frozenset()) -> list[Effect]:
    return list(effects(every, claims, removal=False))


def lasting(*every: Compared, claims: frozenset[str] = frozenset()) -> list[Irreversible]:
    return list(irreversible(every, claims))


def hook(kind: str = "Job", **notes: str) -> Compared:
    item = workload(kind, "migrate") | {"apiVersion": "batch/v1"}
    told = {"helm.sh/hook": "pre-upgrade, post-install"} | notes
    item = altered(item, "metadata", "annotations", to=told)
    item = altered(item, *POD, "containers", 0, "command", to=["sh", "-c", "migrate\n  --all"])
    return changed(None, item, Role.HOOK)


def test_a_namespace_that_is_made_is_told_first() -> None:
    found = effects([changed(None, claim())], frozenset(), removal=False, new_namespace="pacs")
    assert [one.happens for one in found] == [Happens.NAMESPACE_MADE, Happens.VOLUME_MADE]


def test_a_new_definition_stays_for_good() -> None:
    one = changed(None, DEFINITION, Role.DEFINITION)
    assert [effect.happens for effect in happening(one)] == [Happens.DEFINITION_MADE]
    assert [entry.why for entry in lasting(one)] == [Why.DEFINITION_MADE]


def test_a_definition_that_differs_is_told_though_helm_leaves_it() -> None:
    served = altered(DEFINITION, "spec", "conversion", to={"strategy": "None"})
    same = changed(served, DEFINITION, Role.DEFINITION)
    assert happening(same) == []
    older = altered(served, "spec", "versions", to=[{"name": "v1beta1"}])
    [effect] = happening(changed(older, DEFINITION, Role.DEFINITION))
    assert (effect.happens, effect.name) == (Happens.DEFINITION_LEFT, "samples.example.org")


def test_a_deleted_definition_takes_its_objects_along() -> None:
    assert [entry.why for entry in lasting(changed(DEFINITION, None))] == [Why.DEFINITION_DELETED]


def test_claims_are_made_grow_and_go() -> None:
    [made] = happening(changed(None, claim()))
    assert made.fields == {"size": "1Gi", "storage_class": "fast"}
    larger = changed(claim(), claim(size="2Gi"))
    [grown] = happening(larger)
    assert (grown.happens, grown.fields) == (
        Happens.VOLUME_GROWN,
        {"before": "1Gi", "after": "2Gi"},
    )
    assert [entry.why for entry in lasting(larger)] == [Why.VOLUME_GROWN]
    gone = changed(claim(), None)
    assert [effect.happens for effect in happening(gone)] == [Happens.VOLUME_DELETED]
    assert [entry.why for entry in lasting(gone)] == [Why.VOLUME_DELETED]


def test_other_labels_of_a_claim_are_told_as_that() -> None:
    def labelled(item: dict[str, Any]) -> dict[str, Any]:
        item = altered(item, "metadata", "labels", to={"app.kubernetes.io/version": "2"})
        return altered(item, "metadata", "annotations", to={"note": "new"})

    [effect] = happening(changed(claim(), labelled(claim())))
    assert (effect.happens, effect.name) == (Happens.VOLUME_RELABELLED, "data")
    assert happening(changed(claim(), claim())) == []
    # More than labels, or Helm's word to keep it.
    assert happening(changed(claim(), labelled(claim(storage_class="slow")))) == []
    held = altered(claim(), "metadata", "annotations", to={"helm.sh/resource-policy": "keep"})
    assert happening(changed(held, claim())) == []


def test_one_size_in_other_words_is_no_growth() -> None:
    assert happening(changed(claim(size="1Gi"), claim(size="1024Mi"))) == []


def test_a_new_stateful_set_makes_its_claims_or_finds_them() -> None:
    found = happening(changed(None, DATABASE), claims=frozenset({"data-db-1"}))
    assert [(one.happens, one.name) for one in found] == [
        (Happens.VOLUME_MADE, "data-db-0"),
        (Happens.VOLUME_REUSED, "data-db-1"),
    ]


def test_more_replicas_make_more_claims_only() -> None:
    more = changed(DATABASE, altered(DATABASE, "spec", "replicas", to=3))
    found = happening(more, claims=frozenset({"data-db-0", "data-db-1"}))
    assert [(one.happens, one.name) for one in found] == [(Happens.VOLUME_MADE, "data-db-2")]


def test_claims_go_with_their_set_only_where_it_says_so() -> None:
    there = frozenset({"data-db-0", "data-db-1"})
    assert lasting(changed(DATABASE, None), claims=there) == []
    policy = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    greedy = altered(DATABASE, "spec", "persistentVolumeClaimRetentionPolicy", to=policy)
    assert lasting(changed(greedy, None), claims=there) == [
        Irreversible(Why.VOLUME_DELETED, CLAIM, name) for name in sorted(there)
    ]
    fewer = changed(greedy, altered(greedy, "spec", "replicas", to=1))
    assert lasting(fewer, claims=there) == [Irreversible(Why.VOLUME_DELETED, CLAIM, "data-db-1")]


def test_a_removal_tells_the_volumes_that_stay() -> None:
    [kept] = effects([changed(claim(), claim())], frozenset(), removal=True)
    assert kept.happens is Happens.VOLUME_KEPT


def test_a_hook_tells_when_and_what_it_runs() -> None:
    [effect] = happening(hook(**{"helm.sh/hook-weight": "-5"}))
    assert effect.fields == {
        "events": "pre-upgrade, post-install",
        "weight": "-5",
        "policy": "before-hook-creation",
        "runs": "sh -c migrate --all",
    }


def test_hooks_that_run_something_cannot_be_undone() -> None:
    [entry] = lasting(hook())
    assert (entry.why, entry.name) == (Why.HOOK_RUNS, "migrate")
    settings = altered(config(), "metadata", "annotations", to={"helm.sh/hook": "pre-upgrade"})
    assert lasting(changed(None, settings, Role.HOOK)) == []


def test_another_image_over_kept_volumes_may_convert_data() -> None:
    other = changed(DATABASE, altered(DATABASE, *IMAGE, to="registry.example/db:2"))
    assert [entry.why for entry in lasting(other)] == [Why.DATA_CONVERTED]
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    mounted = altered(workload(), *POD, "volumes", to=volumes)
    other = changed(mounted, altered(mounted, *IMAGE, to="registry.example/db:2"))
    assert [entry.why for entry in lasting(other)] == [Why.DATA_CONVERTED]
    other = changed(workload(), altered(workload(), *IMAGE, to="registry.example/web:2"))
    assert lasting(other) == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_at_rest_converts_data_when_it_comes_up(kind: str) -> None:
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    resting = altered(workload(kind, replicas=0), *POD, "volumes", to=volumes)
    other = altered(resting, *IMAGE, to="registry.example/web:2")
    woken = altered(other, "spec", "replicas", to=1)
    assert [entry.why for entry in lasting(changed(resting, woken))] == [Why.DATA_CONVERTED]
    assert lasting(changed(resting, other)) == []
    assert lasting(changed(resting, altered(resting, "spec", "replicas", to=1))) == []


def test_deleted_content_that_others_wrote_is_told() -> None:
    given, live = config(a="1"), config(a="1", b="2")
    ours = Compared(changed(None, given).item, Role.MEMBER, changed(given, None).change, "", live)
    assert [entry.why for entry in lasting(ours)] == [Why.DATA_DELETED]
    assert lasting(changed(given, None)) == []


def test_the_gravest_comes_first_and_a_removal_is_told() -> None:
    every = [changed(None, DEFINITION, Role.DEFINITION), changed(claim(), None)]
    found = irreversible(every, frozenset(), removed="pacs")
    assert [entry.why for entry in found] == [
        Why.VOLUME_DELETED,
        Why.DEFINITION_MADE,
        Why.RELEASE_REMOVED,
    ]


def test_settings_without_a_restart_are_an_effect() -> None:
    volume = {"name": "files", "configMap": {"name": "settings"}}
    live = altered(workload(), *POD, "volumes", to=[volume])
    [effect] = happening(changed(live, live), changed(config(a="1"), config(a="2")))
    assert effect == Effect(
        Happens.SETTINGS_SEEN, "ConfigMap", "settings", {"workload": "Deployment web"}
    )
