"""Pods of the simulated cluster: those of a Deployment come up at once, or never."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from champ_offline.cluster.interface import LogUnavailable
from champ_offline.cluster.logs import LogLine
from champ_offline.errors import Quoted
from tests.simulators.charts import NOWHERE

Object = dict[str, Any]
_BEGAN = datetime(2026, 1, 1, 10, tzinfo=UTC)


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
        runs = {"ready": True, "restartCount": 0, "state": {"running": {}}}
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": one["name"], **runs} for one in spec["containers"]],
        }
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


class Logs(dict[tuple[str, str], str]):
    """What containers wrote, a line a second, by pod and container; `before` they began anew."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[tuple[str, str], str] = {}

    def tail(
        self, pod: str, container: str, lines: int, since: str, *, previous: bool, begun: bool
    ) -> tuple[LogLine, ...]:
        """As Cluster.log_tail; `begun` says whether there is such a pod."""
        written = (self.before if previous else self).get((pod, container))
        if written is None and (previous or not begun):
            raise LogUnavailable(container=container, pod=pod, reason=Quoted("not found"))
        # A container that was started anew wrote all that it did a minute later.
        later = 60 if (pod, container) in self.before and not previous else 0
        kept = stamped(written or "", later)[-lines:]
        return tuple(one for one in kept if one.time[:19] >= since[:19])


def stamped(text: str, later: int = 0) -> list[LogLine]:
    """A log's lines, of which one was written each second, the first so many seconds `later`."""
    return [
        LogLine(f"{_BEGAN + timedelta(seconds=later + number):%Y-%m-%dT%H:%M:%S.%f}Z", line)
        for number, line in enumerate(text.splitlines())
    ]
