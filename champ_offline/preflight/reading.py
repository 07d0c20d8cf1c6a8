"""Read the facts of a cluster, through the Cluster port, in a request for each kind of object.

Invariant: reading changes nothing. What our user may not list is noted as unseen, with the API
server's reason, and everything else is read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from champ_offline.cluster.interface import POD_SECURITY, Cluster, ClusterForbidden, Contact, Node
from champ_offline.cluster.nodes import node_of
from champ_offline.preflight import resources
from champ_offline.preflight.facts import (
    ClassFacts,
    Facts,
    HostPort,
    LimitFacts,
    NodeFacts,
    PodFacts,
    QuotaFacts,
    ServiceFacts,
    Taint,
    VolumeFacts,
)
from champ_offline.preflight.shapes import (
    Object,
    at,
    entries,
    flag,
    flat,
    name,
    namespace,
    table,
    text,
    texts,
    whole,
)

_STORAGE = "storage.k8s.io/v1"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
_PRESSURES = ("DiskPressure", "MemoryPressure", "PIDPressure")
_ENDED = ("Succeeded", "Failed")
_HASH = "pod-template-hash"
_LEASES = "kube-node-lease"
_ANY = ("0.0.0.0", "::")  # noqa: S104 - a pod's, not ours


class Reading:
    """Facts of one cluster; what is the same for every namespace is read again after `keep`."""

    def __init__(
        self,
        cluster: Cluster,
        now: Callable[[], datetime],
        registry_certificate: Callable[[], datetime | None],
        keep: timedelta = timedelta(seconds=20),
    ) -> None:
        self._cluster, self._now, self._keep = cluster, now, keep
        self._registry_certificate = registry_certificate
        self._common: _Lists | None = None

    def facts(self, place: str) -> Facts:
        """Facts of the cluster and its namespace `place`, which need not be there yet.

        Raises ClusterUnreachable, ClusterFault.
        """
        common, own = self._shared(), _Lists(self._cluster, self._now())
        found = self._cluster.get("v1", "Namespace", "", place)
        offer = self._cluster.offer()
        parts = _namespaced(own, place) if found is not None else {}
        return Facts(
            seen=common.seen,
            version=offer.version,
            kinds=frozenset(offer.api_versions),
            namespace=place,
            labels=dict(POD_SECURITY) if found is None else flat(found, "metadata", "labels"),
            registry_certificate=self._registry_certificate(),
            **_scheduling(common),
            **_offered(common),
            **_contact(common.contact),
            **parts,
            unseen={**common.unseen, **own.unseen},
        )

    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the cluster; none for a user who may not list them.

        Raises ClusterUnreachable, ClusterFault.
        """
        return tuple(node_of(item) for item in self._shared().of("v1", "Node"))

    def _shared(self) -> _Lists:
        now = self._now()
        if self._common is None or now - self._common.seen > self._keep:
            self._common = _Lists(self._cluster, now)
        return self._common


class _Lists:
    """What a cluster lists, each kind asked for once."""

    def __init__(self, cluster: Cluster, seen: datetime) -> None:
        self._cluster, self.seen = cluster, seen
        self._found: dict[tuple[str, str, str], tuple[Object, ...]] = {}
        self._contact: Contact | None = None
        self.unseen: dict[str, str] = {}

    def of(self, api_version: str, kind: str, place: str = "") -> tuple[Object, ...]:
        """Every object of the kind, in `place` or everywhere."""
        key = (api_version, kind, place)
        if key not in self._found:
            try:
                self._found[key] = self._cluster.listed(api_version, kind, place)
            except ClusterForbidden as error:
                self.unseen[kind] = str(error.fields["reason"])
                self._found[key] = ()
        return self._found[key]

    @property
    def contact(self) -> Contact:
        """The API server's clock and certificates, as they were when first asked for."""
        if self._contact is None:
            self._contact = self._cluster.contact()
        return self._contact


def _scheduling(lists: _Lists) -> dict[str, Any]:
    return {
        "nodes": tuple(_node(item) for item in lists.of("v1", "Node")),
        "pods": tuple(
            _pod(item)
            for item in lists.of("v1", "Pod")
            if text(item, "status", "phase") not in _ENDED
            and not text(item, "metadata", "deletionTimestamp")
        ),
        "priorities": _priorities(lists.of("scheduling.k8s.io/v1", "PriorityClass")),
        "runtimes": _names(lists.of("node.k8s.io/v1", "RuntimeClass")),
        "leases": {
            name(item): renewed
            for item in lists.of("coordination.k8s.io/v1", "Lease", _LEASES)
            if (renewed := _time(at(item, "spec", "renewTime"))) is not None
        },
    }


def _offered(lists: _Lists) -> dict[str, Any]:
    ingress = lists.of("networking.k8s.io/v1", "IngressClass")
    free: dict[str, int] = {}
    for item in lists.of(_STORAGE, "CSIStorageCapacity"):
        key = text(item, "storageClassName")
        free[key] = max(free.get(key, 0), resources.measured("storage", item.get("capacity")))
    return {
        "classes": tuple(_class(item) for item in lists.of(_STORAGE, "StorageClass")),
        "volumes": tuple(_volume(item) for item in lists.of("v1", "PersistentVolume")),
        "free_storage": free,
        "services": tuple(_service(item) for item in lists.of("v1", "Service")),
        "ingress_classes": _names(ingress),
        "default_ingress": any(_marked(item, _DEFAULT_INGRESS) for item in ingress),
    }


def _namespaced(lists: _Lists, place: str) -> dict[str, Any]:
    return {
        "quotas": tuple(_quota(item) for item in lists.of("v1", "ResourceQuota", place)),
        "limits": tuple(
            _limit(item, entry)
            for item in lists.of("v1", "LimitRange", place)
            for entry in entries(item, "spec", "limits")
        ),
        "claims": tuple(name(item) for item in lists.of("v1", "PersistentVolumeClaim", place)),
    }


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "server_time": contact.time,
        "server_certificate": contact.certificate_end,
        "client_certificate": contact.client_end,
    }


def _node(item: Object) -> NodeFacts:
    conditions = {
        text(one, "type"): text(one, "status") for one in entries(item, "status", "conditions")
    }
    images = entries(item, "status", "images")
    return NodeFacts(
        name=name(item),
        labels=flat(item, "metadata", "labels"),
        taints=tuple(
            Taint(text(one, "key"), text(one, "value"), text(one, "effect"))
            for one in entries(item, "spec", "taints")
        ),
        allocatable=resources.of(table(item, "status", "allocatable")),
        ready=conditions.get("Ready") == "True",
        unschedulable=flag(item, "spec", "unschedulable") is True,
        pressures=tuple(one for one in _PRESSURES if conditions.get(one) == "True"),
        images=frozenset(
            told.rpartition("@")[2] for one in images for told in texts(one, "names") if "@" in told
        ),
        image_bytes=sum(max(0, whole(one, "sizeBytes") or 0) for one in images),
    )


def _pod(item: Object) -> PodFacts:
    spec = table(item, "spec")
    return PodFacts(
        namespace=namespace(item),
        name=name(item),
        node=text(spec, "nodeName"),
        requests=resources.requests(spec),
        ports=host_ports(spec),
        owner=_owner(item),
        priority=whole(spec, "priority") or 0,
    )


def host_ports(spec: Object) -> tuple[HostPort, ...]:
    """The ports of its node that a pod holds."""
    own = flag(spec, "hostNetwork") is True
    found = []
    for one in (*entries(spec, "containers"), *entries(spec, "initContainers")):
        for port in entries(one, "ports"):
            number = whole(port, "hostPort") or (whole(port, "containerPort") if own else None)
            address = text(port, "hostIP")
            if number:
                found.append(
                    (text(port, "protocol") or "TCP", "" if address in _ANY else address, number)
                )
    return tuple(found)


def _owner(item: Object) -> tuple[str, str]:
    """The workload: of a ReplicaSet that a Deployment made, the Deployment."""
    for one in entries(item, "metadata", "ownerReferences"):
        if flag(one, "controller") is not True:
            continue
        kind, owner = text(one, "kind"), text(one, "name")
        ending = f"-{flat(item, 'metadata', 'labels').get(_HASH, '')}"
        if kind == "ReplicaSet" and len(ending) > 1 and owner.endswith(ending):
            return "Deployment", owner.removesuffix(ending)
        return kind, owner
    return text(item, "kind") or "Pod", name(item)


def _class(item: Object) -> ClassFacts:
    return ClassFacts(name(item), text(item, "provisioner"), _marked(item, _DEFAULT_CLASS))


def _volume(item: Object) -> VolumeFacts:
    claim = table(item, "spec", "claimRef")
    return VolumeFacts(
        name=name(item),
        storage_class=text(item, "spec", "storageClassName"),
        size=resources.measured("storage", at(item, "spec", "capacity", "storage")),
        modes=frozenset(texts(item, "spec", "accessModes")),
        free=text(item, "status", "phase") == "Available",
        claim=f"{text(claim, 'namespace')}/{text(claim, 'name')}" if claim else "",
    )


def _quota(item: Object) -> QuotaFacts:
    scoped = bool(at(item, "spec", "scopes") or at(item, "spec", "scopeSelector"))
    hard = resources.of(table(item, "status", "hard") or table(item, "spec", "hard"))
    return QuotaFacts(name(item), hard, resources.of(table(item, "status", "used")), scoped)


def _limit(item: Object, entry: Object) -> LimitFacts:
    return LimitFacts(
        name=name(item),
        type=text(entry, "type"),
        smallest=resources.of(table(entry, "min")),
        largest=resources.of(table(entry, "max")),
        defaults=resources.Defaults(
            resources.of(table(entry, "defaultRequest")), resources.of(table(entry, "default"))
        ),
    )


def _service(item: Object) -> ServiceFacts:
    ports = {whole(one, "nodePort") for one in entries(item, "spec", "ports")}
    ports.add(whole(item, "spec", "healthCheckNodePort"))
    balanced = bool(entries(item, "status", "loadBalancer", "ingress"))
    taken = frozenset(port for port in ports if port)
    return ServiceFacts(namespace(item), name(item), taken, balanced)


def _priorities(items: Iterable[Object]) -> dict[str, int]:
    found = {}
    for item in items:
        value = whole(item, "value") or 0
        found[name(item)] = value
        if flag(item, "globalDefault") is True:
            found[""] = value
    return found


def _names(items: Iterable[Object]) -> frozenset[str]:
    return frozenset(map(name, items))


def _marked(item: Object, annotation: str) -> bool:
    return flat(item, "metadata", "annotations").get(annotation) == "true"


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
