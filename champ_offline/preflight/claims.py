"""The claims to volumes that objects are, or make by themselves, one for each pod.

Invariant: pure, and total; names are those that the StatefulSet's controller gives.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.shapes import Object, entries, name, text, whole

_MOST = 1000


def claims(item: Object) -> Iterator[Object]:
    """The claims that an object is or makes, under their own names."""
    if text(item, "kind") == "PersistentVolumeClaim":
        yield item
    if text(item, "kind") == "StatefulSet":
        replicas = whole(item, "spec", "replicas")
        for claim in entries(item, "spec", "volumeClaimTemplates"):
            for number in range(min(_MOST, 1 if replicas is None else max(0, replicas))):
                called = f"{name(claim)}-{name(item)}-{number}"
                yield {**claim, "metadata": {"name": called}}
