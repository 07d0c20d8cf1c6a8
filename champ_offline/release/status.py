"""A release of this zone and how it is now.

Invariant: pure; health is judged from the objects' states alone, drift from the sealed revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from champ_offline.cluster.health import ENDING
from champ_offline.events import Cause, ObjectState
from champ_offline.release.drift.values import Drift
from champ_offline.release.records.history import Outcome, Revision


class Health(StrEnum):
    """UNKNOWN when no cluster was asked, TROUBLED when an object is not ready or none is there.

    Pods on their way out do not count: their successors do.
    """

    HEALTHY = "healthy"
    TROUBLED = "troubled"
    UNKNOWN = "unknown"


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
        health = Health.UNKNOWN
        if objects is not None:
            staying = [state for state in objects if state.reason != ENDING]
            well = bool(staying) and all(state.ready for state in staying)
            health = Health.HEALTHY if well else Health.TROUBLED
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
