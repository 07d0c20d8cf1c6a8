"""What this product asks of a Kubernetes cluster, as one interface with typed values.

Invariant: reading never changes the cluster; all that is ever written through this interface is a
missing namespace, that a claim without a volume goes, and workloads of a release that stand still
while its data is moved. What a command in a container does is its caller's. Every implementation
runs tests/contracts/cluster.py and tests/contracts/commands.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from champ_offline.cluster.claims import Claim
from champ_offline.cluster.commands import Commands
from champ_offline.cluster.logs import LogLine
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
# How many images a kubelet lists (its setting nodeStatusMaxImages, unless changed).
MOST_IMAGES = 50


class ClusterUnreachable(ChampError):
    """The API server did not answer."""

    id = "cluster.unreachable"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster at {address} does not answer: {reason}."
    remedy = "Check that the address in the kubeconfig is right and reachable from this host."


class KubeconfigMissing(ChampError):
    """The kubeconfig that was named is not there."""

    id = "cluster.kubeconfig-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no kubeconfig {file}."
    remedy = "Name the file with --kubeconfig or KUBECONFIG, or a cluster with --cluster."


class KubeconfigInvalid(ChampError):
    """The kubeconfig file does not lead to a cluster."""

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


class CommandsForbidden(ClusterForbidden):
    """The kubeconfig's user may not run commands in pods."""

    id = "cluster.commands-forbidden"
    message = "The cluster at {address} refuses to run a command in pod {pod}: {reason}."
    remedy = "Give the kubeconfig's user the verbs create and get on pods/exec in that namespace."


class ObjectRefused(ChampError):
    """The API server would not accept an object as it is planned."""

    id = "cluster.object-refused"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster would not accept {kind} {name}: {reason}."
    remedy = "Correct the answers, or remove what stands in the way, and plan again."


class LogUnavailable(ChampError):
    """A container's log cannot be had: it was not begun, is gone, or its node does not answer."""

    id = "cluster.log-unavailable"
    exit_code = ExitCode.NOT_FOUND
    message = "The log of container {container} in pod {pod} cannot be had: {reason}."
    remedy = "Look with champ status how the pod is; repeat when it has begun and its node answers."


class ClusterFault(ChampError):
    """The API server answered with an error of its own."""

    id = "cluster.fault"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The cluster at {address} answered {status}: {reason}."
    remedy = "See the API server's log; repeat the command when it is well."


@dataclass(frozen=True)
class Node:
    """One node; `memory` in bytes, `cpus` in whole or part cores.

    `images` are the digests of the images it has; a kubelet tells of MOST_IMAGES only, so one that
    tells as many may have others (then not `all_images_told`). `taints` have `key`, `effect`, and
    perhaps `value`.
    """

    name: str
    ready: bool
    version: str
    architecture: str
    runtime: str
    cpus: float
    memory: int
    schedulable: bool = True
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    taints: tuple[Mapping[str, str], ...] = field(default=(), hash=False)
    images: frozenset[str] = frozenset()
    all_images_told: bool = True


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
class Contact:
    """What talking to the API server shows; each is None where it cannot be known.

    `time` is its clock, `certificate_end` and `client_end` are the ends of its certificate and of
    the kubeconfig's own.
    """

    time: datetime | None = None
    certificate_end: datetime | None = None
    client_end: datetime | None = None


@dataclass(frozen=True)
class Conflict:
    """A field that would be changed and that another `manager` holds, by the name it applies under.

    `field` is such as `spec.template.spec.containers[name=web].image`.
    """

    manager: str
    field: str


@dataclass(frozen=True)
class Preview:
    """An object as it is and as it would be; None where it is not there, or cannot be foretold.

    `conflicts` are what keeps it from being so unless these fields are taken over.
    """

    live: Object | None = field(default=None, repr=False)
    after: Object | None = field(default=None, repr=False)
    conflicts: tuple[Conflict, ...] = ()


class Cluster(Commands, Protocol):
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

    def contact(self) -> Contact:
        """The API server's clock now, and the ends of both certificates."""
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

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        """Whether objects of the kind are in namespaces; False where the kind is not known."""
        ...

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """The live object; None when it, or its kind, is not there."""
        ...

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
        """The live objects of a kind in a namespace (empty: in all), by name, as selectors choose.

        Of a kind without namespaces all; none where the kind is not known. With `names_only` they
        come as their metadata alone; otherwise Helm's own records are left out.
        """
        ...

    def preview(self, wanted: Object, namespace: str, *, force: bool = False) -> Preview:
        """What applying `wanted` as Helm does would make of the live object; writes nothing.

        Fields that others hold are told as conflicts, unless `force` says to go over them. Raises
        ObjectRefused (invalid, immutable).
        """
        ...

    def apply(self, wanted: Object, namespace: str) -> None:
        """Make the object so, as Helm applies it, whoever else holds its fields.

        Raises ObjectRefused.
        """
        ...

    def parts(self, namespace: str, release: str) -> tuple[Object, ...]:
        """The release's workloads, pods, volumes, services and hook jobs as they are."""
        ...

    def troubles(self, namespace: str) -> tuple[Object, ...]:
        """The v1 Events of the namespace that warn, or tell why a claim gets no volume."""
        ...

    def log_tail(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
        since: str = "",
    ) -> tuple[LogLine, ...]:
        """The last lines that a container wrote: at most so many, and at most LOG_BYTES of them.

        `previous` is the container before it was started anew; `since` a time in whole seconds
        (ISO 8601, UTC) before which nothing is wanted. Raises LogUnavailable.
        """
        ...

    def claims(self, namespace: str) -> tuple[Claim, ...]:
        """The namespace's claims of volumes, by name; none where there is no such namespace."""
        ...

    def drop_claim(self, namespace: str, claim: Claim) -> bool:
        """Remove a claim that no volume is bound to; False where it is no longer as it was read."""
        ...

    def objects(self, namespace: str, release: str) -> tuple[ObjectState, ...]:
        """The release's workloads, pods, volumes, services, hook jobs and how each is doing."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
