"""Cluster on a real Kubernetes, through lightkube's kubeconfig, authentication and HTTP session.

Invariant: the only module that imports lightkube (and its HTTP library); objects are plain JSON,
so every kind a cluster knows can be read, and every refusal leaves here as a ChampError.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import KubeConfig
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.core.exceptions import ConfigError

from champ_offline.cluster import health
from champ_offline.cluster.discovery import Discovery, Kind
from champ_offline.cluster.interface import (
    FIELD_MANAGER,
    POD_SECURITY,
    ClusterFault,
    ClusterForbidden,
    ClusterUnreachable,
    FieldsOwned,
    KubeconfigInvalid,
    Node,
    Object,
    ObjectRefused,
    Offer,
    Preview,
    StorageClass,
)
from champ_offline.cluster.quantity import amount
from champ_offline.events import ObjectState
from champ_offline.oci.strict_json import wrong_in

_SECONDS = 15.0
_PAGE = 500
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
# One Accept for both answers: aggregated discovery (Kubernetes 1.30 and later).
_DISCOVERY = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
_REFUSALS = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}
# What the API server says, with status 500, of a field that the kind does not have.
_UNTYPED = "failed to create typed patch object"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_PLACES = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Service": "/api/v1/namespaces/{}/services",
}


class KubeCluster:
    """See Cluster; `kubeconfig` is the path of a file. Safe to use from several threads."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read the kubeconfig, contact nobody yet; raises KubeconfigInvalid."""
        self._session, self._address = _session(kubeconfig)
        self._turn = threading.Lock()
        self._discovery: Discovery | None = None

    @property
    def address(self) -> str:
        """See Cluster."""
        return self._address

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def identity(self) -> str:
        """See Cluster."""
        return str(self._read("/api/v1/namespaces/kube-system")["metadata"]["uid"])

    def offer(self) -> Offer:
        """See Cluster."""
        version = self._read("/version")["gitVersion"]
        return Offer(version=version, api_versions=self._discover().api_versions)

    def nodes(self) -> tuple[Node, ...]:
        """See Cluster."""
        return tuple(_node(item) for item in self._list("/api/v1/nodes"))

    def storage_classes(self) -> tuple[StorageClass, ...]:
        """See Cluster."""
        return tuple(
            StorageClass(
                name=item["metadata"]["name"],
                provisioner=item["provisioner"],
                default=(item["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true",
                waits=item.get("volumeBindingMode") == "WaitForFirstConsumer",
            )
            for item in self._list("/apis/storage.k8s.io/v1/storageclasses")
        )

    def has_namespace(self, namespace: str) -> bool:
        """See Cluster."""
        answer = self._answer("GET", f"/api/v1/namespaces/{namespace}")
        return not _absent(answer) and bool(self._checked(answer))

    def ensure_namespace(self, namespace: str) -> bool:
        """See Cluster."""
        if self.has_namespace(namespace):
            return False
        wanted = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": dict(POD_SECURITY)},
        }
        answer = self._answer("POST", "/api/v1/namespaces", json=wanted)
        if answer.status_code == HTTPStatus.CONFLICT:
            return False
        self._checked(answer)
        return True

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """See Cluster."""
        place = self._place(api_version, kind, namespace, name)
        if place is None:
            return None
        answer = self._answer("GET", place)
        return None if _absent(answer) else self._checked(answer)

    def preview(self, wanted: Object, namespace: str) -> Preview:
        """See Cluster."""
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        place = self._place(
            wanted["apiVersion"], kind, wanted["metadata"].get("namespace") or namespace, name
        )
        if place is None:
            return Preview()
        found = self._answer("GET", place)
        live = None if _absent(found) else self._checked(found)
        parameters = {"dryRun": "All", "fieldManager": FIELD_MANAGER}
        answer = self._answer("PATCH", place, json=wanted, headers=_APPLY, params=parameters)
        if _absent(answer):  # the namespace is still to be made
            return Preview(live=live)
        if answer.status_code == HTTPStatus.CONFLICT:
            raise FieldsOwned(kind=kind, name=name, reason=_reason(answer))
        if answer.status_code in _REFUSALS or _UNTYPED in _reason(answer):
            raise ObjectRefused(kind=kind, name=name, reason=_reason(answer))
        return Preview(live=live, after=self._checked(answer))

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        """See Cluster."""
        every = [
            {**item, "kind": kind}
            for kind in health.KINDS
            for item in self._list(_PLACES[kind].format(namespace))
        ]
        found = health.belonging(every, release)
        if all(state.ready for state in health.states(found)):
            return health.states(found)
        place = f"/api/v1/namespaces/{namespace}/events"
        return health.states(found, self._list(place, {"fieldSelector": "type=Warning"}))

    def _place(self, api_version: str, kind: str, namespace: str, name: str) -> str | None:
        known = self._discover().find(api_version, kind)
        if known is None:  # perhaps its definition has been added since
            self._discovery = None
            known = self._discover().find(api_version, kind)
        return None if known is None else _path(api_version, known, namespace, name)

    def _discover(self) -> Discovery:
        if self._discovery is None:
            documents = [
                self._checked(self._answer("GET", place, headers=_DISCOVERY))
                for place in ("/api", "/apis")
            ]
            self._discovery = Discovery.of(documents)
        return self._discovery

    def _list(self, place: str, parameters: dict[str, str] | None = None) -> list[Object]:
        found: list[Object] = []
        more = ""
        while True:
            page = {
                "limit": str(_PAGE),
                **(parameters or {}),
                **({"continue": more} if more else {}),
            }
            document = self._read(place, page)
            found += document.get("items") or []
            more = document["metadata"].get("continue", "")
            if not more:
                return sorted(found, key=lambda item: str(item["metadata"]["name"]))

    def _read(self, place: str, parameters: dict[str, str] | None = None) -> Object:
        return self._checked(self._answer("GET", place, params=parameters))

    def _answer(self, method: str, place: str, **how: Any) -> httpx2.Response:  # noqa: ANN401
        try:
            with self._turn:
                return self._session.request(method, place, **how)
        except httpx2.HTTPError as error:
            reason = str(error) or "it does not answer"
            raise ClusterUnreachable(address=self._address, reason=reason) from error

    def _checked(self, answer: httpx2.Response) -> Object:
        status = answer.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ClusterForbidden(address=self._address, reason=_reason(answer))
        if not answer.is_success:
            raise ClusterFault(address=self._address, status=status, reason=_reason(answer))
        document: Object = answer.json()
        return document


def _session(kubeconfig: Path) -> tuple[httpx2.Client, str]:
    try:
        config = KubeConfig.from_file(kubeconfig).get()
        if config is None:
            raise KubeconfigInvalid(file=kubeconfig, reason="it has no current context")
        timeout = httpx2.Timeout(_SECONDS)
        session = Client(config, ConnectionParams(timeout=timeout, trust_env=False))
    except (ConfigError, OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise KubeconfigInvalid(file=kubeconfig, reason=reason) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"a part of it is missing or malformed: {wrong_in(error)}"[:200]
        raise KubeconfigInvalid(file=kubeconfig, reason=reason) from error
    return session, str(config.cluster.server)


def _path(api_version: str, kind: Kind, namespace: str, name: str) -> str:
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{namespace}" if kind.namespaced else ""
    return f"{base}{scope}/{kind.plural}/{name}"


def _absent(answer: httpx2.Response) -> bool:
    return answer.status_code == HTTPStatus.NOT_FOUND


def _reason(answer: httpx2.Response) -> str:
    try:
        text = str(answer.json().get("message") or answer.reason_phrase)
    except (ValueError, AttributeError):
        text = answer.reason_phrase
    return " ".join(text.split())[:500].rstrip(".")


def _node(item: Object) -> Node:
    status, about = item["status"], item["status"]["nodeInfo"]
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return Node(
        name=item["metadata"]["name"],
        ready=conditions.get("Ready") == "True",
        version=about["kubeletVersion"],
        architecture=about["architecture"],
        runtime=about["containerRuntimeVersion"],
        cpus=float(amount(status["allocatable"]["cpu"])),
        memory=int(amount(status["allocatable"]["memory"])),
    )
