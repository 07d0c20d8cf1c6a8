"""What this product asks of a Kubernetes cluster, as one interface with typed values.

Invariant: reading never changes the cluster; the only thing ever written through this interface is
a missing namespace. Every implementation runs tests/contracts/cluster.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import ObjectState

Object: TypeAlias = dict[str, Any]

# https://kubernetes.io/docs/concepts/security/pod-security-standards/
POD_SECURITY: Mapping[str, str] = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}
# The name under which Helm applies (its kube.ManagedFieldsManager).
FIELD_MANAGER = "helm"


class ClusterUnreachable(ChampError):
    """The API server did not answer."""

    id = "cluster.unreachable"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster at {address} does not answer: {reason}."
    remedy = "Check that the address in the kubeconfig is right and reachable from this host."


class KubeconfigInvalid(ChampError):
    """The kubeconfig file is missing or does not lead to a cluster."""

    id = "cluster.kubeconfig-invalid"
    exit_code = ExitCode.PREFLIGHT
    message = "The kubeconfig {file} cannot be used: {reason}."
    remedy = "Name a kubeconfig with a current context, its cluster and its user."


class ClusterForbidden(ChampError):
    """The kubeconfig's user is not known to the cluster, or may not do this."""

    id = "cluster.forbidden"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster at {address} refuses: {reason}."
    remedy = "Use a kubeconfig whose user may do this."


class ObjectRefused(ChampError):
    """The API server would not accept an object as it is planned."""

    id = "cluster.object-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster would not accept {kind} {name}: {reason}."
    remedy = "Correct the answers, or remove what stands in the way, and plan again."


class FieldsOwned(ChampError):
    """Somebody else changed fields that the release sets."""

    id = "cluster.fields-owned"
    exit_code = ExitCode.PREFLIGHT
    message = "{kind} {name} was changed by another tool: {reason}."
    remedy = "Let that tool give the fields back (or undo its change), then plan again."


class ClusterFault(ChampError):
    """The API server answered with an error of its own."""

    id = "cluster.fault"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The cluster at {address} answered {status}: {reason}."
    remedy = "See the API server's log; repeat the command when it is well."


@dataclass(frozen=True)
class Node:
    """One node; `memory` in bytes, `cpus` in whole or part cores."""

    name: str
    ready: bool
    version: str
    architecture: str
    runtime: str
    cpus: float
    memory: int


@dataclass(frozen=True)
class StorageClass:
    """A way to get volumes; `waits` means a volume is made when its first pod is placed."""

    name: str
    provisioner: str
    default: bool
    waits: bool


@dataclass(frozen=True)
class Offer:
    """What the cluster can do, for templates: `v1.35.4` and `group/version[/Kind]` texts."""

    version: str
    api_versions: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """An object as it is and as it would be; None where it is not there, or cannot be foretold."""

    live: Object | None = field(default=None, repr=False)
    after: Object | None = field(default=None, repr=False)


class Cluster(Protocol):
    """One Kubernetes cluster. All raise ClusterUnreachable, ClusterForbidden, ClusterFault."""

    @property
    def address(self) -> str:
        """The API server's URL, for messages."""
        ...

    def identity(self) -> str:
        """The UID of namespace kube-system: the same for the life of the cluster."""
        ...

    def offer(self) -> Offer:
        """Its version and API versions."""
        ...

    def nodes(self) -> tuple[Node, ...]:
        """Every node, by name."""
        ...

    def storage_classes(self) -> tuple[StorageClass, ...]:
        """Every storage class, by name."""
        ...

    def has_namespace(self, namespace: str) -> bool:
        """Whether the namespace is there."""
        ...

    def ensure_namespace(self, namespace: str) -> bool:
        """Create it with POD_SECURITY labels; an existing one is left alone (then False)."""
        ...

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """The live object; None when it, or its kind, is not there."""
        ...

    def preview(self, wanted: Object, namespace: str) -> Preview:
        """What applying `wanted` as Helm does would make of the live object; writes nothing.

        Raises ObjectRefused (invalid, immutable), FieldsOwned (a conflict).
        """
        ...

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        """The release's workloads, pods, volumes, services, hook jobs and how each is doing."""
        ...
