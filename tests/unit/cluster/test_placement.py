"""Where a pod can land: what excludes a node for certain, as the scheduler has it."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.cluster.interface import Node
from champ_offline.cluster.placement import can_land

LABELS = {"disk": "ssd", "cores": "16"}
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def node(*taints: dict[str, str], schedulable: bool = True) -> Node:
    about = ("v1.35.4", "amd64", "containerd://1.6.20")
    return Node("one", True, *about, 2.0, 2**33, schedulable, LABELS, tuple(taints))


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": required}}


def having(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("pod", "lands"),
    [
        ({}, True),
        ({"nodeName": "one"}, True),
        ({"nodeName": "two"}, False),
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "ssd", "zone": "a"}}, False),
        (affinity(having("disk", "In", "ssd", "nvme")), True),
        (affinity(having("disk", "In", "hdd")), False),
        (affinity(having("disk", "NotIn", "hdd")), True),
        (affinity(having("zone", "NotIn", "a")), True),
        (affinity(having("zone", "Exists")), False),
        (affinity(having("zone", "DoesNotExist")), True),
        (affinity(having("cores", "Gt", "8")), True),
        (affinity(having("cores", "Lt", "8")), False),
        (affinity(having("disk", "Gt", "8")), False),
        (affinity(having("disk", "Sounds", "8")), False),
        (affinity(having("disk", "In", "hdd"), having("disk", "Exists")), True),
        (affinity({"matchFields": having("metadata.name", "In", "one")["matchExpressions"]}), True),
        (affinity({"matchFields": having("metadata.name", "In", "x")["matchExpressions"]}), False),
        (affinity({}), False),
        ({"affinity": {"nodeAffinity": {"preferredDuringScheduling": [1]}}}, True),
    ],
)
def test_selectors_and_required_affinity_decide(pod: dict[str, Any], *, lands: bool) -> None:
    assert can_land(pod, node()) is lands


@pytest.mark.parametrize(
    ("toleration", "lands"),
    [
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "fpga", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_taints_keep_off_what_does_not_tolerate_them(
    toleration: dict[str, str], *, lands: bool
) -> None:
    assert not can_land({}, node(TAINT))
    assert can_land({"tolerations": [toleration]}, node(TAINT)) is lands


def test_a_taint_that_only_prefers_keeps_nothing_off() -> None:
    assert can_land({}, node({**TAINT, "effect": "PreferNoSchedule"}))


def test_a_cordoned_node_takes_pods_of_daemon_sets_only() -> None:
    cordoned = node(CORDON, schedulable=False)
    assert not can_land({}, cordoned)
    assert can_land({}, cordoned, daemon=True)
    assert can_land({"tolerations": [{"operator": "Exists"}]}, cordoned)
    assert not can_land({}, node(TAINT), daemon=True)
