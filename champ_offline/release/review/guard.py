"""Know again what a plan was made on: a salted digest of each live object, and what moved since.

Invariant: pure. A guard gives nothing away (the salt is the release's) and does not change by what
a cluster writes into objects by itself: status, bookkeeping, marks of controllers, the volume that
a claim was bound to, and the replicas of a workload that an autoscaler of the release scales.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from champ_offline.errors import Phrase
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.release.differences import essence
from champ_offline.release.objects import Object
from champ_offline.release.review.compared import at, table
from champ_offline.release.review.volumes import CLAIM

ABSENT = "absent"
"""The guard of an object that was not there."""

_SCALER = "HorizontalPodAutoscaler"
# Annotations that controllers write: revisions of rollouts, binding of volumes, leaders' leases.
_WRITTEN_BY_CLUSTER = (
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "control-plane.alpha.kubernetes.io/leader",
    "autoscaling.alpha.kubernetes.io/",
    "endpoints.kubernetes.io/last-change-trigger-time",
)


class Moved(StrEnum):
    """What became of an object since it was planned."""

    CHANGED = "changed meanwhile"
    GONE = "gone meanwhile"
    MADE = "made meanwhile"


def told(kind: str, name: str, moved: Moved) -> Phrase:
    """`ConfigMap web (changed meanwhile)`."""
    return Phrase("{kind} {name} ({moved})", kind=kind, name=name, moved=Phrase(moved.value))


def guard(live: Object | None, salt: str, *, scaled: bool = False) -> str:
    """The guard of an object as it is; `scaled` leaves the number of its replicas out."""
    if live is None:
        return ABSENT
    found = essence(live) or {}
    for key in ("apiVersion", "kind"):  # lists of objects leave both out
        found.pop(key, None)
    found["metadata"]["uid"] = at(live, "metadata", "uid")
    notes = found["metadata"].pop("annotations", None) or {}
    found["metadata"]["annotations"] = {
        key: value for key, value in notes.items() if not key.startswith(_WRITTEN_BY_CLUSTER)
    }
    spec = found.get("spec")
    if isinstance(spec, dict):
        _without_clusters_part(spec, claim=live["kind"] == CLAIM, scaled=scaled)
    return str(Digest.of(salt.encode() + encode(found)))


def moved(before: str, after: str) -> Moved | None:
    """What became of an object with these guards; None where it is as it was."""
    if before == after:
        return None
    if before == ABSENT:
        return Moved.MADE
    return Moved.GONE if after == ABSENT else Moved.CHANGED


def scaled(live: Iterable[Object | None]) -> frozenset[tuple[str, str]]:
    """Kind and name of the workloads that autoscalers among the live objects scale."""
    targets = [
        table(one, "spec", "scaleTargetRef") for one in live if one and one["kind"] == _SCALER
    ]
    return frozenset((str(target.get("kind")), str(target.get("name"))) for target in targets)


def _without_clusters_part(spec: dict[str, Any], *, claim: bool, scaled: bool) -> None:
    if claim:
        spec.pop("volumeName", None)
    if scaled:
        spec.pop("replicas", None)
