"""Claims of volumes: which release made one, and whether a volume with data may stand behind it.

Invariant: pure. A claim counts as bound as soon as a volume was named for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from champ_offline.cluster.health import INSTANCE, RELEASE

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim; `version` is its resourceVersion, `release` empty where unknown."""

    name: str
    uid: str
    version: str
    release: str
    bound: bool

    @classmethod
    def of(cls, item: Object) -> Self:
        """Read one; a StatefulSet's claims carry its labels, and no mark of Helm's."""
        metadata = item["metadata"]
        notes, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
        phase = (item.get("status") or {}).get("phase", "Pending")
        return cls(
            name=str(metadata["name"]),
            uid=str(metadata.get("uid", "")),
            version=str(metadata.get("resourceVersion", "")),
            release=str(notes.get(RELEASE) or labels.get(INSTANCE) or ""),
            bound=phase != "Pending" or bool((item.get("spec") or {}).get("volumeName")),
        )
