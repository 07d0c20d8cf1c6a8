"""What differs between a release in the cluster and its sealed revision, as values.

Invariant: pure; what is here was masked before: no secret stands in any field.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How one object stands: EXTRA is marked as the release's and is not in its sealed chart."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True)
class FieldDrift:
    """One field, such as `spec.template.spec.containers[name=web].image`.

    `sealed` is empty for one that was added by hand, `live` for one that was taken away; `managers`
    are those that hold the field now, by the names they apply under (`kubectl-edit`).
    """

    path: str
    sealed: str
    live: str
    managers: tuple[str, ...]


@dataclass(frozen=True)
class ObjectDrift:
    """One object that is not as sealed; `reason` is why the API server would not put it back."""

    standing: Standing
    api_version: str
    kind: str
    namespace: str
    name: str
    fields: tuple[FieldDrift, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class HelmDrift:
    """Helm's newest record, where it is not the one that this zone made.

    `revision` is 0 where Helm has no record any more, `expected` is the one of this zone's last
    change. `description` and `modified` (ISO 8601, UTC) are Helm's own words, `manager` is who
    wrote the record.
    """

    revision: int
    expected: int
    status: str
    description: str
    modified: str
    manager: str


@dataclass(frozen=True)
class ImageDrift:
    """A container that runs another image than the sealed one; both are digests."""

    pod: str
    container: str
    sealed: str
    running: str


@dataclass(frozen=True)
class Drift:
    """Everything about one release that is not as sealed.

    `missing` are images of the revision that nodes could not pull any more; None where that was not
    looked at: the external registry does not answer, or the revision's plan is not kept.
    """

    helm: HelmDrift | None = None
    objects: tuple[ObjectDrift, ...] = ()
    images: tuple[ImageDrift, ...] = ()
    missing: tuple[str, ...] | None = ()

    @property
    def found(self) -> bool:
        """Whether anything drifted."""
        return bool(self.helm or self.objects or self.images or self.missing)
