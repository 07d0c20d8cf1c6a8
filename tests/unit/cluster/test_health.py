"""How objects are judged, on documents as a real API server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.cluster.discovery import Discovery, Kind
from champ_offline.cluster.health import belonging, state, states
from champ_offline.cluster.quantity import amount
from champ_offline.cluster.watch import HealthWatch
from champ_offline.events import Event, ObjectState
from tests.simulators.cluster import SimulatedCluster

Object = dict[str, Any]


def item(kind: str, name: str = "x", **parts: object) -> Object:
    metadata = {"name": name, "uid": f"{kind}-{name}", "generation": 1}
    return {"kind": kind, "metadata": metadata, "spec": {}, "status": {}, **parts}


def pod(**status: object) -> Object:
    return item("Pod", status={"phase": "Pending", **status})


def waiting(reason: str, message: str = "", more: Object | None = None) -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "web", "state": state, **(more or {})}]}


CRASHED: Object = {"lastState": {"terminated": {"exitCode": 3}}}
UNPLACED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (pod(**waiting("ErrImagePull", "no such\n  image")), "web: ErrImagePull no such image"),
        (pod(**waiting("CrashLoopBackOff", more=CRASHED)), "web: CrashLoopBackOff (exit code 3)"),
        (pod(**waiting("ContainerCreating")), "starting"),
        (pod(conditions=[UNPLACED]), "Unschedulable: 0/1"),
        (pod(phase="Running", conditions=[{"type": "Ready", "status": "True"}]), ""),
        (pod(phase="Running", conditions=[{"type": "Ready", "status": "False"}]), "not ready"),
        (pod(phase="Succeeded"), ""),
        (item("PersistentVolumeClaim", status={"phase": "Pending"}), "volume is pending"),
        (item("PersistentVolumeClaim", status={"phase": "Bound"}), ""),
        (item("Service"), ""),
        (item("Job", status={"active": 1}), "running"),
        (item("Job", status={"conditions": [{"type": "Complete", "status": "True"}]}), ""),
        (
            item(
                "Job",
                status={"conditions": [{"type": "Failed", "status": "True", "message": "limit"}]},
            ),
            "failed: limit",
        ),
        (item("Deployment", spec={"replicas": 2}), "waiting for its controller"),
        (
            item(
                "StatefulSet",
                spec={"replicas": 2},
                status={"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 1},
            ),
            "1 of 2 ready",
        ),
        (
            item(
                "DaemonSet",
                status={
                    "observedGeneration": 1,
                    "desiredNumberScheduled": 1,
                    "updatedNumberScheduled": 1,
                    "numberReady": 1,
                },
            ),
            "",
        ),
        (
            item(
                "Deployment",
                status={
                    "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]
                },
            ),
            "quota",
        ),
    ],
)
def test_each_kind_tells_why_it_is_not_well(found: Object, reason: str) -> None:
    told = state(found)
    assert (told.reason, told.ready) == (reason, not reason)


def test_a_release_has_what_it_made_what_that_owns_and_the_volumes_in_use() -> None:
    made = item("StatefulSet", "db")
    made["metadata"]["annotations"] = {"meta.helm.sh/release-name": "pacs"}
    owned = item("Pod", "db-0")
    owned["metadata"]["ownerReferences"] = [{"uid": "StatefulSet-db"}]
    owned["spec"] = {"volumes": [{"persistentVolumeClaim": {"claimName": "data-db-0"}}]}
    claim, foreign = item("PersistentVolumeClaim", "data-db-0"), item("Pod", "other")
    hook = item("Job", "pacs-backup")
    hook["metadata"]["annotations"] = {"helm.sh/hook": "pre-upgrade"}
    found = belonging([claim, foreign, owned, made, hook], "pacs")
    assert {one["metadata"]["name"] for one in found} == {"db", "db-0", "data-db-0", "pacs-backup"}


def test_a_warning_explains_what_the_object_does_not() -> None:
    event = {
        "involvedObject": {"kind": "Pod", "name": "x"},
        "message": "MountVolume failed",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    [told] = states([pod(**waiting("ContainerCreating"))], [event])
    assert told.reason == "MountVolume failed"
    [told] = states([pod(**waiting("ErrImagePull", "none"))], [event])
    assert told.reason == "web: ErrImagePull none"


def test_the_watch_tells_each_state_once() -> None:
    told: list[Event] = []
    watch = HealthWatch(SimulatedCluster(), "n", "r", told.append)
    starting = ObjectState("Pod", "a", ready=False, reason="starting")
    pulling = ObjectState("Pod", "a", ready=False, reason="web: ErrImagePull x")
    for one in (starting, starting, pulling):
        watch.look([one])
    assert told == [starting, pulling]
    assert watch.first_cause is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("100m", 0.1), ("1Gi", 2**30), ("1k", 1000), ("1e3", 1000), ("", 0), ("lots", 0)],
)
def test_quantities_are_read(text: str, number: float) -> None:
    assert float(amount(text)) == number


def test_discovery_lists_versions_and_kinds() -> None:
    resource = {
        "resource": "deployments",
        "scope": "Namespaced",
        "responseKind": {"kind": "Deployment"},
    }
    group = {
        "metadata": {"name": "apps"},
        "versions": [{"version": "v1", "resources": [resource]}],
    }
    found = Discovery.of([{"items": [group]}])
    assert found.api_versions == ("apps/v1", "apps/v1/Deployment")
    assert found.find("apps/v1", "Deployment") == Kind("deployments", namespaced=True)
    assert found.find("apps/v2", "Deployment") is None
