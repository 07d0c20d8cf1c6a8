"""What containers wrote, line by line with the times, and which containers a release's pods have.

Invariant: pure; a time is UTC to the microsecond, so that texts compare as times do, whatever time
zone a node lives in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

# What is read of one log at a time at most, in bytes.
LOG_BYTES = 1024 * 1024
_KINDS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)
_STATES = {"running": "running", "waiting": "waiting", "terminated": "ended"}


@dataclass(frozen=True)
class LogLine:
    """One line without its end; `time` as `2026-03-02T09:30:00.123456Z`, empty where not told."""

    time: str
    text: str


@dataclass(frozen=True)
class Container:
    """One container of a pod; `state` is running, waiting or ended, `reason` why, if told.

    `well` is one that is ready, or has ended as it should; `before` says that it was started anew,
    so that there is the log of the one before it.
    """

    pod: str
    name: str
    state: str
    reason: str = ""
    well: bool = False
    restarts: int = 0
    before: bool = False

    @property
    def label(self) -> str:
        """`pod/container`."""
        return f"{self.pod}/{self.name}"


def containers(pods: Iterable[Object]) -> tuple[Container, ...]:
    """Every container of the pods, in the order of the pods' names and of their start."""
    every = sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
    return tuple(one for pod in every for one in _of_pod(pod))


def _of_pod(pod: Object) -> Iterator[Container]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    for declared, told in _KINDS:
        known = {str(one["name"]): one for one in status.get(told) or []}
        for one in spec.get(declared) or []:
            name = str(one["name"])
            yield _container(str(pod["metadata"]["name"]), name, known.get(name) or {})


def _container(pod: str, name: str, status: Object) -> Container:
    state, detail = next(iter((status.get("state") or {"waiting": {}}).items()))
    restarts = int(status.get("restartCount") or 0)
    return Container(
        pod,
        name,
        _STATES.get(state, "waiting"),
        reason=str((detail or {}).get("reason") or ""),
        well=bool(status.get("ready")) or (detail or {}).get("exitCode") == 0,
        restarts=restarts,
        before=restarts > 0 or bool((status.get("lastState") or {}).get("terminated")),
    )


def asked(container: str, lines: int, since: str, *, previous: bool) -> dict[str, str]:
    """The parameters of a request for a log (Kubernetes API, `pods/log`)."""
    found = {
        "container": container,
        "tailLines": str(lines),
        "limitBytes": str(LOG_BYTES),
        "previous": str(previous).lower(),
        "timestamps": "true",
    }
    return {**found, "sinceTime": since} if since else found


def lines(data: bytes) -> tuple[LogLine, ...]:
    """The lines of an answer to `asked`; each begins with its time."""
    text = data.decode(errors="replace")
    return tuple(map(_line, text.removesuffix("\n").split("\n"))) if text else ()


def _line(text: str) -> LogLine:
    stamp, _, rest = text.partition(" ")
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        # The kubelet's own words, such as why a log cannot be read any further.
        return LogLine("", text)
    return LogLine(f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z", rest.rstrip("\r"))
