"""A release of this zone and how it is now.

Invariant: pure; health is judged from the objects' states alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from champ_offline.cluster.health import ENDING
from champ_offline.events import ObjectState
from champ_offline.release.history import Outcome, Revision


class Health(StrEnum):
    """UNKNOWN when no cluster was asked, TROUBLED when an object is not ready or none is there.

    Pods on their way out do not count: their successors do.
    """

    HEALTHY = "healthy"
    TROUBLED = "troubled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ReleaseStatus:
    """What runs under a release name; `objects` is empty when no cluster was asked."""

    release: str
    namespace: str
    app: str
    version: str
    number: int
    outcome: Outcome
    health: Health
    objects: tuple[ObjectState, ...]

    @classmethod
    def of(cls, revision: Revision, objects: tuple[ObjectState, ...] | None) -> ReleaseStatus:
        """The status of the revision in the cluster, given its objects (None: not asked)."""
        health = Health.UNKNOWN
        if objects is not None:
            staying = [state for state in objects if state.reason != ENDING]
            well = bool(staying) and all(state.ready for state in staying)
            health = Health.HEALTHY if well else Health.TROUBLED
        return cls(
            release=revision.release,
            namespace=revision.namespace,
            app=revision.app,
            version=revision.version,
            number=revision.number,
            outcome=revision.outcome,
            health=health,
            objects=objects or (),
        )
