"""Cluster on a real Kubernetes, over HTTP with what a kubeconfig says.

Invariant: objects are plain JSON, so every kind a cluster knows can be read, and every refusal
leaves here as a ChampError.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2

from champ_offline.cluster import certificates, health, logs, pod_exec
from champ_offline.cluster.claims import Claim
from champ_offline.cluster.commands import SILENCE, Place, Running
from champ_offline.cluster.conflicts import conflicts
from champ_offline.cluster.discovery import Discovery, Kind
from champ_offline.cluster.interface import (
    FIELD_MANAGER,
    POD_SECURITY,
    ClusterFault,
    ClusterForbidden,
    ClusterUnreachable,
    Conflict,
    Contact,
    LogUnavailable,
    Node,
    Object,
    ObjectRefused,
    Offer,
    Preview,
    StorageClass,
)
from champ_offline.cluster.kubeconfig import Access
from champ_offline.cluster.nodes import node_of
from champ_offline.cluster.said import told, why_silent
from champ_offline.errors import Phrase
from champ_offline.events import ObjectState

_PAGE = 500
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
# One Accept for both answers: aggregated discovery (Kubernetes 1.30 and later).
_DISCOVERY = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
_NAMES = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
_REFUSALS = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}
# What the API server says, with status 500, of a field that the kind does not have, and of one node
# port twice in a Service.
_WRONG = ("failed to create typed patch object", "duplicate nodePort")
# How a 403 for what the user may not do is told from one for what nobody may (RBAC's own words).
_NOT_ALLOWED = re.compile(r'\bUser ".*" cannot ')
_NO_RECORDS = "type!=helm.sh/release.v1"
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
        self._access = Access.of(kubeconfig)
        self._session, self._address = self._access.session, self._access.address
        self._turn = threading.Lock()
        self._discovery: Discovery | None = None
        self._identity = self._version = ""

    @property
    def address(self) -> str:
        """See Cluster."""
        return self._address

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def identity(self) -> str:
        """See Cluster; asked once for each of these objects."""
        if not self._identity:
            document = self._read("/api/v1/namespaces/kube-system")
            self._identity = str(document["metadata"]["uid"])
        return self._identity

    def offer(self) -> Offer:
        """See Cluster; what it is and what it knows are asked for together."""
        found = self._discover()
        return Offer(version=self._version, api_versions=found.api_versions)

    def contact(self) -> Contact:
        """See Cluster."""
        answer = self._answer("GET", "/version")
        self._checked(answer)
        return Contact(
            time=certificates.http_date(answer.headers.get("Date", "")),
            certificate_end=certificates.peer_end(answer.extensions.get("network_stream")),
            client_end=self._access.client_end,
        )

    def nodes(self) -> tuple[Node, ...]:
        """See Cluster."""
        return tuple(node_of(item) for item in self._list("/api/v1/nodes"))

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

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        """See Cluster."""
        known = self._known(api_version, kind)
        return known is not None and known.namespaced

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """See Cluster."""
        place = self._place(api_version, kind, namespace, name)
        if place is None:
            return None
        answer = self._answer("GET", place)
        return None if _absent(answer) else self._checked(answer)

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
        """See Cluster."""
        known = self._known(api_version, kind)
        if known is None:
            return ()
        whole_secrets = (api_version, kind) == ("v1", "Secret") and not names_only
        chosen = ",".join(filter(None, [fields, _NO_RECORDS if whole_secrets else ""]))
        selectors = {"labelSelector": labels, "fieldSelector": chosen}
        parameters = {name: text for name, text in selectors.items() if text}
        place = _path(api_version, known, namespace)
        found = self._list(place, parameters, _NAMES if names_only else None)
        return tuple({**item, "apiVersion": api_version, "kind": kind} for item in found)

    def preview(self, wanted: Object, namespace: str, *, force: bool = False) -> Preview:
        """See Cluster."""
        place = self._place_of(wanted, namespace)
        if place is None:
            return Preview()
        there = self._answer("GET", place)
        live = None if _absent(there) else self._checked(there)
        answer = self._apply(place, wanted, {"dryRun": "All", "force": str(force).lower()})
        found: tuple[Conflict, ...] = ()
        if answer.status_code == HTTPStatus.CONFLICT:
            found = conflicts(answer.json())
            answer = self._apply(place, wanted, {"dryRun": "All", "force": "true"})
        if _absent(answer):  # the namespace is still to be made
            return Preview(live=live)
        return Preview(live=live, after=self._checked(answer), conflicts=found)

    def apply(self, wanted: Object, namespace: str) -> None:
        """See Cluster."""
        place = self._place_of(wanted, namespace)
        if place is None:
            raise ObjectRefused(
                **_named(wanted), reason=Phrase("the cluster does not know its kind")
            )
        self._checked(self._apply(place, wanted, {"force": "true"}))

    def claims(self, namespace: str) -> tuple[Claim, ...]:
        """See Cluster."""
        return tuple(map(Claim.of, self._list(_PLACES["PersistentVolumeClaim"].format(namespace))))

    def drop_claim(self, namespace: str, claim: Claim) -> bool:
        """See Cluster; a volume bound meanwhile changes the version, and the API server refuses."""
        if claim.bound:
            return False
        place = f"{_PLACES['PersistentVolumeClaim'].format(namespace)}/{claim.name}"
        as_read = {"uid": claim.uid, "resourceVersion": claim.version}
        answer = self._answer("DELETE", place, json={"preconditions": as_read})
        if answer.status_code == HTTPStatus.CONFLICT or _absent(answer):
            return False
        return bool(self._checked(answer))

    def parts(self, namespace: str, release: str) -> tuple[Object, ...]:
        """See Cluster."""
        every = [
            {**item, "kind": kind}
            for kind in health.KINDS
            for item in self._list(_PLACES[kind].format(namespace))
        ]
        return tuple(health.belonging(every, release))

    def troubles(self, namespace: str) -> tuple[Object, ...]:
        """See Cluster."""
        place = f"/api/v1/namespaces/{namespace}/events"
        # Why a claim finds no volume is told as something normal.
        selectors = ("type=Warning", "type!=Warning,reason=FailedBinding")
        return tuple(
            event
            for selector in selectors
            for event in self._list(place, {"fieldSelector": selector})
        )

    def log_tail(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
        since: str = "",
    ) -> tuple[logs.LogLine, ...]:
        """See Cluster; of lines that are too long together the first half is left out."""
        place = f"{_PLACES['Pod'].format(namespace)}/{pod}/log"
        parameters = logs.asked(container, lines, since, previous=previous)
        answer = self._answer("GET", place, params=parameters)
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self._checked(answer)
        if not answer.is_success:
            raise LogUnavailable(container=container, pod=pod, reason=told(answer))
        # An API server cuts off the end, which is what was wanted most.
        if len(answer.content) >= logs.LOG_BYTES and lines > 1:
            where, fewer = (namespace, pod, container), lines // 2
            return self.log_tail(*where, previous=previous, lines=fewer, since=since)
        return logs.lines(answer.content)

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
        """See Cluster; over a connection of its own."""
        place = Place(namespace, pod, container, tuple(command))
        with pod_exec.opened(self._access.server(), place, stdin is not None) as connection:
            running = Running(place, pod_exec.events(connection, stdin, silence))
            try:
                yield running
            finally:
                running.close()

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        """See Cluster."""
        found = self.parts(namespace, release)
        if all(state.ready for state in health.states(found)):
            return health.states(found)
        return health.states(found, self.troubles(namespace))

    def _apply(self, place: str, wanted: Object, how: dict[str, str]) -> httpx2.Response:
        """Server-side apply, as Helm's manager; raises ObjectRefused, but not for conflicts."""
        parameters = {"fieldManager": FIELD_MANAGER, **how}
        answer = self._answer("PATCH", place, json=wanted, headers=_APPLY, params=parameters)
        if _is_refusal(answer):
            raise ObjectRefused(**_named(wanted), reason=told(answer))
        return answer

    def _place_of(self, wanted: Object, namespace: str) -> str | None:
        where = wanted["metadata"].get("namespace") or namespace
        return self._place(wanted["apiVersion"], wanted["kind"], where, wanted["metadata"]["name"])

    def _place(self, api_version: str, kind: str, namespace: str, name: str) -> str | None:
        known = self._known(api_version, kind)
        return None if known is None else f"{_path(api_version, known, namespace)}/{name}"

    def _known(self, api_version: str, kind: str) -> Kind | None:
        known = self._discover().find(api_version, kind)
        if known is None:  # perhaps its definition has been added since
            self._discovery = None
            known = self._discover().find(api_version, kind)
        return known

    def _discover(self) -> Discovery:
        if self._discovery is None:
            documents = [
                self._checked(self._answer("GET", place, headers=_DISCOVERY))
                for place in ("/api", "/apis")
            ]
            self._version = str(self._read("/version")["gitVersion"])
            self._discovery = Discovery.of(documents)
        return self._discovery

    def _list(
        self,
        place: str,
        parameters: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> list[Object]:
        found: list[Object] = []
        more = ""
        while True:
            page = {
                "limit": str(_PAGE),
                **(parameters or {}),
                **({"continue": more} if more else {}),
            }
            document = self._read(place, page, headers)
            found += document.get("items") or []
            more = document["metadata"].get("continue", "")
            if not more:
                return sorted(found, key=lambda item: str(item["metadata"]["name"]))

    def _read(
        self,
        place: str,
        parameters: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Object:
        return self._checked(self._answer("GET", place, params=parameters, headers=headers))

    def _answer(self, method: str, place: str, **how: Any) -> httpx2.Response:  # noqa: ANN401
        try:
            with self._turn:
                return self._session.request(method, place, **how)
        except httpx2.HTTPError as error:
            raise ClusterUnreachable(address=self._address, reason=why_silent(error)) from error

    def _checked(self, answer: httpx2.Response) -> Object:
        status = answer.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ClusterForbidden(address=self._address, reason=told(answer))
        if not answer.is_success:
            raise ClusterFault(address=self._address, status=status, reason=told(answer))
        document: Object = answer.json()
        return document


def _path(api_version: str, kind: Kind, namespace: str) -> str:
    """Where the objects of a kind are; of every namespace where none is named."""
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{base}{scope}/{kind.plural}"


def _named(wanted: Object) -> dict[str, str]:
    return {"kind": wanted["kind"], "name": wanted["metadata"]["name"]}


def _is_refusal(answer: httpx2.Response) -> bool:
    """Whether the object is what is wrong, and not the asking."""
    status, reason = answer.status_code, told(answer)
    if status == HTTPStatus.CONFLICT:
        return not conflicts(answer.json())
    if status == HTTPStatus.FORBIDDEN:
        return _NOT_ALLOWED.search(reason) is None
    return status in _REFUSALS or any(words in reason for words in _WRONG)


def _absent(answer: httpx2.Response) -> bool:
    return answer.status_code == HTTPStatus.NOT_FOUND
