"""A node as the API server tells of it, as a value.

Invariant: pure; what a kubelet leaves out is told as not known.
"""

from __future__ import annotations

from champ_offline.cluster.interface import MOST_IMAGES, Node, Object
from champ_offline.cluster.quantity import amount


def node_of(item: Object) -> Node:
    """The node that `item`, a v1 Node, is about."""
    status, about, spec = item["status"], item["status"]["nodeInfo"], item.get("spec") or {}
    images = status.get("images") or []
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return Node(
        name=item["metadata"]["name"],
        ready=conditions.get("Ready") == "True",
        version=about["kubeletVersion"],
        architecture=about["architecture"],
        runtime=about["containerRuntimeVersion"],
        cpus=float(amount(status["allocatable"]["cpu"])),
        memory=int(amount(status["allocatable"]["memory"])),
        schedulable=not spec.get("unschedulable"),
        labels=item["metadata"].get("labels") or {},
        taints=tuple(spec.get("taints") or ()),
        images=frozenset(
            name.rpartition("@")[2]
            for image in images
            for name in image.get("names") or []
            if "@" in name
        ),
        # A kubelet that just began has not listed any yet.
        all_images_told=0 < len(images) < MOST_IMAGES,
    )
