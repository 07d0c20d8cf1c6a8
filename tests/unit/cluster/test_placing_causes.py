"""Why a pod gets no node, no volume or is not made, in what the controllers really say."""

from __future__ import annotations

import pytest

from tests.unit.cluster.documents import (
    SET,
    WEB,
    causes,
    event,
    item,
    only,
    pod,
    ready,
    replica_set,
    unplaced,
    waiting,
)


def test_what_is_mounted_and_missing_is_looked_for_before_it_is_told() -> None:
    broken = pod(SET, **waiting("ContainerCreating"))
    said = 'MountVolume.SetUp failed for volume "conf" : configmap "conf" not found'
    why = event(broken, "FailedMount", said)
    assert only(causes(broken, events=(why,)))[:2] == ("config-missing", True)
    assert causes(broken, events=(why,), present=frozenset({("ConfigMap", "conf")})) == ()
    foreign = event(
        {**broken, "metadata": {**broken["metadata"], "uid": "old"}}, "FailedMount", said
    )
    assert causes(broken, events=(foreign,)) == ()


def test_a_volume_that_another_node_holds_is_waited_for() -> None:
    broken = pod(SET, **waiting("ContainerCreating"))
    said = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) old'
    found = only(causes(broken, events=(event(broken, "FailedAttachVolume", said),)))
    assert found[:2] == ("volume-not-mounted", False)
    assert "Multi-Attach" in found[2]


@pytest.mark.parametrize(
    ("said", "told", "hopeless", "words"),
    [
        (
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/"
                "control-plane: }, 2 Insufficient cpu, 2 Insufficient memory. preemption: 0/3 nodes"
                " are available: 3 Preemption is not helpful for scheduling."
            ),
            "no-room",
            False,
            "no node has enough cpu, memory left",
        ),
        ("0/1 nodes are available: 1 Too many pods.", "no-room", False, "enough pods left"),
        (
            (
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
                " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
            ),
            "no-node-like",
            True,
            "1 node(s) didn't match Pod's node affinity/selector",
        ),
        (
            (
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector,"
                " 1 node(s) didn't have free ports for the requested pod ports."
            ),
            "no-node-like",
            False,
            "free ports",
        ),
        (
            (
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector,"
                " 1 node(s) had untolerated taint {gpu: only}."
            ),
            "no-node-like",
            True,
            "gpu: only",
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {gpu: only}.",
            "nodes-tainted",
            True,
            "{gpu: only}",
        ),
        (
            (
                "0/2 nodes are available: 2 node(s) had untolerated taint"
                " {node.kubernetes.io/disk-pressure: }."
            ),
            "nodes-tainted",
            False,
            "disk-pressure",
        ),
        (
            "0/2 nodes are available: 2 node(s) were unschedulable.",
            "unschedulable",
            False,
            "2 node",
        ),
        (
            '0/1 nodes are available: persistentvolumeclaim "data" not found.',
            "config-missing",
            True,
            "the PersistentVolumeClaim data",
        ),
    ],
)
def test_why_a_pod_finds_no_node(said: str, told: str, hopeless: bool, words: str) -> None:
    found = only(causes(unplaced(SET, said)))
    assert found[:2] == (told, hopeless)
    assert words in found[2]
    assert "reemption" not in found[2]


def test_a_claim_explains_its_pod() -> None:
    said = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    held = unplaced(SET, said)
    held["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    claim = item("PersistentVolumeClaim", "data", status={"phase": "Pending"})
    told, hopeless, text = only(causes(held, claim))
    assert (told, hopeless) == ("volume-pending", False)
    assert text.startswith("PersistentVolumeClaim data gets no volume: pod has unbound")
    gone = event(claim, "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')
    told, hopeless, text = only(causes(held, claim, events=(gone,)))
    assert (told, hopeless) == ("storage-class-missing", True)
    assert "no storage class fast" in text


@pytest.mark.parametrize(
    ("said", "told", "words"),
    [
        (
            (
                'pods "web-2-x" is forbidden: exceeded quota: small, requested: pods=1,'
                " used: pods=1, limited: pods=1"
            ),
            "quota-exceeded",
            "the quota small is used up (requested: pods=1, used: pods=1, limited: pods=1)",
        ),
        (
            (
                'pods "web-2-x" is forbidden: violates PodSecurity "restricted:latest":'
                " allowPrivilegeEscalation != false"
            ),
            "admission-refused",
            'violates PodSecurity "restricted:latest"',
        ),
        (
            'admission webhook "rules.site" denied the request: no image of the internet',
            "admission-refused",
            "no image of the internet",
        ),
        (
            (
                'pods "web-2-x" is forbidden: error looking up service account pacs/web:'
                ' serviceaccount "web" not found'
            ),
            "config-missing",
            "the ServiceAccount web",
        ),
    ],
)
def test_a_workload_that_may_not_make_its_pods(said: str, told: str, words: str) -> None:
    short = replica_set(WEB, "web-2", revision=2, made=0)
    why = event(short, "FailedCreate", f"Error creating: {said}")
    found = only(causes(short, events=(why,)))
    assert found[:2] == (told, True)
    assert found[2].startswith("Deployment web ")
    assert words in found[2]
    condition = {"type": "ReplicaFailure", "status": "True", "message": said}
    short["status"]["conditions"] = [condition]
    assert only(causes(short))[0] == told
    full = {**short, "status": {"replicas": 1}}
    assert causes(full, events=(why,)) == ()


def test_a_quota_is_waited_for_while_pods_are_on_their_way_out() -> None:
    short = replica_set(WEB, "web-2", revision=2, made=0)
    said = "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"
    why = event(short, "FailedCreate", said)
    going = ready(SET)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T10:01:00Z"
    assert only(causes(short, going, events=(why,)))[:2] == ("quota-exceeded", False)


def test_a_webhook_that_is_away_is_not_a_refusal() -> None:
    short = replica_set(WEB, "web-2", revision=2, made=0)
    said = 'Internal error occurred: failed calling webhook "rules.site": connection refused'
    found = only(causes(short, events=(event(short, "FailedCreate", said),)))
    assert found[:2] == ("unexplained", False)
