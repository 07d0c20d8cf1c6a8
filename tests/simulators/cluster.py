"""A Kubernetes in memory: objects, server-side apply, workloads that come up or do not."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from champ_offline.cluster import health
from champ_offline.cluster.claims import Claim
from champ_offline.cluster.commands import SILENCE, ContainerNotRunning, Place, Running
from champ_offline.cluster.interface import (
    POD_SECURITY,
    ClusterForbidden,
    ClusterUnreachable,
    CommandsForbidden,
    Conflict,
    Contact,
    Node,
    ObjectRefused,
    Offer,
    Preview,
    StorageClass,
)
from champ_offline.cluster.logs import LogLine
from champ_offline.errors import Quoted
from champ_offline.events import ObjectState
from champ_offline.release import managed as fields
from tests.simulators.managed_fields import held, held_by_others, share, take
from tests.simulators.pods import Logs, not_pulled, pod_of, runs
from tests.simulators.programs import Computer

Object = dict[str, Any]
Key = tuple[str, str, str, str]

KINDS = {
    ("v1", "Namespace"), ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "Service"), ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"), ("apps/v1", "ReplicaSet"), ("batch/v1", "Job"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("v1", "Node"),
    ("v1", "PersistentVolume"), ("v1", "ResourceQuota"), ("v1", "LimitRange"),
    ("storage.k8s.io/v1", "StorageClass"), ("scheduling.k8s.io/v1", "PriorityClass"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
}  # fmt: skip
WHOLE_CLUSTER = {
    "Namespace", "CustomResourceDefinition", "Node", "PersistentVolume", "StorageClass",
    "PriorityClass",
}  # fmt: skip


class SimulatedCluster:
    """See Cluster; tests also write through `apply` and `delete`, as Helm does.

    `asked` counts the questions that it answered.
    """

    address = "https://simulated:6443"

    def __init__(self, first_uid: int = 1) -> None:
        """Its identity is `uid-<first_uid>`."""
        self._store: dict[Key, Object] = {}
        self._uids = itertools.count(first_uid)
        self.machines: tuple[Node, ...] = (
            Node("one", True, "v1.35.4", "amd64", "containerd://1.6.20", 2.0, 2**33),
        )
        self.asked = 0
        self.reachable = True
        self.blind = False
        self.events: list[Object] = []
        self.logs = Logs()
        self.hidden: set[str] = set()
        # Around every single effect on the cluster, also those of Helm: where a kill can fall.
        self.effect: Callable[[str], AbstractContextManager[object]] = nullcontext
        # What containers can do, and the files they have.
        self.computer = Computer()
        self.records: Callable[[], list[Object]] = list
        self.requests: list[str] = []
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}, ""
        )

    def identity(self) -> str:
        found = self.get("v1", "Namespace", "", "kube-system")
        assert found is not None
        return str(found["metadata"]["uid"])

    def offer(self) -> Offer:
        self._answer()
        kinds = KINDS | self._defined()
        return Offer(
            "v1.35.4", tuple(sorted({version for version, _ in kinds} | set(map("/".join, kinds))))
        )

    def contact(self) -> Contact:
        self._answer()
        return Contact()

    def nodes(self) -> tuple[Node, ...]:
        self._answer()
        return self.machines

    def storage_classes(self) -> tuple[StorageClass, ...]:
        self._answer()
        return (StorageClass("local", "simulated/local", default=True, waits=True),)

    def has_namespace(self, namespace: str) -> bool:
        return self.get("v1", "Namespace", "", namespace) is not None

    def ensure_namespace(self, namespace: str) -> bool:
        if self.has_namespace(namespace):
            return False
        metadata = {"name": namespace, "labels": dict(POD_SECURITY)}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "")
        return True

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        self._answer()
        known = f"{api_version}/{kind}" in self.offer().api_versions
        return known and kind not in WHOLE_CLUSTER

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        self._answer()
        found = self._store.get(self._key(api_version, kind, namespace, name))
        if kind == "Secret" and found is None:
            kept = (one for one in self.records() if one["metadata"]["namespace"] == namespace)
            found = next((one for one in kept if one["metadata"]["name"] == name), None)
        return copy.deepcopy(found)

    def conflicts(self, wanted: Object, namespace: str) -> tuple[Conflict, ...]:
        """The fields that applying `wanted` as Helm would change and that others hold."""
        place = wanted["metadata"].get("namespace") or namespace
        key = self._key(wanted["apiVersion"], wanted["kind"], place, wanted["metadata"]["name"])
        live = self._store.get(key)
        return tuple(
            Conflict(manager, fields.dotted(path))
            for manager, path in held_by_others(live or {})
            if fields.value_at(wanted, path) is not fields.NOTHING
            and fields.value_at(live, path) != fields.value_at(wanted, path)
        )

    def edit(self, item: Object, manager: str, *fields: dict[str, Any]) -> None:
        """Keep an object that somebody changed; `fields` are the FieldsV1 that are theirs now."""
        metadata = item["metadata"]
        others = copy.deepcopy(metadata.get("managedFields", []))
        for entry, one in itertools.product(others, fields):
            take(entry.get("fieldsV1", {}), one)
        metadata["managedFields"] = [
            *others,
            *({"manager": manager, "operation": "Update", "fieldsV1": one} for one in fields),
        ]
        key = self._key(item["apiVersion"], item["kind"], metadata["namespace"], metadata["name"])
        self._store[key] = copy.deepcopy(item)

    def listed(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        *,
        labels: str = "",
        fields: str = "",
        names_only: bool = False,
    ) -> tuple[Object, ...]:
        self._answer()
        if kind in self.hidden:
            raise ClusterForbidden(address=self.address, reason=Quoted(f"cannot list {kind}"))
        self.requests.append(f"list {kind}")
        wanted = dict(part.split("=") for part in labels.split(",") if part)
        every = [*list(self._store.values()), *(self.records() if names_only else ())]
        fits = [
            copy.deepcopy(item)
            for item in every
            if (item["apiVersion"], item["kind"]) == (api_version, kind)
            and (kind in WHOLE_CLUSTER or namespace in {"", item["metadata"].get("namespace", "")})
            and (not wanted or wanted.items() <= (item["metadata"].get("labels") or {}).items())
        ]
        return tuple(sorted(fits, key=lambda item: str(item["metadata"]["name"])))

    def preview(self, wanted: Object, namespace: str, *, force: bool = False) -> Preview:
        self.requests.append(f"preview {wanted['kind']} {wanted['metadata']['name']}")
        place = wanted["metadata"].get("namespace") or namespace
        live = self.get(wanted["apiVersion"], wanted["kind"], place, wanted["metadata"]["name"])
        if not self.knows(wanted) or not self.has_namespace(place):
            return Preview(live)
        held = () if force else self.conflicts(wanted, place)
        return Preview(live, self._merged(live, wanted, place), held)

    def parts(self, namespace: str, release: str) -> tuple[Object, ...]:
        self._answer()
        if self.blind:
            raise ClusterUnreachable(address=self.address, reason=Quoted("connection reset"))
        every = [
            item
            for item in list(self._store.values())
            if item["kind"] in health.KINDS and item["metadata"].get("namespace") == namespace
        ]
        return tuple(copy.deepcopy(health.belonging(every, release)))

    def troubles(self, namespace: str) -> tuple[Object, ...]:
        self._answer()
        return tuple(one for one in self.events if one["metadata"]["namespace"] == namespace)

    def log_tail(
        self, namespace: str, pod: str, container: str, *,
        previous: bool, lines: int, since: str = "",
    ) -> tuple[LogLine, ...]:  # fmt: skip
        self._answer()
        begun = self.get("v1", "Pod", namespace, pod) is not None
        return self.logs.tail(pod, container, lines, since, previous=previous, begun=begun)

    @contextmanager
    def run_in(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: Iterable[bytes] | None = None,
        silence: float = SILENCE,
    ) -> Iterator[Running]:
        if self.computer.forbidden:
            raise CommandsForbidden(
                address=self.address, pod=pod, reason=Quoted("cannot create pods/exec")
            )
        place = Place(namespace, pod, container, tuple(command))
        found = self.get("v1", "Pod", namespace, pod)
        if not runs(found, container):
            raise ContainerNotRunning(**place.fields, reason=Quoted("not found"))
        with self.effect(f"run {command[0]}"):
            running = Running(place, self.computer.run(namespace, pod, place.command, stdin))
            try:
                yield running
            finally:
                running.close()

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        return health.states(self.parts(namespace, release), self.troubles(namespace))

    def close(self) -> None:
        """Nothing is held."""

    def knows(self, item: Object) -> bool:
        """Whether objects of this kind can be kept here."""
        return (item["apiVersion"], item["kind"]) in KINDS | self._defined()

    def apply(self, wanted: Object, namespace: str, manager: str = "") -> None:
        """Make the object so, and let its controllers act at once; `manager` then holds it."""
        self._answer()
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        if not self.knows(wanted):
            raise ObjectRefused(
                kind=kind, name=name, reason=Quoted("the cluster does not know its kind")
            )
        place = wanted["metadata"].get("namespace") or namespace
        key = self._key(wanted["apiVersion"], kind, place, name)
        with self.effect(f"apply {wanted['kind']}"):
            self._store[key] = self._merged(self._store.get(key), wanted, place)
            if manager:
                entry = {"manager": manager, "operation": "Apply", "fieldsV1": held(wanted)}
                metadata = self._store[key]["metadata"]
                others = [one for one in metadata.get("managedFields", [])
                          if one["manager"] != manager]  # fmt: skip
                metadata["managedFields"] = [entry, *others]
            if wanted["kind"] == "Deployment":
                self._deploy(self._store[key])
            if wanted["kind"] == "PersistentVolumeClaim":
                self._bind(self._store[key])

    def delete(self, item: Object, namespace: str) -> None:
        """Remove the object and what it owns."""
        place = item["metadata"].get("namespace") or namespace
        self._answer()
        key = self._key(item["apiVersion"], item["kind"], place, item["metadata"]["name"])
        with self.effect(f"delete {item['kind']}"):
            gone = self._store.pop(key, None)
            if gone is not None:
                self._drop_owned(gone["metadata"]["uid"])

    def claims(self, namespace: str) -> tuple[Claim, ...]:
        self._answer()
        every = (item for (_, kind, place, _), item in sorted(self._store.copy().items())
                 if kind == "PersistentVolumeClaim" and place == namespace)  # fmt: skip
        return tuple(map(Claim.of, every))

    def drop_claim(self, namespace: str, claim: Claim) -> bool:
        if claim.bound or claim not in self.claims(namespace):
            return False
        content = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        self.delete({**content, "metadata": {"name": claim.name}}, namespace)
        return True

    def _answer(self) -> None:
        self.asked += 1
        if not self.reachable:
            raise ClusterUnreachable(address=self.address, reason=Quoted("connection refused"))

    def _key(self, api_version: str, kind: str, namespace: str, name: str) -> Key:
        return (api_version, kind, "" if kind in WHOLE_CLUSTER else namespace, name)

    def _defined(self) -> set[tuple[str, str]]:
        return {
            (f"{item['spec']['group']}/{version['name']}", item["spec"]["names"]["kind"])
            for item in list(self._store.values())
            if item["kind"] == "CustomResourceDefinition"
            for version in item["spec"]["versions"]
        }

    def _merged(self, live: Object | None, wanted: Object, namespace: str) -> Object:
        """What server-side apply gives, for an object that one manager owns wholly."""
        after = copy.deepcopy(wanted)
        _refuse_strange_fields(after)
        _refuse_impossible(after)
        if wanted["kind"] == "Secret":
            _encode(after)
        if live and wanted["kind"] == "Deployment":
            _hold(live, after, "selector")
        if live and wanted["kind"] == "PersistentVolumeClaim":
            _hold(live, after, "storageClassName")
        kept = live["metadata"] if live else {"uid": f"uid-{next(self._uids)}", "generation": 1}
        after["metadata"]["uid"] = kept["uid"]
        after["metadata"]["generation"] = kept["generation"]
        if wanted["kind"] not in WHOLE_CLUSTER:
            after["metadata"]["namespace"] = namespace
        if live and "status" in live:
            after["status"] = copy.deepcopy(live["status"])
        if live and live["metadata"].get("managedFields"):
            share(live, after)
        return after

    def _deploy(self, item: Object) -> None:
        self._drop_owned(item["metadata"]["uid"])
        wanted = item["spec"].get("replicas", 1)
        pods = [pod_of(item, number) for number in range(wanted)]
        place = item["metadata"]["namespace"]
        for pod in pods:
            self._store[self._key("v1", "Pod", place, pod["metadata"]["name"])] = self._merged(
                None, pod, place
            )
        self.events += [
            not_pulled(pod, item["metadata"]["namespace"])
            for pod in pods
            if not health.state(pod).ready
        ]
        ready = sum(health.state(pod).ready for pod in pods)
        item["status"] = {
            "observedGeneration": 1,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
        }

    def _bind(self, item: Object) -> None:
        """A claim gets its volume at once, unless its class is one that nobody provisions."""
        bound = item["spec"].get("storageClassName", "local") == "local"
        item["status"] = {"phase": "Bound" if bound else "Pending"}

    def _drop_owned(self, uid: str) -> None:
        for key, item in list(self._store.items()):
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", [])):
                del self._store[key]


def _refuse_strange_fields(item: Object) -> None:
    known = {
        "apiVersion", "kind", "metadata", "data", "stringData", "spec", "status", "type",
        "automountServiceAccountToken",
    }  # fmt: skip
    if strange := sorted(item.keys() - known):
        reason = f".{strange[0]}: field not declared in schema"
        raise ObjectRefused(kind=item["kind"], name=item["metadata"]["name"], reason=Quoted(reason))


def _refuse_impossible(item: Object) -> None:
    """Refuse a Service with one node port twice, and a pod that no admission level lets in."""
    spec = item.get("spec") or {}
    ports = [one["nodePort"] for one in spec.get("ports") or [] if one.get("nodePort")]
    reason = "duplicate nodePort" if len(set(ports)) < len(ports) else ""
    if item["kind"] == "Pod" and spec.get("hostNetwork"):
        reason = "violates PodSecurity"
    if reason:
        raise ObjectRefused(kind=item["kind"], name=item["metadata"]["name"], reason=Quoted(reason))


def _encode(secret: Object) -> None:
    import base64

    plain = secret.pop("stringData", {}) or {}
    coded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    secret["data"] = {**(secret.get("data") or {}), **coded}


def _hold(live: Object, after: Object, part: str) -> None:
    """Refuse to change what can only be said once."""
    if live["spec"].get(part) != after["spec"].get(part):
        kind, name = after["kind"], after["metadata"]["name"]
        raise ObjectRefused(kind=kind, name=name, reason=Quoted(f"spec.{part}: field is immutable"))
