"""Pods of the simulated cluster: those of a Deployment come up at once, or never."""

from __future__ import annotations

import copy
from typing import Any

from tests.simulators.charts import NOWHERE

Object = dict[str, Any]


def pod_of(owner: Object, number: int) -> Object:
    """The pod of that number; it waits without end where its image is nowhere."""
    spec = copy.deepcopy(owner["spec"]["template"]["spec"])
    images = [one["image"] for one in spec["containers"]]
    if any(image.startswith(NOWHERE) for image in images):
        waiting = {"reason": "ErrImagePull", "message": f"{NOWHERE}: not found"}
        status: Object = {
            "phase": "Pending",
            "containerStatuses": [{"name": "work", "state": {"waiting": waiting}}],
        }
    else:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{owner['metadata']['name']}-{number}",
            "ownerReferences": [{"uid": owner["metadata"]["uid"]}],
        },
        "spec": spec,
        "status": status,
    }


def runs(pod: Object | None, container: str) -> bool:
    return (
        pod is not None
        and pod["status"]["phase"] == "Running"
        and any(one["name"] == container for one in pod["spec"]["containers"])
    )


def not_pulled(pod: Object, namespace: str) -> Object:
    """What kubelet tells of a pod whose image it cannot pull."""
    metadata = pod["metadata"]
    return {
        "metadata": {"namespace": namespace, "name": f"{metadata['name']}.1"},
        "involvedObject": {"kind": "Pod", "name": metadata["name"]},
        "reason": "Failed",
        "message": f'Failed to pull image "{NOWHERE}": {NOWHERE}: not found',
        "firstTimestamp": "2026-01-01T10:00:00Z",
        "lastTimestamp": "2026-01-01T10:00:00Z",
    }
