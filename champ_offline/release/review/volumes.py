"""The claims to volumes: those that a StatefulSet makes by itself, one for each pod and template,
and what a change of one touches.

Invariant: pure; names are those that the controller gives (`<template>-<set>-<ordinal>`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.release.differences import essence
from champ_offline.release.objects import RESOURCE_POLICY
from champ_offline.release.review.compared import Compared, at, rows, table

CLAIM = "PersistentVolumeClaim"
_DELETE = "Delete"


@dataclass(frozen=True)
class Claim:
    """A claim by name; `size` and `storage_class` as written, empty where nothing is said."""

    name: str
    size: str
    storage_class: str


def claims(workload: Mapping[str, Any]) -> Iterator[Claim]:
    """Those of a StatefulSet with as many replicas as it wants."""
    count = at(workload, "spec", "replicas")
    first = int(at(workload, "spec", "ordinals", "start") or 0)
    for template in rows(workload, "spec", "volumeClaimTemplates"):
        for number in range(first, first + (1 if count is None else int(count))):
            name = f"{at(template, 'metadata', 'name')}-{workload['metadata']['name']}-{number}"
            yield claim(name, template)


def claim(name: str, item: Mapping[str, Any]) -> Claim:
    """What a claim, or the template of one, asks for."""
    size = str(at(item, "spec", "resources", "requests", "storage") or "")
    return Claim(name, size, str(at(item, "spec", "storageClassName") or ""))


def deletes(workload: Mapping[str, Any], when: str) -> bool:
    """Whether the claims go too; `when` is `whenDeleted` or `whenScaled`."""
    policy = at(workload, "spec", "persistentVolumeClaimRetentionPolicy", when)
    return bool(policy == _DELETE)


def has_volumes(workload: Mapping[str, Any]) -> bool:
    """Whether the pods of a workload keep data in claims."""
    if rows(workload, "spec", "volumeClaimTemplates"):
        return True
    volumes = rows(workload, "spec", "template", "spec", "volumes")
    return any("persistentVolumeClaim" in volume for volume in volumes)


def is_relabelled(one: Compared) -> bool:
    """Whether nothing differs but labels and annotations; Helm's word to keep a claim is neither.

    False in doubt: where the API server did not foretell it, defaults differ too.
    """
    return one.stays and _unlabelled(one.live) == _unlabelled(one.after)


def _unlabelled(item: Mapping[str, Any] | None) -> dict[str, Any]:
    found = essence(dict(item or {})) or {}
    kept = at(found, "metadata", "annotations", RESOURCE_POLICY)
    metadata = {
        key: one
        for key, one in table(found, "metadata").items()
        if key not in {"labels", "annotations"}
    }
    return {**found, "metadata": metadata, "kept": kept}
