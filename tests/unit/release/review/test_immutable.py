"""Fields a cluster never changes: found and named with what to do, before it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release.review.immutable import FieldsImmutable, contains, fixed, refuse
from tests.unit.release.review.objects import (
    IMAGE,
    altered,
    claim,
    config,
    item,
    template_of,
    workload,
)

SET = workload("StatefulSet", "db", serviceName="db", volumeClaimTemplates=[template_of()])
JOB = workload("Job", "once") | {"apiVersion": "batch/v1"}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
    "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "a"},
}  # fmt: skip
CLASS = {
    "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "s"},
    "provisioner": "p", "parameters": {"a": "1"},
}  # fmt: skip
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
    "spec": {"clusterIP": "10.0.0.1"},
}  # fmt: skip
FROZEN = config(a="1") | {"immutable": True}
SECRET = config(kind="Secret", a="MQ==") | {"type": "Opaque"}


@pytest.mark.parametrize(
    ("live", "path", "value", "field"),
    [
        (workload(), ("spec", "selector", "matchLabels", "app"), "x", "spec.selector"),
        (workload("DaemonSet"), ("spec", "selector", "matchLabels", "app"), "x", "spec.selector"),
        (SET, ("spec", "serviceName"), "x", "spec.serviceName"),
        (SET, ("spec", "podManagementPolicy"), "Parallel", "spec.podManagementPolicy"),
        (
            SET,
            ("spec", "volumeClaimTemplates"),
            [template_of(size="2Gi")],
            "spec.volumeClaimTemplates[data]",
        ),
        (SET, ("spec", "volumeClaimTemplates"), [], "spec.volumeClaimTemplates[data]"),
        (JOB, IMAGE, "other:1", "spec.template"),
        (claim(), ("spec", "storageClassName"), "slow", "spec.storageClassName"),
        (claim(), ("spec", "accessModes"), ["ReadOnlyMany"], "spec.accessModes"),
        (
            claim(),
            ("spec", "resources", "requests", "storage"),
            "500Mi",
            "spec.resources.requests.storage",
        ),
        (FROZEN, ("data", "a"), "2", "data"),
        (FROZEN, ("immutable",), False, "immutable"),
        (SECRET, ("type",), "kubernetes.io/tls", "type"),
        (BINDING, ("roleRef", "name"), "b", "roleRef"),
        (CLASS, ("parameters", "a"), "2", "parameters"),
        (SERVICE, ("spec", "clusterIP"), "None", "spec.clusterIP"),
    ],
)
def test_a_fixed_field_is_found(
    live: dict[str, Any], path: tuple[str | int, ...], value: object, field: str
) -> None:
    assert fixed(live, live) == ()
    assert fixed(live, altered(live, *path, to=value)) == (field,)


@pytest.mark.parametrize(
    ("live", "path", "value"),
    [
        (workload(), IMAGE, "other:1"),
        (SET, ("spec", "replicas"), 5),
        (SET, IMAGE, "other:1"),
        (SET, ("spec", "updateStrategy"), {"type": "OnDelete"}),
        (JOB, ("spec", "backoffLimit"), 9),
        (claim(), ("spec", "resources", "requests", "storage"), "2Gi"),
        (claim(), ("spec", "resources", "requests", "storage"), "1024Mi"),
        (config(a="1"), ("data", "a"), "2"),
        (SERVICE, ("spec", "clusterIP"), ""),
        (SERVICE, ("spec", "type"), "ExternalName"),
    ],
)
def test_what_may_change_is_no_matter(
    live: dict[str, Any], path: tuple[str | int, ...], value: object
) -> None:
    assert fixed(live, altered(live, *path, to=value)) == ()


def test_what_a_server_fills_in_is_no_difference() -> None:
    live = altered(SET, "spec", "volumeClaimTemplates", 0, "spec", "volumeMode", to="Filesystem")
    live = altered(live, "spec", "podManagementPolicy", to="OrderedReady")
    live = altered(live, "spec", "volumeClaimTemplates", 0, "status", to={"phase": "Pending"})
    assert fixed(live, SET) == ()
    assert contains({"a": 1, "b": [{"c": 2, "d": 3}]}, {"b": [{"c": 2}], "e": {}, "f": False})
    assert not contains({"b": [1, 2]}, {"b": [1]})
    assert not contains({"a": {"b": 1}}, {"a": {"b": 2}})


def test_all_are_named_at_once_each_with_what_to_do() -> None:
    pairs = [
        (item(altered(SET, "spec", "serviceName", to="x")), SET),
        (item(altered(workload(), "spec", "selector", to={})), workload()),
        (item(altered(claim(), "spec", "storageClassName", to="slow")), claim()),
        (item(workload(name="fresh")), None),
    ]
    with pytest.raises(FieldsImmutable) as caught:
        refuse(pairs)
    told = str(caught.value)
    assert "StatefulSet db keeps spec.serviceName for life" in told
    assert "kubectl delete statefulset db --cascade=orphan" in told
    assert "PersistentVolumeClaim data keeps spec.storageClassName" in told
    assert "fresh" not in told


def test_nothing_fixed_is_no_error() -> None:
    refuse([(item(workload()), workload()), (item(workload()), None)])
