"""Facts of one cluster that decide whether a change can go well, as typed values.

Invariant: read once, at `seen`, and never changed; what the cluster did not let us see is named in
`unseen`, and no check concludes anything from its absence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from champ_offline.preflight.resources import Defaults, Resources

# Protocol, address ("" for all) and port of a node.
HostPort: TypeAlias = tuple[str, str, int]


@dataclass(frozen=True)
class Taint:
    """Keeps pods that do not tolerate it off a node."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"


@dataclass(frozen=True)
class NodeFacts:
    """A node; `images` are the digests it lists, `image_bytes` what all it lists takes unpacked."""

    name: str
    labels: dict[str, str] = field(hash=False)
    taints: tuple[Taint, ...]
    allocatable: Resources = field(hash=False)
    ready: bool
    unschedulable: bool = False
    pressures: tuple[str, ...] = ()
    images: frozenset[str] = frozenset()
    image_bytes: int = 0


@dataclass(frozen=True)
class PodFacts:
    """A pod that neither ended nor is about to: where it is, what it asks for, its workload."""

    namespace: str
    name: str
    node: str
    requests: Resources = field(hash=False)
    ports: tuple[HostPort, ...] = ()
    owner: tuple[str, str] = ("", "")
    priority: int = 0


@dataclass(frozen=True)
class ClassFacts:
    """A storage class; `static` ones make no volumes but hand out those that are there."""

    name: str
    provisioner: str
    default: bool

    @property
    def static(self) -> bool:
        """Whether volumes of it are made by hand."""
        return self.provisioner == "kubernetes.io/no-provisioner"


@dataclass(frozen=True)
class VolumeFacts:
    """A persistent volume: its class, bytes, modes, whether it is free or whose (namespace/name)"""

    name: str
    storage_class: str
    size: int
    modes: frozenset[str]
    free: bool
    claim: str


@dataclass(frozen=True)
class QuotaFacts:
    """A ResourceQuota; `scoped` ones count only some pods."""

    name: str
    hard: Resources = field(hash=False)
    used: Resources = field(hash=False)
    scoped: bool


@dataclass(frozen=True)
class LimitFacts:
    """One entry of a LimitRange; `type` is Container, Pod or PersistentVolumeClaim."""

    name: str
    type: str
    smallest: Resources = field(hash=False)
    largest: Resources = field(hash=False)
    defaults: Defaults = field(hash=False)


@dataclass(frozen=True)
class ServiceFacts:
    """A service: the node ports it holds, whether a load balancer gave it an address."""

    namespace: str
    name: str
    node_ports: frozenset[int]
    balanced: bool


@dataclass(frozen=True)
class Facts:
    """A cluster and one of its namespaces, whose labels are `labels` (those it will get).

    `server_time` is the API server's clock when ours said `seen`; `leases` the time by each node's
    own clock when it last said that it lives; `priorities` has under "" that of pods without a
    class. Ends of certificates are None where not known.
    """

    seen: datetime
    version: str
    kinds: frozenset[str]
    namespace: str
    labels: dict[str, str] = field(hash=False)
    nodes: tuple[NodeFacts, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    classes: tuple[ClassFacts, ...] = ()
    volumes: tuple[VolumeFacts, ...] = ()
    claims: tuple[str, ...] = ()
    free_storage: dict[str, int] = field(default_factory=dict, hash=False)
    quotas: tuple[QuotaFacts, ...] = ()
    limits: tuple[LimitFacts, ...] = ()
    services: tuple[ServiceFacts, ...] = ()
    priorities: dict[str, int] = field(default_factory=dict, hash=False)
    runtimes: frozenset[str] = frozenset()
    ingress_classes: frozenset[str] = frozenset()
    default_ingress: bool = False
    leases: dict[str, datetime] = field(default_factory=dict, hash=False)
    server_time: datetime | None = None
    server_certificate: datetime | None = None
    client_certificate: datetime | None = None
    registry_certificate: datetime | None = None
    unseen: dict[str, str] = field(default_factory=dict, hash=False)

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has this kind."""
        return f"{api_version}/{kind}" in self.kinds

    def saw(self, *kinds: str) -> bool:
        """Whether all of these kinds could be listed."""
        return not any(kind in self.unseen for kind in kinds)

    @property
    def minor(self) -> tuple[int, int]:
        """The version as (1, 35); (0, 0) where it cannot be read."""
        first, _, rest = self.version.removeprefix("v").partition(".")
        second = rest.partition(".")[0].rstrip("+")
        readable = all(part.isascii() and part.isdigit() for part in (first, second))
        return (int(first[:9]), int(second[:9])) if readable else (0, 0)

    @property
    def defaults(self) -> Defaults:
        """What the namespace gives containers that do not say what they need."""
        requests: dict[str, int] = {}
        limits: dict[str, int] = {}
        for one in self.limits:
            if one.type == "Container":
                requests = {**one.defaults.requests, **requests}
                limits = {**one.defaults.limits, **limits}
        return Defaults(requests, limits)
