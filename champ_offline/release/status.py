"""A release of this zone and how it is now.

Invariant: pure; health is judged from the objects' states, drift from the sealed revision. What is
sealed with pods and was scaled to none is well in itself and serves nobody: that is no health.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from champ_offline.cluster.health import ENDING
from champ_offline.cluster.interface import Node
from champ_offline.events import Cause, ObjectState
from champ_offline.release.drift.values import Drift, FieldDrift, Standing
from champ_offline.release.records.history import Outcome, Revision

_SCALED = "scaled to 0"


class Health(StrEnum):
    """UNKNOWN when no cluster was asked, TROUBLED when an object is not ready or none is there.

    STOPPED when somebody scaled a workload to 0 and everything else is well. Pods on their way out
    do not count: their successors do.
    """

    HEALTHY = "healthy"
    TROUBLED = "troubled"
    STOPPED = "not serving"
    UNKNOWN = "unknown"

    @property
    def ails(self) -> bool:
        """Whether somebody has to look."""
        return self in {Health.TROUBLED, Health.STOPPED}


@dataclass(frozen=True)
class ReleaseStatus:
    """What runs under a release name in the cluster of that identity.

    `objects` is empty when no cluster was asked; `causes`, the first one first, say why it is
    troubled. `helm_revision` is Helm's number of what is in the cluster. `drift` is None where it
    was not looked at: no cluster was asked, or the release is being changed at this moment.
    """

    cluster: str
    release: str
    namespace: str
    app: str
    version: str
    number: int
    helm_revision: int
    outcome: Outcome
    health: Health
    objects: tuple[ObjectState, ...]
    drift: Drift | None = None
    causes: tuple[Cause, ...] = ()

    @classmethod
    def of(
        cls,
        revision: Revision,
        helm_revision: int,
        objects: tuple[ObjectState, ...] | None,
        drift: Drift | None = None,
        causes: tuple[Cause, ...] = (),
    ) -> ReleaseStatus:
        """The status of the revision in the cluster, given its objects (None: not asked)."""
        if objects is not None:
            stopped = set(_stopped(drift))
            objects = tuple(
                replace(one, ready=False, reason=_SCALED)
                if one.ready and (one.kind, one.name) in stopped
                else one
                for one in objects
            )
        health = Health.UNKNOWN if objects is None else _health(objects)
        return cls(
            cluster=revision.cluster,
            release=revision.release,
            namespace=revision.namespace,
            app=revision.app,
            version=revision.version,
            number=revision.number,
            helm_revision=helm_revision,
            outcome=revision.outcome,
            health=health,
            objects=objects or (),
            drift=drift,
            causes=causes,
        )


@dataclass(frozen=True)
class Sight:
    """A cluster as it is now: who it is, its Kubernetes, its nodes, the zone's releases on it.

    `nodes` is None where they may not be looked at.
    """

    identity: str
    version: str
    nodes: tuple[Node, ...] | None
    statuses: tuple[ReleaseStatus, ...]


def _health(objects: tuple[ObjectState, ...]) -> Health:
    staying = [state for state in objects if state.reason != ENDING]
    waiting = [state for state in staying if not state.ready]
    if staying and not waiting:
        return Health.HEALTHY
    scaled = bool(waiting) and all(state.reason == _SCALED for state in waiting)
    return Health.STOPPED if scaled else Health.TROUBLED


def _stopped(drift: Drift | None) -> Iterator[tuple[str, str]]:
    """Kind and name of each workload that is sealed with pods and has to have none."""
    for one in drift.objects if drift is not None else ():
        if one.standing is Standing.CHANGED and any(map(_is_none, one.fields)):
            yield one.kind, one.name


def _is_none(field: FieldDrift) -> bool:
    return field.path == "spec.replicas" and field.live == "0" and field.sealed not in {"", "0"}
