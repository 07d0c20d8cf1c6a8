"""Progress as typed values: plain text, JSON lines and the terminal UI are three subscribers.

Invariant: an event carries facts, never prose and never a secret; `name` fields are identifiers of
this code base that a front-end translates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class StepStarted:
    """A named step of an operation began; `subject` says on what (a volume, an image)."""

    name: str
    subject: str = ""


@dataclass(frozen=True)
class Progress:
    """`done` of `total` bytes (or items, where `unit` says so) of the current step."""

    name: str
    done: int
    total: int
    unit: str = "bytes"
    subject: str = ""


@dataclass(frozen=True)
class StepFinished:
    """The step ended well after `seconds`."""

    name: str
    subject: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class ObjectState:
    """How one cluster object is doing while a release settles."""

    kind: str
    name: str
    ready: bool
    reason: str = ""


Event: TypeAlias = StepStarted | Progress | StepFinished | ObjectState
Subscriber: TypeAlias = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Subscribe to nothing."""


def as_document(event: Event) -> dict[str, Any]:
    """The event as a JSON object with its type under "event", for `--progress ndjson`."""
    return {"event": type(event).__name__, **asdict(event)}
