"""Guards: what moves them, what does not, and that they give nothing away."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release.review.guard import ABSENT, Moved, guard, moved, scaled
from tests.unit.release.review.objects import IMAGE, altered, claim, config, workload

LIVE = altered(workload(), "metadata", "annotations", to={"note": "1"})
SALT = "salt"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicas"), 3),
        (IMAGE, "other:1"),
        (("metadata", "annotations"), {"note": "2"}),
        (("metadata", "labels"), {"a": "b"}),
        (("metadata", "uid"), "u-2"),
        (("metadata", "deletionTimestamp"), "2026-01-01T00:00:00Z"),
        (("metadata", "finalizers"), ["x"]),
    ],
)
def test_what_people_change_moves_the_guard(path: tuple[str | int, ...], value: object) -> None:
    assert guard(LIVE, SALT) != guard(altered(LIVE, *path, to=value), SALT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), {"readyReplicas": 2}),
        (("metadata", "resourceVersion"), "77"),
        (("metadata", "generation"), 9),
        (("metadata", "managedFields"), [{"manager": "kubelet"}]),
        (("metadata", "annotations"), {"note": "1", "deployment.kubernetes.io/revision": "4"}),
    ],
)
def test_what_the_cluster_writes_by_itself_does_not(
    path: tuple[str | int, ...], value: object
) -> None:
    assert guard(LIVE, SALT) == guard(altered(LIVE, *path, to=value), SALT)


def test_a_claim_that_was_bound_is_the_same_claim() -> None:
    bound = altered(claim(), "spec", "volumeName", to="pv-1")
    notes = {"pv.kubernetes.io/bind-completed": "yes"}
    bound = altered(bound, "metadata", "annotations", to=notes)
    assert guard(bound, SALT) == guard(claim(), SALT)


def test_replicas_count_unless_an_autoscaler_has_them() -> None:
    more = altered(LIVE, "spec", "replicas", to=9)
    assert guard(more, SALT, scaled=True) == guard(LIVE, SALT, scaled=True)
    other = altered(more, *IMAGE, to="other:1")
    assert guard(other, SALT, scaled=True) != guard(LIVE, SALT, scaled=True)
    scaler: dict[str, Any] = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "s"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }
    assert scaled([scaler, LIVE, None]) == {("Deployment", "web")}


def test_objects_of_a_list_have_the_guard_of_one_that_was_got() -> None:
    listed = {key: value for key, value in LIVE.items() if key != "apiVersion"}
    assert guard(listed, SALT) == guard(LIVE, SALT)


def test_without_the_salt_a_guard_cannot_be_guessed() -> None:
    secret = config(kind="Secret", pin="MTIzNA==")
    assert guard(secret, "one") != guard(secret, "two")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("sha256:1", "sha256:1", None),
        (ABSENT, ABSENT, None),
        ("sha256:1", "sha256:2", Moved.CHANGED),
        ("sha256:1", ABSENT, Moved.GONE),
        (ABSENT, "sha256:1", Moved.MADE),
    ],
)
def test_what_became_of_an_object_is_told(before: str, after: str, told: Moved | None) -> None:
    assert moved(before, after) is told
