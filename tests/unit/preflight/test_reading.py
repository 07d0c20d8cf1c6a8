"""Facts as they are read from a cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from champ_offline.preflight.facts import LimitFacts, QuotaFacts, ServiceFacts, Taint
from champ_offline.preflight.reading import Reading
from champ_offline.preflight.resources import Defaults, containers, limits, requests, shown, words
from tests.simulators.cluster import SimulatedCluster
from tests.unit.preflight.given import NOW
from tests.unit.preflight.test_examine import ODD

NODE = {
    "apiVersion": "v1", "kind": "Node",
    "metadata": {"name": "one", "labels": {"disk": "ssd"}},
    "spec": {"unschedulable": True, "taints": [{"key": "a", "effect": "NoSchedule"}]},
    "status": {
        "allocatable": {"cpu": "1900m", "memory": "4Gi", "pods": "110"},
        "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"},
        ],
        "images": [{"names": ["a/b@sha256:aa", "a/b:1"], "sizeBytes": 10}, {"sizeBytes": 5}],
    },
}  # fmt: skip
POD = {
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {
        "name": "web-abc-1", "labels": {"pod-template-hash": "abc"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc", "uid": "u",
                             "controller": True}],
    },
    "spec": {
        "nodeName": "one", "priority": 7,
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m"}},
                        "ports": [{"hostPort": 104}]}],
    },
    "status": {"phase": "Running"},
}  # fmt: skip
QUOTA = {
    "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"},
    "spec": {"hard": {"pods": "3"}}, "status": {"hard": {"pods": "4"}, "used": {"pods": "1"}},
}  # fmt: skip
RANGE = {
    "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"},
    "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}}]},
}  # fmt: skip
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
    "spec": {"ports": [{"nodePort": 30104}], "healthCheckNodePort": 30105},
    "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}},
}  # fmt: skip


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def reading(cluster: SimulatedCluster, clock: Clock | None = None) -> Reading:
    return Reading(cluster, clock or Clock(), lambda: None)


@pytest.fixture
def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.ensure_namespace("pacs")
    for item in (NODE, POD, QUOTA, RANGE, SERVICE):
        made.apply(item, "pacs")
        made._store[
            made._key(item["apiVersion"], item["kind"], "pacs", item["metadata"]["name"])  # type: ignore[arg-type,index]
        ] |= {"status": item.get("status", {})}
    return made


def test_facts_are_read(cluster: SimulatedCluster) -> None:
    found = reading(cluster).facts("pacs")
    [node] = found.nodes
    assert (node.name, node.ready, node.unschedulable) == ("one", True, True)
    assert node.allocatable == {"cpu": 1900, "memory": 4 * 2**30, "pods": 110}
    assert node.taints == (Taint("a", "", "NoSchedule"),)
    assert (node.pressures, node.images, node.image_bytes) == (
        ("DiskPressure",), frozenset({"sha256:aa"}), 15,
    )  # fmt: skip
    [pod] = found.pods
    assert (pod.owner, pod.node, pod.priority) == (("Deployment", "web"), "one", 7)
    assert (pod.requests, pod.ports) == ({"cpu": 100, "pods": 1}, (("TCP", "", 104),))
    assert found.quotas == (QuotaFacts("team", {"pods": 4}, {"pods": 1}, scoped=False),)
    assert found.limits == (
        LimitFacts("range", "Container", {}, {"cpu": 2000}, Defaults({}, {"cpu": 1000})),
    )
    assert found.services == (
        ServiceFacts("pacs", "web", frozenset({30104, 30105}), balanced=True),
    )
    assert (found.version, found.minor, found.unseen) == ("v1.35.4", (1, 35), {})
    assert found.knows("apps/v1", "Deployment")
    assert not found.knows("apps/v1beta1", "Deployment")


def test_a_namespace_to_be_made_has_the_labels_that_it_will_get(cluster: SimulatedCluster) -> None:
    found = reading(cluster).facts("fresh")
    assert found.labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert (found.quotas, found.claims) == ((), ())


def test_what_may_not_be_listed_is_noted(cluster: SimulatedCluster) -> None:
    cluster.hidden = {"Node", "ResourceQuota"}
    found = reading(cluster).facts("pacs")
    assert found.unseen == {
        "Node": "cannot list Node", "ResourceQuota": "cannot list ResourceQuota",
    }  # fmt: skip
    assert not found.saw("Pod", "Node")
    assert found.saw("Pod")


def test_what_all_namespaces_share_is_read_again_after_a_while(cluster: SimulatedCluster) -> None:
    clock = Clock()
    asking = reading(cluster, clock)
    assert len(asking.facts("pacs").nodes) == 1
    cluster.delete(NODE, "")
    clock.now += timedelta(seconds=20)
    assert len(asking.facts("pacs").nodes) == 1
    clock.now += timedelta(seconds=1)
    assert asking.facts("pacs").nodes == ()


@pytest.mark.parametrize("item", [NODE, POD, QUOTA, RANGE, SERVICE], ids=lambda item: item["kind"])
def test_live_objects_of_any_shape_are_read(item: dict[str, Any]) -> None:
    cluster = SimulatedCluster()
    cluster.ensure_namespace("pacs")
    name = item["metadata"]["name"]
    for part in ("spec", "status", "metadata"):
        for odd in ODD:
            spoiled = {**item, part: odd if part != "metadata" else {"name": name, "labels": odd}}
            key = cluster._key(item["apiVersion"], item["kind"], "pacs", name)
            cluster._store[key] = spoiled
            assert reading(cluster).facts("pacs").seen == NOW


def test_a_pods_requests_are_those_of_the_scheduler() -> None:
    def one(cpu: str, **more: object) -> dict[str, object]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "initContainers": [one("1", restartPolicy="Always"), one("3"), one("500m")],
        "containers": [one("1"), one("1500m")],
        "overhead": {"cpu": "100m"},
    }
    # The sidecar stays beside both containers (3500m) and beside the larger first one (4).
    assert requests(spec) == {"cpu": 4100, "pods": 1}
    assert requests({**spec, "resources": {"requests": {"cpu": "2"}}})["cpu"] == 2100
    assert limits({"containers": [{"resources": {"limits": {"cpu": "1"}}}, {}]}) == {}
    [asked] = containers({"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]})
    assert asked.requests == {"memory": 2**30}


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [("cpu", 1500, "1500m"), ("requests.cpu", 2000, "2"), ("memory", 3 * 2**29, "1.5Gi"),
     ("storage", 512, "512"), ("pods", 3, "3"), ("memory", 2**60, "1024Pi")],
)  # fmt: skip
def test_amounts_are_shown_as_people_write_them(name: str, number: int, text: str) -> None:
    assert shown(name, number) == text


def test_words_leave_out_nothing_and_places() -> None:
    assert words({"cpu": 500, "memory": 0, "pods": 1}) == "cpu 500m"
    assert NOW.tzinfo is UTC
