"""A Kubernetes in memory: objects, server-side apply, workloads that come up or do not."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from champ_offline.cluster import health
from champ_offline.cluster.interface import (
    POD_SECURITY,
    ClusterUnreachable,
    Node,
    ObjectRefused,
    Offer,
    Preview,
    StorageClass,
)
from champ_offline.events import ObjectState
from tests.simulators.charts import NOWHERE

Object = dict[str, Any]
Key = tuple[str, str, str, str]

KINDS = {
    ("v1", "Namespace"), ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "Service"), ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"), ("apps/v1", "ReplicaSet"), ("batch/v1", "Job"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
}  # fmt: skip
WHOLE_CLUSTER = {"Namespace", "CustomResourceDefinition"}


class SimulatedCluster:
    """See Cluster; tests also write through `apply` and `delete`, as Helm does."""

    address = "https://simulated:6443"

    def __init__(self) -> None:
        self._store: dict[Key, Object] = {}
        self._uids = itertools.count(1)
        self.reachable = True
        self.blind = False
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

    def nodes(self) -> tuple[Node, ...]:
        self._answer()
        return (Node("one", True, "v1.35.4", "amd64", "containerd://1.6.20", 2.0, 2**33),)

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

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        self._answer()
        found = self._store.get(self._key(api_version, kind, namespace, name))
        return copy.deepcopy(found)

    def preview(self, wanted: Object, namespace: str) -> Preview:
        place = wanted["metadata"].get("namespace") or namespace
        live = self.get(wanted["apiVersion"], wanted["kind"], place, wanted["metadata"]["name"])
        if not self.knows(wanted) or not self.has_namespace(place):
            return Preview(live)
        return Preview(live, self._merged(live, wanted, place))

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        self._answer()
        if self.blind:
            raise ClusterUnreachable(address=self.address, reason="connection reset")
        every = [
            item
            for item in self._store.values()
            if item["kind"] in health.KINDS and item["metadata"].get("namespace") == namespace
        ]
        return health.states(health.belonging(every, release))

    def knows(self, item: Object) -> bool:
        """Whether objects of this kind can be kept here."""
        return (item["apiVersion"], item["kind"]) in KINDS | self._defined()

    def apply(self, wanted: Object, namespace: str) -> None:
        """Make the object so, and let its controllers act at once."""
        place = wanted["metadata"].get("namespace") or namespace
        key = self._key(wanted["apiVersion"], wanted["kind"], place, wanted["metadata"]["name"])
        self._store[key] = self._merged(self._store.get(key), wanted, place)
        if wanted["kind"] == "Deployment":
            self._deploy(self._store[key])

    def delete(self, item: Object, namespace: str) -> None:
        """Remove the object and what it owns."""
        place = item["metadata"].get("namespace") or namespace
        key = self._key(item["apiVersion"], item["kind"], place, item["metadata"]["name"])
        gone = self._store.pop(key, None)
        if gone is not None:
            self._drop_owned(gone["metadata"]["uid"])

    def _answer(self) -> None:
        if not self.reachable:
            raise ClusterUnreachable(address=self.address, reason="connection refused")

    def _key(self, api_version: str, kind: str, namespace: str, name: str) -> Key:
        return (api_version, kind, "" if kind in WHOLE_CLUSTER else namespace, name)

    def _defined(self) -> set[tuple[str, str]]:
        return {
            (f"{item['spec']['group']}/{version['name']}", item["spec"]["names"]["kind"])
            for item in self._store.values()
            if item["kind"] == "CustomResourceDefinition"
            for version in item["spec"]["versions"]
        }

    def _merged(self, live: Object | None, wanted: Object, namespace: str) -> Object:
        """What server-side apply gives, for an object that one manager owns wholly."""
        after = copy.deepcopy(wanted)
        _refuse_strange_fields(after)
        if wanted["kind"] == "Secret":
            _encode(after)
        if live and wanted["kind"] == "Deployment":
            _hold_selector(live, after)
        kept = live["metadata"] if live else {"uid": f"uid-{next(self._uids)}", "generation": 1}
        after["metadata"]["uid"] = kept["uid"]
        after["metadata"]["generation"] = kept["generation"]
        if wanted["kind"] not in WHOLE_CLUSTER:
            after["metadata"]["namespace"] = namespace
        if live and "status" in live:
            after["status"] = copy.deepcopy(live["status"])
        return after

    def _deploy(self, item: Object) -> None:
        self._drop_owned(item["metadata"]["uid"])
        wanted = item["spec"].get("replicas", 1)
        pods = [_pod(item, number) for number in range(wanted)]
        for pod in pods:
            self.apply(pod, item["metadata"]["namespace"])
        ready = sum(health.state(pod).ready for pod in pods)
        item["status"] = {
            "observedGeneration": 1,
            "updatedReplicas": wanted,
            "readyReplicas": ready,
        }

    def _drop_owned(self, uid: str) -> None:
        for key, item in list(self._store.items()):
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", [])):
                del self._store[key]


def _refuse_strange_fields(item: Object) -> None:
    known = {"apiVersion", "kind", "metadata", "data", "stringData", "spec", "status"}
    if strange := sorted(item.keys() - known):
        reason = f".{strange[0]}: field not declared in schema"
        raise ObjectRefused(kind=item["kind"], name=item["metadata"]["name"], reason=reason)


def _encode(secret: Object) -> None:
    import base64

    plain = secret.pop("stringData", {}) or {}
    coded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    secret["data"] = {**(secret.get("data") or {}), **coded}


def _hold_selector(live: Object, after: Object) -> None:
    if live["spec"]["selector"] != after["spec"]["selector"]:
        name = after["metadata"]["name"]
        raise ObjectRefused(
            kind="Deployment", name=name, reason="spec.selector: field is immutable"
        )


def _pod(owner: Object, number: int) -> Object:
    images = [one["image"] for one in owner["spec"]["template"]["spec"]["containers"]]
    if any(image.startswith(NOWHERE) for image in images):
        waiting = {"reason": "ErrImagePull", "message": f"{NOWHERE}: not found"}
        status: Object = {
            "phase": "Pending",
            "containerStatuses": [{"name": "work", "state": {"waiting": waiting}}],
        }
    else:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{owner['metadata']['name']}-{number}",
            "ownerReferences": [{"uid": owner["metadata"]["uid"]}],
        },
        "spec": {},
        "status": status,
    }
