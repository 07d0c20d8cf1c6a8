"""Room on nodes: what certainly does not fit blocks, what may fit does not."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.preflight import capacity
from champ_offline.preflight.facts import Taint
from tests.unit.preflight.given import facts, node, only, planned, running, thing, told, workload

DEDICATED = Taint("dedicated", "db", "NoSchedule")


def check(*objects: Any, cluster: Any = None, **changed: Any) -> list[Any]:
    return list(capacity.check(planned(*objects, **changed), cluster or facts()))


def test_what_fits_is_no_concern() -> None:
    assert check(workload(cpu="2", memory="4Gi", replicas=2)) == []
    assert check(workload(replicas=110)) == []


def test_a_pod_larger_than_any_node_blocks_and_says_what_lacks() -> None:
    cluster = facts(nodes=(node("one"), node("two", memory="16Gi")))
    found = only(check(workload(cpu="5", memory="12Gi"), cluster=cluster))
    assert (found.id, found.subject, found.stops) == ("capacity.no-room", "Deployment web", True)
    assert found.fields == {"wanted": "cpu 5, memory 12Gi", "lacking": "cpu (2), memory (1)"}


def test_what_others_hold_is_not_free() -> None:
    held = facts(pods=(running(cpu="3500m"),))
    assert told(check(workload(cpu="1"), cluster=held)) == [("capacity.no-room", "Deployment web")]
    assert check(workload(cpu="500m"), cluster=held) == []


def test_what_the_release_holds_becomes_free_on_an_upgrade() -> None:
    now, then = workload(cpu="3", replicas=1), workload(cpu="3500m", replicas=1)
    then["spec"]["strategy"] = {"type": "Recreate"}
    held = facts(pods=(running("web", place="pacs", cpu="3"),))
    assert check(then, cluster=held, before=(now,)) == []
    assert told(check(then, cluster=held)) == [("capacity.no-room", "Deployment web")]


def test_more_copies_than_all_nodes_hold_block() -> None:
    cluster = facts(nodes=(node("one"), node("two")))
    found = only(check(workload(cpu="3", replicas=3), cluster=cluster))
    assert found.id == "capacity.too-many"
    assert found.fields == {"count": "3", "fit": "2", "wanted": "cpu 3"}


def test_places_for_pods_are_counted() -> None:
    found = only(check(workload(replicas=5), cluster=facts(nodes=(node(pods=4),))))
    assert (found.id, found.fields["fit"]) == ("capacity.too-many", "4")


def test_pods_that_must_not_meet_need_a_node_each() -> None:
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    apart = {
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    }
    found = only(check(workload(replicas=2, spec=apart)))
    assert (found.id, found.fields["fit"]) == ("capacity.too-many", "1")
    term["labelSelector"] = {"matchLabels": {"app": "another"}}
    assert check(workload(replicas=2, spec=apart)) == []


def test_the_sum_of_a_release_is_held_against_all_that_is_free() -> None:
    found = only(check(workload(cpu="3"), workload(name="db", cpu="2")))
    assert (found.id, found.subject) == ("capacity.exceeded", "orthanc")
    assert found.fields == {"resource": "cpu", "wanted": "5", "free": "4"}


def test_the_sum_is_taken_for_the_nodes_that_take_them() -> None:
    cluster = facts(nodes=(node("one"), node("two", labels={"disk": "ssd"})))
    here = {"nodeSelector": {"disk": "ssd"}}
    both = (workload(cpu="3", spec=here), workload(name="db", cpu="2", spec=here))
    assert told(check(*both, cluster=cluster)) == [("capacity.exceeded", "orthanc")]


def test_a_packing_that_is_not_found_only_warns() -> None:
    cluster = facts(nodes=(node("one"), node("two")))
    three = [workload(name=name, cpu="2500m") for name in ("a", "b", "c")]
    found = only(check(*three, cluster=cluster))
    assert (found.id, found.stops) == ("capacity.tight", False)


def test_no_node_with_the_labels_blocks_and_says_why_of_each() -> None:
    cluster = facts(nodes=(node("one"), node("two", taints=[DEDICATED])))
    found = only(check(workload(spec={"nodeSelector": {"disk": "ssd"}}), cluster=cluster))
    assert found.id == "placement.no-node"
    assert found.fields == {"hindrances": "nodeSelector disk=ssd (2)"}


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "dedicated", "value": "db"}, True),
        ({"key": "dedicated", "value": "db", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "value": "web"}, False),
        ({}, False),
    ],
)
def test_a_taint_keeps_off_what_does_not_tolerate_it(
    toleration: dict[str, str], *, fits: bool
) -> None:
    cluster = facts(nodes=(node(taints=[DEDICATED]),))
    found = check(workload(spec={"tolerations": [toleration]}), cluster=cluster)
    assert told(found) == ([] if fits else [("placement.no-node", "Deployment web")])


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}, True),
        ({"key": "disk", "operator": "NotIn", "values": ["ssd"]}, False),
        ({"key": "disk", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "DoesNotExist"}, True),
        ({"key": "cores", "operator": "Gt", "values": ["7"]}, True),
        ({"key": "cores", "operator": "Lt", "values": ["8"]}, False),
        ({"key": "disk", "operator": "Newer"}, True),
    ],
)
def test_affinity_for_nodes_is_followed(expression: dict[str, Any], *, fits: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    rule = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    cluster = facts(nodes=(node(labels={"disk": "ssd", "cores": "8"}),))
    found = check(workload(spec={"affinity": rule}), cluster=cluster)
    assert told(found) == ([] if fits else [("placement.no-node", "Deployment web")])


def test_a_rolling_update_needs_room_for_one_more() -> None:
    held = facts(pods=(running("web", place="pacs", cpu="3"),))
    now, then = workload(cpu="3", replicas=1), workload(cpu="3", memory="1Gi", replicas=1)
    found = only(check(then, cluster=held, before=(now,)))
    assert (found.id, found.fields) == ("capacity.no-surge", {"wanted": "cpu 3, memory 1Gi"})
    then["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 1}}
    assert check(then, cluster=held, before=(now,)) == []
    assert check(now, cluster=held, before=(now,)) == []
    fewer = workload(cpu="3", memory="1Gi", replicas=1)
    assert check(fewer, cluster=held, before=(workload(cpu="3", replicas=2),)) == []


def test_a_daemon_set_needs_room_on_every_node_that_takes_it() -> None:
    nodes = (node("one"), node("two", cpu="1"), node("three", cpu="1", taints=[DEDICATED]))
    found = only(check(workload("DaemonSet", cpu="2"), cluster=facts(nodes=nodes)))
    assert (found.id, found.fields) == ("capacity.daemon-set", {"wanted": "cpu 2", "nodes": "two"})


def test_a_daemon_set_runs_where_no_pod_is_scheduled_otherwise() -> None:
    shut = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
    cluster = facts(nodes=(node(cpu="1", taints=[shut]),))
    assert check(workload("DaemonSet", cpu="2"), cluster=cluster)[0].id == "capacity.daemon-set"
    assert check(workload(cpu="1"), cluster=cluster)[0].id == "placement.no-node"


def test_a_host_port_that_is_taken_everywhere_blocks() -> None:
    port = {"ports": [{"containerPort": 104, "hostPort": 104}]}
    held = running("old-pacs", ports=(("TCP", "", 104),))
    found = only(check(workload(container=port), cluster=facts(pods=(held,))))
    assert (found.id, found.fields) == ("ports.host-port-taken", {"port": "104", "nodes": "one"})
    two = facts(nodes=(node("one"), node("two")), pods=(held,))
    assert check(workload(container=port), cluster=two) == []
    udp = {"ports": [{"containerPort": 104, "hostPort": 104, "protocol": "UDP"}]}
    assert check(workload(container=udp), cluster=facts(pods=(held,))) == []


def test_pods_that_may_drive_others_out_are_not_blocked_by_them() -> None:
    held = facts(pods=(running(cpu="4"),))
    urgent = {"priorityClassName": "system-cluster-critical"}
    assert check(workload(cpu="2", spec=urgent), cluster=held) == []
    brought = thing("PriorityClass", "mine", "scheduling.k8s.io/v1", value=1000)
    assert check(brought, workload(cpu="2", spec={"priorityClassName": "mine"}), cluster=held) == []


def test_a_hook_must_fit_too_and_a_cron_job_warns() -> None:
    job = workload("Job", "prepare", cpu="5")
    assert told(check(hooks=(job,))) == [("capacity.no-room", "Job prepare")]
    nightly = workload("CronJob", "nightly")
    nightly["spec"] = {"jobTemplate": {"spec": workload("Job", cpu="5")["spec"]}}
    found = only(check(nightly))
    assert (found.id, found.subject, found.stops) == ("capacity.later", "CronJob nightly", False)


def test_nothing_is_said_of_what_was_not_seen_or_another_scheduler_places() -> None:
    huge = workload(cpu="100")
    assert check(huge, cluster=facts(unseen={"Pod": "forbidden"})) == []
    assert check(huge, cluster=facts(nodes=())) == []
    assert check(workload(cpu="100", spec={"schedulerName": "mine"})) == []
    assert check(workload(cpu="100", replicas=0)) == []
