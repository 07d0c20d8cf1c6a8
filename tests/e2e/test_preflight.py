"""What preflight blocks, a real Kubernetes refuses or never places; what it lets pass comes up."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.codecs import from_dict
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Namespace

from champ_offline.clock import now_utc
from champ_offline.cluster.interface import ObjectRefused
from champ_offline.cluster.kube import KubeCluster
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.helm.remote import SdkEngine
from champ_offline.oci.digest import Digest
from champ_offline.preflight.checks import examine
from champ_offline.preflight.reading import Reading
from champ_offline.preflight.standards import violations
from champ_offline.release.plan import Plan
from champ_offline.release.planner import Planner
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault
from champ_offline.release.request import ReleaseRequest
from tests.contracts.helm_engine import QUICK, eventually
from tests.simulators.charts import PAUSE, SAMPLE, chart

LEASES = "leases.coordination.k8s.io"
LABEL = "pod-security.kubernetes.io/enforce"
NAME = "foretold"
BASE = {name: text for name, text in SAMPLE.items() if not name.startswith("crds/")}
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Release.Name }}-data}
spec:
  storageClassName: nowhere
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
BUDGET = """\
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: {{ .Release.Name }}-budget}
spec: {minAvailable: 1, selector: {matchLabels: {app: {{ .Release.Name }}}}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-door}
spec: {type: NodePort, selector: {app: a}, ports: [{port: 80, nodePort: 31234}]}
"""
LARGE = SAMPLE["templates/work.yaml"].replace(
    "        securityContext:\n          allow",
    "        resources: {requests: {cpu: 900}}\n        securityContext:\n          allow",
)
ROOT = SAMPLE["templates/work.yaml"].replace(
    "allowPrivilegeEscalation: false\n", "privileged: true\n"
)  # fmt: skip


@dataclass
class Place:
    """A namespace of its own on the real cluster, and a planner that looks."""

    cluster: KubeCluster
    engine: SdkEngine
    planner: Planner
    namespace: str
    client: Client

    def plan(self, files: Mapping[str, str], **values: object) -> Plan:
        """What installing the chart would change."""
        return self.planner.install(self.request(files, values))

    def request(self, files: Mapping[str, str], values: Mapping[str, object]) -> ReleaseRequest:
        """The chart of these files."""
        images = {PAUSE: Digest.of(b"plans of these tests are not applied")}
        return ReleaseRequest(
            release=NAME, namespace=self.namespace, app="sample", version="1", chart=chart(files),
            answers={}, values=dict(values), images=images, secrets=(),
        )  # fmt: skip

    def install(self, files: Mapping[str, str], **values: object) -> None:
        """Let Helm do it, whatever the plan says."""
        left = QUICK.__class__(timeout=3, rollback_on_failure=False)
        self.engine.install(chart(files), NAME, self.namespace, dict(values), left)

    def add(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """Put an object into the namespace."""
        metadata = {"name": name, "namespace": self.namespace}
        self.client.create(
            from_dict({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec})
        )

    def limit(self, **hard: str) -> None:
        """Put a quota into the namespace, and wait until the API server goes by it."""
        self.add("ResourceQuota", "team", {"hard": {**hard, f"count/{LEASES}": "0"}})
        assert eventually(lambda: self._told() and self._kept())

    def _told(self) -> bool:
        quota = self.cluster.get("v1", "ResourceQuota", self.namespace, "team") or {}
        return bool(quota.get("status", {}).get("hard"))

    def _kept(self) -> bool:
        try:
            self.client.create(Lease(metadata=ObjectMeta(name="one"), spec=LeaseSpec()),
                               namespace=self.namespace, dry_run=True)  # fmt: skip
        except ApiError as error:
            return "exceeded quota" in str(error)
        return False

    def reasons(self) -> str:
        """What the cluster says of the release's objects."""
        return " ".join(
            f"{one.kind}: {one.reason};" for one in self.cluster.objects(self.namespace, NAME)
        )


@pytest.fixture
def place(kubeconfig: Path, tmp_path: Path) -> Iterator[Place]:
    cluster, engine = KubeCluster(kubeconfig), SdkEngine(kubeconfig)
    database = Database.create(tmp_path / "zone.db")
    reading = Reading(cluster, now_utc, lambda: None, keep=timedelta(0))
    planner = Planner(
        engine, cluster, History(database), Vault(database, lambda: secrets.token_urlsafe(9)),
        zone="core", now=now_utc, size=lambda _digest: 1,
        preflight=lambda made: examine(made, reading.facts(made.namespace), now_utc()),
    )  # fmt: skip
    name = f"preflight-{secrets.token_hex(4)}"
    cluster.ensure_namespace(name)
    with Client(KubeConfig.from_file(kubeconfig), trust_env=False) as client:
        yield Place(cluster, engine, planner, name, client)
        client.delete(Namespace, name)
    engine.close()
    cluster.close()
    database.close()


def blocking(plan: Plan) -> list[tuple[str, str]]:
    return [(one.id, one.subject) for one in plan.concerns if one.stops]


def test_what_is_well_is_let_through_and_comes_up(place: Place) -> None:
    plan = place.plan(BASE, replicas=2)
    assert blocking(plan) == []
    place.engine.install(chart(BASE), NAME, place.namespace, {"replicas": 2},
                         QUICK.__class__(timeout=60))  # fmt: skip
    assert all(one.ready for one in place.cluster.objects(place.namespace, NAME))


def test_a_request_that_is_too_large(place: Place) -> None:
    files = {**BASE, "templates/work.yaml": LARGE}
    plan = place.plan(files, replicas=1)
    assert blocking(plan) == [("capacity.no-room", f"Deployment {NAME}-work")]
    with pytest.raises(ChampError):
        place.install(files, replicas=1)
    assert eventually(lambda: "Insufficient cpu" in place.reasons())


def test_a_storage_class_that_is_not_there(place: Place) -> None:
    files = {**BASE, "templates/claim.yaml": CLAIM}
    plan = place.plan(files)
    assert blocking(plan) == [("storage.class-unknown", f"PersistentVolumeClaim {NAME}-data")]
    with pytest.raises(ChampError):
        place.install(files)
    assert eventually(lambda: '"nowhere" not found' in place.reasons())


def test_a_privileged_pod_in_a_restricted_namespace(place: Place) -> None:
    files = {**BASE, "templates/work.yaml": ROOT}
    plan = place.plan(files, replicas=1)
    assert blocking(plan) == [("security.refused", f"Deployment {NAME}-work")]
    with pytest.raises(ChampError):
        place.install(files, replicas=1)
    assert eventually(lambda: "violates PodSecurity" in place.reasons())


def test_a_quota_that_is_exceeded(place: Place) -> None:
    place.limit(pods="1")
    plan = place.plan(BASE, replicas=2)
    assert blocking(plan) == [("quota.exceeded", "ResourceQuota team")]
    assert blocking(place.plan(BASE, replicas=1)) == []
    with pytest.raises(ChampError):
        place.install(BASE, replicas=2)
    assert eventually(lambda: "exceeded quota" in place.reasons())


def test_a_quota_on_objects_that_the_api_server_refuses_to_foretell(place: Place) -> None:
    place.limit(services="0")
    files = {**BASE, "templates/door.yaml": SERVICE}
    assert blocking(place.plan(files)) == [("quota.exceeded", "ResourceQuota team")]
    with pytest.raises(ChampError, match="exceeded quota"):
        place.install(files)


def test_an_api_that_was_taken_away(place: Place) -> None:
    files = {**BASE, "templates/budget.yaml": BUDGET}
    plan = place.plan(files)
    assert blocking(plan) == [("api.removed", f"PodDisruptionBudget {NAME}-budget")]
    with pytest.raises(ChampError, match="no matches for kind"):
        place.install(files)


def test_a_node_port_that_is_taken(place: Place) -> None:
    files = {**BASE, "templates/door.yaml": SERVICE}
    assert blocking(place.plan(files)) == []
    place.add("Service", "other", {"type": "NodePort", "selector": {"app": "b"},
                                   "ports": [{"port": 80, "nodePort": 31234}]})  # fmt: skip
    plan = place.plan(files)
    assert blocking(plan) == [("ports.node-port-taken", f"Service {NAME}-door")]
    with pytest.raises(ChampError, match="already allocated"):
        place.install(files)


SAFE: dict[str, Any] = {
    "containers": [{
        "name": "main", "image": PAUSE,
        "securityContext": {
            "runAsNonRoot": True, "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
        },
    }],
}  # fmt: skip
CONTEXT = "containers.0.securityContext"
SPOILED: tuple[tuple[str, Any], ...] = (
    ("hostNetwork", True), ("hostPID", True), ("hostIPC", True), ("hostUsers", False),
    (CONTEXT, None), (CONTEXT, {"privileged": True}), (f"{CONTEXT}.allowPrivilegeEscalation", None),
    (f"{CONTEXT}.runAsNonRoot", None), (f"{CONTEXT}.runAsNonRoot", False),
    (f"{CONTEXT}.runAsUser", 0), (f"{CONTEXT}.runAsUser", 1000),
    (f"{CONTEXT}.capabilities", None), (f"{CONTEXT}.capabilities", {"drop": ["CHOWN"]}),
    (f"{CONTEXT}.capabilities", {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
    (f"{CONTEXT}.capabilities", {"drop": ["ALL"], "add": ["CHOWN"]}),
    (f"{CONTEXT}.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    (f"{CONTEXT}.seccompProfile", None), (f"{CONTEXT}.seccompProfile", {"type": "Unconfined"}),
    (f"{CONTEXT}.appArmorProfile", {"type": "Unconfined"}),
    (f"{CONTEXT}.appArmorProfile", {"type": "RuntimeDefault"}),
    (f"{CONTEXT}.seLinuxOptions", {"type": "spc_t"}),
    (f"{CONTEXT}.seLinuxOptions", {"type": "container_t"}),
    (f"{CONTEXT}.seLinuxOptions", {"role": "r"}),
    ("securityContext", {"runAsUser": 0}), ("securityContext", {"runAsNonRoot": False}),
    ("securityContext", {"seccompProfile": {"type": "Unconfined"}}),
    ("securityContext", {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
    ("securityContext", {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}),
    ("containers.0.ports", [{"containerPort": 80, "hostPort": 80}]),
    ("containers.0.livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}),
    ("containers.0.livenessProbe", {"httpGet": {"port": 80}}),
    ("containers.0.lifecycle", {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
    ("volumes", [{"name": "v", "hostPath": {"path": "/"}}]),
    ("volumes", [{"name": "v", "nfs": {"path": "/", "server": "s"}}]),
    ("volumes", [{"name": "v"}]), ("volumes", [{"name": "v", "emptyDir": {}}]),
    ("volumes", [{"name": "v", "configMap": {"name": "c"}}]),
    ("initContainers", [{"name": "first", "image": PAUSE}]),
)  # fmt: skip


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_the_standards_are_those_of_the_cluster(place: Place, level: str) -> None:
    body = {"metadata": {"labels": {LABEL: level}}}
    place.client.patch(Namespace, place.namespace, body)
    differing = []
    for path, value in (("", None), *SPOILED):
        spec = _spoiled(path, value)
        ours = bool(violations({"spec": spec}, level, (1, 35)))
        if ours != _refused(place, spec):
            differing.append((path, value, ours))
    assert differing == []


@pytest.mark.parametrize(
    ("limits", "requests"),
    [({}, {}), ({"cpu": "3"}, {}), ({"cpu": "1"}, {}), ({"cpu": "1"}, {"cpu": "50m"}),
     ({}, {"cpu": "1"}), ({}, {"cpu": "1900m"}), ({}, {"cpu": "3"})],
)  # fmt: skip
def test_limit_ranges_are_followed_as_the_cluster_follows_them(
    place: Place, limits: dict[str, str], requests: dict[str, str]
) -> None:
    bounds = {
        "type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"},
        "default": {"cpu": "1500m"}, "defaultRequest": {"cpu": "200m"},
    }  # fmt: skip
    place.add("LimitRange", "range", {"limits": [bounds]})
    resources = {key: value for key, value in
                 (("limits", limits), ("requests", requests)) if value}  # fmt: skip
    spec = _spoiled("containers.0.resources", resources)
    work = SAMPLE["templates/work.yaml"].replace(
        "        securityContext:\n          allow",
        f"        resources: {resources}\n        securityContext:\n          allow",
    )
    plan = place.plan({**BASE, "templates/work.yaml": work}, replicas=1)
    ours = any(one.startswith("limits.") for one, _ in blocking(plan))
    assert ours == _refused(place, spec)


def test_facts_of_the_real_cluster(place: Place) -> None:
    found = Reading(place.cluster, now_utc, lambda: None).facts(place.namespace)
    [node] = found.nodes
    assert node.ready
    assert node.allocatable["cpu"] > 0
    assert {pod.namespace for pod in found.pods} >= {"kube-system"}
    assert found.unseen == {}
    assert found.server_time is not None
    assert abs(found.server_time - found.seen) < timedelta(seconds=10)
    assert found.server_certificate is not None
    assert found.client_certificate is not None
    assert found.leases.keys() == {node.name}
    assert [one.name for one in found.classes if one.default] == ["local"]


def _spoiled(path: str, value: Any) -> dict[str, Any]:
    """SAFE with one value changed; None takes it away."""
    spec = copy.deepcopy(SAFE)
    *way, last = path.split(".")
    part: Any = spec
    for key in way:
        part = part[int(key)] if key.isdigit() else part[key]
    if value is None:
        part.pop(last, None)
    else:
        part[last] = value
    return spec


_OF_ADMISSION = ("PodSecurity", "per Container", "must be less than or equal to cpu limit")


def _refused(place: Place, spec: dict[str, Any]) -> bool:
    """Whether the API server's admission refuses such a pod."""
    metadata = {"name": "tried", "namespace": place.namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    try:
        place.cluster.preview(pod, place.namespace)
    except ObjectRefused as error:
        assert any(words in str(error) for words in _OF_ADMISSION)  # noqa: PT017
        return True
    return False
