"""What Helm applied and still holds, told from managedFields as the API server writes them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from champ_offline.release.drift.held import held

WANTED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "pacs", "labels": {"app": "web"}},
    "spec": {
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        "selector": {"app": "web"},
        "externalIPs": ["192.0.2.1"],
    },
}
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {
                ".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {},
            },
        },
        "f:selector": {},
        "f:externalIPs": {'v:"192.0.2.1"': {}},
    },
}  # fmt: skip


def live(fields: dict[str, Any], **entry: object) -> dict[str, Any]:
    by_helm = {"manager": "helm", "operation": "Apply", "fieldsV1": fields, **entry}
    of_others = {"manager": "kube-proxy", "operation": "Update", "fieldsV1": {"f:status": {}}}
    return {**WANTED, "metadata": {**WANTED["metadata"], "managedFields": [of_others, by_helm]}}


def without(*path: str) -> dict[str, Any]:
    found = copy.deepcopy(FIELDS)
    below = found
    for step in path[:-1]:
        below = below[step]
    del below[path[-1]]
    return found


def test_what_was_applied_and_touched_by_nobody_is_held() -> None:
    assert held(WANTED, live(FIELDS))


@pytest.mark.parametrize(
    "path",
    [
        ("f:spec", "f:selector"),
        ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:targetPort"),
        ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'),
        ("f:spec", "f:externalIPs", 'v:"192.0.2.1"'),
        ("f:metadata", "f:labels", "f:app"),
        ("f:metadata",),
    ],
)
def test_a_field_that_somebody_took_is_not(path: tuple[str, ...]) -> None:
    """Also one that was changed back: its value says nothing of it, its holder does."""
    fields = without(*path)
    if not fields["f:spec"]["f:ports"]:
        fields["f:spec"]["f:ports"]['k:{"port":81,"protocol":"TCP"}'] = {"f:port": {}}
    if not fields["f:spec"]["f:externalIPs"]:
        fields["f:spec"]["f:externalIPs"]['v:"192.0.2.2"'] = {}
    if not fields.get("f:metadata", {"x": 1}).get("f:labels", {"x": 1}):
        fields["f:metadata"]["f:labels"]["f:other"] = {}
    assert not held(WANTED, live(fields))


@pytest.mark.parametrize(
    "entry",
    [{"manager": "kubectl"}, {"operation": "Update"}, {"subresource": "status"}],
)
def test_what_others_hold_or_hold_otherwise_is_not_helms(entry: dict[str, str]) -> None:
    assert not held(WANTED, live(FIELDS, **entry))


def test_a_field_that_was_never_applied_is_not_held() -> None:
    more = {**WANTED, "spec": {**WANTED["spec"], "type": "NodePort"}}
    assert not held(more, live(FIELDS))


def test_an_object_without_any_bookkeeping_is_not_held() -> None:
    assert not held(WANTED, WANTED)
