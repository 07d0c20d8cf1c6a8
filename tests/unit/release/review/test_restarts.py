"""Which pods restart: judged by the template alone, told with how and why."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release.review.restarts import Cause, Restart, Way, restarts, unseen, uses
from tests.unit.release.review.objects import IMAGE, POD, altered, changed, config, workload

OTHER = "registry.example/web:2"


def test_another_image_restarts_the_pods_that_are_there() -> None:
    live = workload(replicas=3)
    [one] = restarts(changed(live, altered(live, *IMAGE, to=OTHER)))
    assert one == Restart(3, Way.ROLLING, (Cause.IMAGE,))


def test_new_labels_of_the_workload_restart_nothing() -> None:
    live = workload()
    assert restarts(changed(live, altered(live, "metadata", "labels", to={"a": "b"}))) == ()
    assert restarts(changed(live, altered(live, "spec", "minReadySeconds", to=9))) == ()


def test_what_is_new_restarts_nothing() -> None:
    assert restarts(changed(None, workload())) == ()


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        (("metadata", "annotations"), {"checksum/config": "2"}, Cause.MARK),
        (("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "2"}, Cause.MARK),
        (("metadata", "annotations"), {"note": "2"}, Cause.SETTINGS),
        (("metadata", "labels"), {"app": "web", "x": "y"}, Cause.SETTINGS),
        (("spec", "containers", 0, "env"), [{"name": "A", "value": "1"}], Cause.SETTINGS),
        (("spec", "serviceAccountName"), "other", Cause.SETTINGS),
    ],
)
def test_the_cause_is_what_differs_in_the_template(
    path: tuple[str | int, ...], value: object, cause: Cause
) -> None:
    live = workload()
    [one] = restarts(changed(live, altered(live, "spec", "template", *path, to=value)))
    assert one.causes == (cause,)


def test_all_causes_are_told() -> None:
    live = workload()
    after = altered(live, *IMAGE, to=OTHER)
    after = altered(after, "spec", "template", "metadata", "annotations", to={"checksum/a": "1"})
    after = altered(after, *POD, "hostNetwork", to=True)
    [one] = restarts(changed(live, after))
    assert one.causes == (Cause.IMAGE, Cause.MARK, Cause.SETTINGS)


@pytest.mark.parametrize(
    ("kind", "spec", "way"),
    [
        ("Deployment", {}, Way.ROLLING),
        ("Deployment", {"strategy": {"type": "Recreate"}}, Way.AT_ONCE),
        ("StatefulSet", {}, Way.ROLLING),
        ("StatefulSet", {"replicas": 1}, Way.AT_ONCE),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, Way.BY_HAND),
        ("ReplicaSet", {}, Way.BY_HAND),
    ],
)
def test_how_pods_go_is_told(kind: str, spec: dict[str, Any], way: Way) -> None:
    live = workload(kind, **spec)
    [one] = restarts(changed(live, altered(live, *IMAGE, to=OTHER)))
    assert one.way is way


def test_a_daemon_set_restarts_a_pod_on_every_node_it_is_on() -> None:
    live = workload("DaemonSet") | {"status": {"desiredNumberScheduled": 60}}
    [one] = restarts(changed(live, altered(live, *IMAGE, to=OTHER)))
    assert (one.pods, one.way) == (60, Way.ROLLING)


def test_fewer_replicas_end_pods_and_more_restart_none() -> None:
    live = workload(replicas=3)
    assert restarts(changed(live, altered(live, "spec", "replicas", to=1))) == (
        Restart(2, Way.ENDING, (Cause.FEWER,)),
    )
    assert restarts(changed(live, altered(live, "spec", "replicas", to=5))) == ()


def test_fewer_replicas_of_another_image_are_two_things() -> None:
    live = workload(replicas=3)
    after = altered(altered(live, *IMAGE, to=OTHER), "spec", "replicas", to=2)
    assert restarts(changed(live, after)) == (
        Restart(2, Way.ROLLING, (Cause.IMAGE,)),
        Restart(1, Way.ENDING, (Cause.FEWER,)),
    )


def test_a_deleted_workload_ends_its_pods_and_an_empty_one_has_none() -> None:
    assert restarts(changed(workload(), None)) == (Restart(2, Way.ENDING, (Cause.DELETED,)),)
    assert restarts(changed(workload(replicas=0), None)) == ()


def mounting(live: dict[str, object], *, sub_path: bool = False) -> dict[str, object]:
    mount = {"name": "files", "mountPath": "/etc/app"} | ({"subPath": "x"} if sub_path else {})
    after = altered(live, *POD, "containers", 0, "volumeMounts", to=[mount])
    volume = {"name": "files", "configMap": {"name": "settings"}}
    return altered(after, *POD, "volumes", to=[volume])


def with_variable(live: dict[str, object]) -> dict[str, object]:
    source = {"envFrom": [{"secretRef": {"name": "settings"}}]}
    return altered(live, *POD, "containers", 0, "envFrom", to=source["envFrom"])


def test_mounted_settings_that_change_without_a_restart_are_found() -> None:
    files, single = mounting(workload()), mounting(workload(), sub_path=True)
    settings = changed(config(a="1"), config(a="2"))
    [found] = unseen([changed(files, files), settings])
    assert (found[0].name, found[1].name, found[2]) == ("web", "settings", True)
    [found] = unseen([changed(single, single), settings])
    assert not found[2], "a file mounted by subPath never changes under a running pod"


def test_variables_are_read_when_a_pod_starts() -> None:
    live = with_variable(workload())
    before, after = (config(kind="Secret", a=value) for value in "12")
    [found] = unseen([changed(live, live), changed(before, after)])
    assert not found[2]


def test_settings_that_come_with_a_restart_are_no_matter() -> None:
    live = mounting(workload())
    settings = changed(config(a="1"), config(a="2"))
    assert list(unseen([changed(live, altered(live, *IMAGE, to=OTHER)), settings])) == []


def test_a_new_label_on_settings_is_no_matter() -> None:
    live = mounting(workload())
    labelled = altered(config(a="1"), "metadata", "labels", to={"x": "y"})
    assert list(unseen([changed(live, live), changed(config(a="1"), labelled)])) == []


def test_every_way_to_read_settings_is_known() -> None:
    pod = {
        "containers": [
            {
                "name": "main",
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}},
                ],
                "envFrom": [{"configMapRef": {"name": "c"}}],
            }
        ],
        "initContainers": [{"name": "first", "envFrom": [{"secretRef": {"name": "d"}}]}],
        "volumes": [
            {"name": "v", "secret": {"secretName": "e"}},
            {"name": "w", "projected": {"sources": [{"configMap": {"name": "f"}}]}},
            {"name": "x", "projected": {"sources": [{"secret": {"name": "g"}}]}},
        ],
    }
    assert uses(pod) == {
        ("ConfigMap", "a"): False, ("Secret", "b"): False, ("ConfigMap", "c"): False,
        ("Secret", "d"): False, ("Secret", "e"): True, ("ConfigMap", "f"): True,
        ("Secret", "g"): True,
    }  # fmt: skip
