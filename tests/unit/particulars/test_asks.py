"""What objects ask of a cluster, as preflight would count it."""

from __future__ import annotations

from typing import Any

from champ_offline.particulars.asks import Asks, Ending, Volume, WayIn, When, asks
from tests.unit.preflight.given import SAFE, planned, thing, workload

GB = 1024**3


def told(*objects: Any, **changed: Any) -> Asks:
    return asks(planned(*objects, **changed), "defaults", "")


def claim(name: str, size: str, **spec: Any) -> dict[str, Any]:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return thing("PersistentVolumeClaim", name, spec={**asked, **spec})


def test_requests_are_summed_over_all_pods_that_are_always_there() -> None:
    found = told(
        workload(cpu="500m", memory="1Gi", replicas=3),
        workload("StatefulSet", "db", cpu="1", memory="4Gi"),
        workload("Deployment", "off", cpu="9", memory="90Gi", replicas=0),
        workload("Job", "make", cpu="2"),
        workload("DaemonSet", "agent", cpu="100m"),
    )
    assert found.requests == {"cpu": 2500, "memory": 7 * GB}
    assert found.each_node == {"cpu": 100}
    assert found.largest == {"cpu": 2000, "memory": 4 * GB}
    when = {one.subject: one.when for one in found.pods}
    assert when["Job make"] is When.AT_TIMES
    assert when["DaemonSet agent"] is When.EACH_NODE
    assert when["StatefulSet db"] is When.ALWAYS


def test_hooks_ask_during_a_change_only() -> None:
    found = told(workload(cpu="1"), hooks=(workload("Job", "migrate", cpu="3", memory="1Gi"),))
    assert found.requests == {"cpu": 1000}
    assert found.largest["cpu"] == 3000
    assert [one.when for one in found.pods] == [When.ALWAYS, When.CHANGE]


def test_volumes_are_counted_for_each_pod_and_name_their_class() -> None:
    template = {**claim("data", "10Gi", storageClassName="fast"), "metadata": {"name": "data"}}
    found = told(
        claim("images", "100Gi"),
        workload("StatefulSet", "db", replicas=2, volumeClaimTemplates=[template]),
    )
    assert found.volumes == (
        Volume("images", 100 * GB, None, ("ReadWriteOnce",)),
        Volume("data-db-0", 10 * GB, "fast", ("ReadWriteOnce",)),
        Volume("data-db-1", 10 * GB, "fast", ("ReadWriteOnce",)),
    )
    assert found.storage == 120 * GB
    assert found.classes == ("StorageClass fast",)


def test_ways_in_from_outside() -> None:
    ports = [{"port": 104, "nodePort": 30104}, {"port": 80}]
    found = told(
        thing("Service", "dicom", spec={"type": "NodePort", "ports": ports}),
        thing("Service", "web", spec={"type": "LoadBalancer", "ports": [{"port": 443}]}),
        thing("Service", "inside", spec={"ports": [{"port": 5432}]}),
        thing(
            "Ingress", "pages", "networking.k8s.io/v1",
            spec={"ingressClassName": "nginx", "rules": [{"host": "pacs.local"}]},
        ),
        workload(container={"ports": [{"containerPort": 1, "hostPort": 8104}]}),
    )  # fmt: skip
    assert found.ways_in == (
        WayIn("NodePort", "Service dicom", 30104),
        WayIn("NodePort", "Service dicom", 0),
        WayIn("LoadBalancer", "Service web", 443),
        WayIn("Ingress", "Ingress pages", 0, "pacs.local"),
        WayIn("hostPort", "Deployment web", 8104),
    )
    assert found.classes == ("IngressClass nginx",)


def test_the_strictest_level_that_admits_every_pod() -> None:
    safe = workload(name="safe", container={"securityContext": SAFE}, spec={})
    plain, rooted = workload(name="plain"), workload(name="rooted", spec={"hostNetwork": True})
    assert (told(safe).level, told(safe).violations) == ("restricted", ())
    mixed = told(safe, plain)
    assert mixed.level == "baseline"
    assert any("allowPrivilegeEscalation" in one for one in mixed.violations)
    worst = told(safe, plain, rooted)
    assert (worst.level, worst.violations) == ("privileged", ("hostNetwork=true",))


def test_what_newer_versions_refuse_and_what_must_be_there() -> None:
    found = told(
        thing("Ingress", "old", "extensions/v1beta1"),
        thing("ServiceMonitor", "web", "monitoring.coreos.com/v1"),
        thing("Gateway", "way", "gateway.networking.k8s.io/v1"),
        thing("Sample", "own", "champ.example/v1"),
        thing("ClusterRole", "reads", "rbac.authorization.k8s.io/v1"),
        workload(spec={"priorityClassName": "high", "runtimeClassName": "gvisor"}),
        thing("PriorityClass", "high", "scheduling.k8s.io/v1"),
        definitions=(
            thing(
                "CustomResourceDefinition", "samples.champ.example", "apiextensions.k8s.io/v1",
                spec={"group": "champ.example", "names": {"kind": "Sample"}},
            ),
        ),
    )  # fmt: skip
    gone = Ending("Ingress old", "extensions/v1beta1", "1.22", "networking.k8s.io/v1")
    assert found.endings == (gone,)
    assert found.definitions == (
        "gateway.networking.k8s.io/v1 Gateway",
        "monitoring.coreos.com/v1 ServiceMonitor",
    )
    assert found.classes == ("RuntimeClass gvisor",)
    assert found.cluster_wide == (
        "ClusterRole reads",
        "CustomResourceDefinition samples.champ.example",
        "PriorityClass high",
    )


def test_objects_of_any_shape_do_no_harm() -> None:
    odd: list[Any] = [
        thing("Service", "x", spec={"type": "NodePort", "ports": [{"nodePort": "30104"}, "80"]}),
        thing("Ingress", "x", "networking.k8s.io/v1", spec={"rules": "all"}),
        thing("StatefulSet", "x", "apps/v1", spec={"volumeClaimTemplates": [7], "replicas": "2"}),
        thing("PersistentVolumeClaim", "x", spec=[]),
        {"kind": "Deployment", "apiVersion": "apps/v1"},
    ]
    found = told(*odd)
    assert found.volumes == (Volume("x", 0, None, ()),)
    assert [one.port for one in found.ways_in] == [0, 0]
