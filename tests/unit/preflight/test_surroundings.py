"""Volumes, ports, nodes, times, Helm's record and downtime."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from champ_offline.preflight import downtime, nodes, ports, record, storage, times
from champ_offline.preflight.facts import ClassFacts, ServiceFacts, VolumeFacts
from tests.unit.preflight.given import NOW, facts, node, only, planned, thing, told, workload

RWO = frozenset({"ReadWriteOnce"})


def claim(name: str = "data", *, modes: tuple[str, ...] = ("ReadWriteOnce",), **spec: Any) -> Any:
    given = {"accessModes": list(modes), "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return thing("PersistentVolumeClaim", name, spec=given)


def volume(storage_class: str, size: int = 2**31, **other: Any) -> VolumeFacts:
    return VolumeFacts("v", storage_class, size, RWO, **{"free": True, "claim": "", **other})


def stored(*items: Any, cluster: Any = None, **changed: Any) -> list[Any]:
    return list(storage.check(planned(*items, **changed), cluster or facts()))


def test_a_known_class_or_the_default_is_fine() -> None:
    assert stored(claim(), claim("other", storageClassName="fast")) == []


def test_an_unknown_class_blocks_unless_volumes_of_its_name_are_there() -> None:
    slow = claim(storageClassName="slow")
    found = only(stored(slow))
    assert (found.id, found.stops) == ("storage.class-unknown", True)
    assert found.fields == {"class_": "slow", "classes": "fast"}
    assert stored(slow, cluster=facts(volumes=(volume("slow"),))) == []
    too_small = facts(volumes=(volume("slow", 1),))
    assert told(stored(slow, cluster=too_small)) == [
        ("storage.class-unknown", "PersistentVolumeClaim data")
    ]
    assert stored(slow, thing("StorageClass", "slow", "storage.k8s.io/v1")) == []
    assert stored(slow, cluster=facts(unseen={"StorageClass": "no"})) == []


def test_no_class_at_all_needs_a_default() -> None:
    bare = facts(classes=(ClassFacts("fast", "csi.example", default=False),))
    assert told(stored(claim(), cluster=bare)) == [
        ("storage.no-default", "PersistentVolumeClaim data")
    ]


def test_volumes_made_by_hand_must_be_free_and_large_enough() -> None:
    static = ClassFacts("local", "kubernetes.io/no-provisioner", default=True)
    assert told(stored(claim(), cluster=facts(classes=(static,)))) == [
        ("storage.no-volume", "PersistentVolumeClaim data")
    ]
    free = facts(classes=(static,), volumes=(volume("local"),))
    assert stored(claim(), cluster=free) == []
    taken = facts(classes=(static,), volumes=(volume("local", free=False, claim="a/b"),))
    assert told(stored(claim(), cluster=taken))[0][0] == "storage.no-volume"
    ours = facts(classes=(static,), volumes=(volume("local", claim="pacs/data"),))
    assert stored(claim(), cluster=ours) == []


def test_claims_that_are_there_are_left_alone() -> None:
    slow = claim(storageClassName="slow")
    assert stored(slow, cluster=facts(claims=("data",))) == []
    template = {"metadata": {"name": "data"}, "spec": slow["spec"]}
    db = workload("StatefulSet", "db", volumeClaimTemplates=[template])
    assert told(stored(db)) == [("storage.class-unknown", "StatefulSet db (data)")]
    assert stored(db, cluster=facts(claims=("data-db-0",))) == []
    assert stored(db, before=(db,)) == []


def test_a_claim_without_size_blocks() -> None:
    assert told(stored(claim(resources={}))) == [("storage.no-size", "PersistentVolumeClaim data")]


def test_warnings_about_volumes() -> None:
    path = facts(classes=(ClassFacts("path", "rancher.io/local-path", default=True),))
    found = only(stored(claim(modes=("ReadWriteMany",)), cluster=path))
    assert (found.id, found.stops) == ("storage.access-mode", False)
    found = only(stored(claim(), cluster=facts(free_storage={"fast": 2**29})))
    assert (found.id, found.fields["free"]) == ("storage.little-free", "512Mi")
    uses = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    found = only(stored(claim(), workload(replicas=2, spec=uses)))
    assert (found.id, found.stops) == ("storage.one-node", False)


def service(name: str = "web", port: int = 30104, **spec: Any) -> Any:
    given = {"type": "NodePort", "ports": [{"port": 104, "nodePort": port}], **spec}
    return thing("Service", name, spec=given)


def held(name: str, place: str = "elsewhere", port: int = 30104) -> Any:
    return facts(services=(ServiceFacts(place, name, frozenset({port}), balanced=False),))


def test_a_node_port_that_another_service_holds_blocks() -> None:
    found = only(ports.check(planned(service()), held("web")))
    assert (found.id, found.subject, found.stops) == ("ports.node-port-taken", "Service web", True)
    assert found.fields == {"port": "30104", "holder": "elsewhere/web"}
    assert list(ports.check(planned(service()), held("web", "pacs"))) == []
    assert list(ports.check(planned(service()), facts())) == []


def test_two_services_of_the_release_cannot_share_a_node_port() -> None:
    assert told(ports.check(planned(service("a"), service("b")), facts())) == [
        ("ports.node-port-taken", "Service b")
    ]


def test_an_unusual_node_port_warns_unless_it_is_held_already() -> None:
    odd = planned(service(port=104))
    assert told(ports.check(odd, facts())) == [("ports.node-port-range", "Service web")]
    assert list(ports.check(odd, held("web", "pacs", 104))) == []


def test_a_load_balancer_that_nobody_ever_saw_warns() -> None:
    wanted = planned(service(type="LoadBalancer", ports=[]))
    assert told(ports.check(wanted, facts())) == [("ports.no-load-balancer", "Service web")]
    seen = facts(services=(ServiceFacts("a", "b", frozenset(), balanced=True),))
    assert list(ports.check(wanted, seen)) == []


def test_ingress_classes() -> None:
    named = thing("Ingress", "web", "networking.k8s.io/v1", spec={"ingressClassName": "nginx"})
    assert told(ports.check(planned(named), facts())) == [("ingress.class-unknown", "Ingress web")]
    there = facts(ingress_classes=frozenset({"nginx"}))
    assert list(ports.check(planned(named), there)) == []
    bare = thing("Ingress", "web", "networking.k8s.io/v1", spec={})
    assert told(ports.check(planned(bare), there)) == [("ingress.no-class", "Ingress web")]
    assert list(ports.check(planned(bare), replace(there, default_ingress=True))) == []


def test_nodes_without_an_image_of_the_zone_prove_nothing() -> None:
    change = planned(workload(), images=(("sha256:aa", 10), ("sha256:bb", 20)))
    two = facts(nodes=(node("one", images=frozenset({"sha256:bb"})), node("two")))
    found = only(nodes.check(change, two))
    assert (found.id, found.fields, found.stops) == ("registry.unproven", {"nodes": "two"}, False)
    assert list(nodes.check(planned(workload()), two)) == []


def test_nodes_that_are_full_or_unwell_are_named() -> None:
    change = planned(workload(), images=(("sha256:aa", 2**30), ("sha256:bb", 2**30)))
    small = node("small", images=frozenset({"sha256:bb"}), image_bytes=2**30)
    small = replace(small, allocatable={**small.allocatable, "ephemeral-storage": 3 * 2**29})
    found = only(nodes.check(change, facts(nodes=(small,))))
    assert (found.id, found.fields) == ("nodes.little-room", {"size": "1Gi", "free": "512Mi"})
    unwell = facts(nodes=(node("a", ready=False), node("b", pressures=("DiskPressure",))))
    assert told(nodes.check(planned(), unwell)) == [
        ("nodes.not-ready", "a"), ("nodes.pressure", "b"),
    ]  # fmt: skip


def test_clocks_may_differ_by_a_minute() -> None:
    near = facts(server_time=NOW + timedelta(seconds=50), leases={"one": NOW})
    assert list(times.check(planned(), near, NOW)) == []
    ahead = facts(server_time=NOW - timedelta(seconds=90), leases={"one": NOW})
    assert [one.id for one in times.check(planned(), ahead, NOW)] == ["clock.server", "clock.node"]
    found = list(times.check(planned(), ahead, NOW))
    assert {one.fields["seconds"] for one in found} == {"90"}
    assert not any(one.stops for one in found)
    gone = replace(ahead, server_time=NOW, nodes=(node(ready=False),), leases={})
    assert list(times.check(planned(), gone, NOW)) == []


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, "certificate.expired"), (29, "certificate.ends-soon"), (31, None)]
)
@pytest.mark.parametrize("which", ["server_certificate", "client_certificate"])
def test_certificates_that_end(which: str, days: int, expected: str | None) -> None:
    cluster = facts(**{which: NOW + timedelta(days=days)})
    found = list(times.check(planned(), cluster, NOW))
    assert [one.id for one in found] == ([expected] if expected else [])
    assert all(one.stops == (days < 0) for one in found)


def test_the_registrys_certificate_stops_only_those_who_pull() -> None:
    late = facts(registry_certificate=NOW - timedelta(days=1))
    found = only(times.check(planned(), late, NOW))
    assert (found.id, found.stops) == ("certificate.registry-expired", False)
    soon = facts(registry_certificate=NOW + timedelta(days=1))
    assert only(times.check(planned(), soon, NOW)).id == "certificate.ends-soon"


def test_a_large_record_warns_from_eighty_percent() -> None:
    assert list(record.check(planned(record=799, record_limit=1000))) == []
    found = only(record.check(planned(record=800, record_limit=1000)))
    assert (found.id, found.fields) == ("record.large", {"percent": "80"})


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("Deployment", {"strategy": {"type": "Recreate"}, "replicas": 2}, "downtime.recreate"),
        ("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}, "downtime.single"),
        ("Deployment", {}, None),
        ("StatefulSet", {}, "downtime.single"),
        ("StatefulSet", {"replicas": 2}, None),
        ("DaemonSet", {}, None),
    ],
)
def test_downtime_is_told_where_pods_are_replaced(
    kind: str, more: Any, expected: str | None
) -> None:
    now, then = workload(kind, **more), workload(kind, memory="1Gi", **more)
    found = downtime.check(planned(then, before=(now,)))
    assert [one.id for one in found] == ([expected] if expected else [])
    assert list(downtime.check(planned(now, before=(now,)))) == []
    assert list(downtime.check(planned(then))) == []


@pytest.mark.parametrize(
    ("spec", "never"),
    [
        ({"minAvailable": 2}, True),
        ({"minAvailable": 1}, False),
        ({"minAvailable": "51%"}, True),
        ({"maxUnavailable": 0}, True),
        ({"maxUnavailable": "1%"}, False),
        ({"maxUnavailable": 1}, False),
    ],
)
def test_budgets_that_never_let_a_pod_go(spec: Any, *, never: bool) -> None:
    selector = {"selector": {"matchLabels": {"app": "web"}}}
    budget = thing("PodDisruptionBudget", "web", "policy/v1", spec={**spec, **selector})
    found = downtime.check(planned(workload(replicas=2), budget))
    assert [one.id for one in found] == (["disruption.never"] if never else [])
