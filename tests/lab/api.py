"""A few calls to a node's API server, by the standard library, from inside the zone's network.

Invariant: the server is checked against the node's own authority and the caller shows the
administrator's certificate; an answer above 299 is raised.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab import network
from tests.lab.errors import LabError, TookTooLong
from tests.lab.processes import wait_until

TIMEOUT = 10
# Kind to its resource path; {namespace} where it has one.
PATHS = {
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
}


class Refused(LabError):
    """The API server answered with an error; `status` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreachable(LabError):
    """No API server answers (yet)."""


class Api:
    """The API server at `address`, reached from the network namespace `namespace`."""

    def __init__(self, namespace: str, address: str, pki: Path) -> None:
        self._namespace = namespace
        self._address = address
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at `path`; raises Refused or Unreachable."""
        document: dict[str, Any] = json.loads(self.call("GET", path))
        return document

    def create(self, document: Mapping[str, Any]) -> None:
        """Create an object; one that exists already is left as it is."""
        metadata = document["metadata"]
        path = PATHS[document["kind"]].format(namespace=metadata.get("namespace", "default"))
        try:
            self.call("POST", path, json.dumps(document))
        except Refused as error:
            if error.status != http.HTTPStatus.CONFLICT:
                raise

    def delete(self, path: str, seconds: float = 15) -> None:
        """Delete the object at `path` and wait until it is away; one that is not there is fine."""
        if self.exists(path):
            self.call("DELETE", path)
        if not wait_until(lambda: not self.exists(path), seconds, pause=0.1):
            raise TookTooLong(f"{path} was deleted and is still there after {seconds:g} s.")

    def exists(self, path: str) -> bool:
        """Whether there is an object at `path`."""
        try:
            self.call("GET", path)
        except Refused as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def ready(self) -> bool:
        """Whether the API server says it is ready."""
        try:
            return self.call("GET", "/readyz") == "ok"
        except (Refused, Unreachable):
            return False

    def call(self, method: str, path: str, body: str | None = None) -> str:
        """The answer's body as text."""
        status, text = network.inside(self._namespace, lambda: self._exchange(method, path, body))
        if status >= http.HTTPStatus.MULTIPLE_CHOICES:
            raise Refused(status, f"{method} {path} was answered with {status}: {text[:300]}")
        return text

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(
            self._address, 6443, context=self._context, timeout=TIMEOUT
        )
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"https://{self._address}:6443 does not answer: {error}") from error
        finally:
            connection.close()
