"""Which fields of an object differ, and who holds them."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release import managed
from champ_offline.release.drift import fields
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.masks import CHANGED, Mask

NOBODY = Mask(())


def deployment(**spec: Any) -> dict[str, Any]:
    """A Deployment as the API server keeps it: defaults, bookkeeping, a status."""
    web = {"name": "web", "image": "web:1", "imagePullPolicy": "IfNotPresent", "env": []}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n", "uid": "u", "generation": 2},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [web]}}, **spec},
        "status": {"readyReplicas": 2},
    }


def held(live: dict[str, Any], manager: str, tree: dict[str, Any]) -> dict[str, Any]:
    """The object with one more manager of fields."""
    entry = {"manager": manager, "operation": "Update", "fieldsV1": tree}
    metadata = {**live["metadata"]}
    metadata["managedFields"] = [*metadata.get("managedFields", []), entry]
    return {**live, "metadata": metadata}


@pytest.mark.parametrize(
    ("sealed", "live", "same"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": {"b": "x"}}, {"a": {"b": "x", "c": []}}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": "500m"}, {"a": "0.5"}, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([{"name": "a", "v": 1}], [{"name": "z"}, {"name": "a", "v": 1, "w": 2}], True),
        ([{"name": "a", "v": 1}], [{"name": "z"}], False),
        ([{"port": 1}], [{"port": 1, "protocol": "TCP"}], True),
        ({}, [], False),
        ([], {}, False),
        (None, None, True),
    ],
)
def test_within(sealed: object, live: object, same: bool) -> None:
    assert fields.within(sealed, live) is same


def test_changes_name_each_leaf_and_leave_the_servers_own_alone() -> None:
    live, after = deployment(replicas=5), deployment(replicas=2)
    after["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    after["metadata"]["generation"], after["status"] = 9, {}
    found = {managed.dotted(path): (then, now) for path, then, now in fields.changes(live, after)}
    assert found == {
        "spec.replicas": (2, 5),
        "spec.template.spec.containers[name=web].image": ("web:2", "web:1"),
    }


def test_what_the_release_sets_and_is_gone() -> None:
    live, after = deployment(), deployment(paused=True)
    assert list(fields.changes(live, after)) == [(("spec", "paused"), True, None)]


def test_who_holds_a_field() -> None:
    web: dict[str, Any] = {'k:{"name":"web"}': {".": {}, "f:image": {}}}
    image = {"f:spec": {"f:template": {"f:spec": {"f:containers": web}}}}
    live = held(held(deployment(), "kubectl-edit", image), "helm", {"f:spec": {"f:replicas": {}}})
    path = ("spec", "template", "spec", "containers", ("name", "web"))
    assert managed.managers(live, (*path, "image")) == ("kubectl-edit",)
    assert managed.managers(live, (*path, "command")) == ()
    assert managed.managers(live, ("spec", "replicas")) == ("helm",)


def test_who_holds_a_list_as_a_whole_and_items_without_names() -> None:
    tree: dict[str, Any] = {
        "f:spec": {"f:args": {}, "f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:port": {}}}}
    }
    live = held(deployment(), "helm", tree)
    assert managed.managers(live, ("spec", "args", 0)) == ("helm",)
    assert managed.managers(live, ("spec", "ports", 0, "port")) == ("helm",)
    assert managed.managers(live, ("spec", "ports", 0, "targetPort")) == ()


def test_replicas_that_an_autoscaler_holds_are_handed_over() -> None:
    sealed = deployment()
    del sealed["spec"]["replicas"]
    live = held(deployment(replicas=7), "kube-controller-manager", {"f:spec": {"f:replicas": {}}})
    assert list(managed.added(sealed, live)) == []
    assert fields.within(sealed["spec"], live["spec"])


def test_what_a_person_added_is_told() -> None:
    """An environment variable by `kubectl edit`; kubectl's own note of what it applied is none."""
    tree = {
        "f:metadata": {"f:annotations": {
            "f:kubectl.kubernetes.io/last-applied-configuration": {}, "f:a.example/b": {}}},
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
            'k:{"name":"web"}': {"f:env": {".": {}, 'k:{"name":"DEBUG"}': {
                ".": {}, "f:name": {}, "f:value": {}}}}}}}},
    }  # fmt: skip
    live = held(deployment(), "kubectl-edit", tree)
    web = live["spec"]["template"]["spec"]["containers"][0]
    web["env"] = [{"name": "DEBUG", "value": "1"}]
    live["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "a.example/b": "c",
    }  # fmt: skip
    found = {managed.dotted(path): value for path, value in managed.added(deployment(), live)}
    container = "spec.template.spec.containers[name=web]"
    assert found == {
        "metadata.annotations[a.example/b]": "c",
        f"{container}.env[name=DEBUG].name": "DEBUG",
        f"{container}.env[name=DEBUG].value": "1",
    }


def test_what_others_write_through_a_subresource_is_theirs() -> None:
    live = held(deployment(), "kubectl", {"f:status": {"f:conditions": {}}})
    live["metadata"]["managedFields"][0]["subresource"] = "status"
    assert list(managed.added(deployment(), live)) == []


def test_a_field_is_told_without_secrets() -> None:
    mask = Mask(["s3cret-word"])
    path = ("spec", "args")
    found = fields.told("Deployment", deployment(), path, ["-p", "s3cret-word"], None, mask)
    assert (found.path, found.sealed, found.live) == ("spec.args", f'["-p", "{HIDDEN}"]', "")
    kept = ("data", "password")
    found = fields.told("Secret", deployment(), kept, "YWJj", "eHl6", NOBODY)
    assert (found.sealed, found.live) == (HIDDEN, CHANGED)
    found = fields.told("Secret", deployment(), kept, None, "eHl6", NOBODY)
    assert (found.sealed, found.live) == ("", HIDDEN)


def test_what_applying_would_give_where_the_server_does_not_say() -> None:
    sealed = {"a": 1, "l": [{"name": "x", "v": 2}], "s": [1]}
    live = {"a": 0, "b": 3, "l": [{"name": "y"}, {"name": "x", "w": 1}], "s": [1, 2]}
    assert fields.overlaid(sealed, live) == {
        "a": 1, "b": 3, "l": [{"name": "x", "v": 2, "w": 1}, {"name": "y"}], "s": [1],
    }  # fmt: skip
