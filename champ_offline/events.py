"""Progress as typed values: plain text, JSON lines and the terminal UI are three subscribers.

Invariant: an event carries facts, never prose and never a secret; `name` fields are identifiers of
this code base that a front-end translates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from champ_offline.errors import ChampError


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


@dataclass(frozen=True)
class FaultFound:
    """Something on a medium is wrong and was passed over; `fault` is the id of its error.

    `offset` in bytes from the beginning of `subject`, -1 where there is none.
    """

    fault: str
    subject: str
    blob: str
    offset: int

    @classmethod
    def of(cls, error: ChampError) -> FaultFound:
        """The event of an error with fields as media errors have them."""
        fields = error.fields
        subject = fields.get("volume", fields.get("where", fields.get("path", "")))
        offset = fields.get("offset", -1)
        blob = str(fields.get("blob", ""))
        return cls(error.id, str(subject), blob, offset if isinstance(offset, int) else -1)


@dataclass(frozen=True)
class Estimate:
    """What is ahead: `size` bytes to be read at `rate` bytes a second, from a short measurement.

    `free` is what the file system they go to has left, in bytes.
    """

    name: str
    size: int
    rate: float
    free: int

    @property
    def seconds(self) -> float:
        """How long it will take if the medium keeps its pace."""
        return self.size / self.rate


@dataclass(frozen=True)
class Cause:
    """Why a release does not come up, as soon as it is known; `error` has the words.

    `kind` and `name` say which object; `since` is the cluster's time (ISO 8601 in UTC, empty where
    it has none); `hopeless`: waiting alone does not mend it. `log` are the last lines of the
    container that it is about, without the release's secrets; `over`: it holds no more.
    """

    error: ChampError
    kind: str
    name: str
    since: str = ""
    hopeless: bool = False
    log: tuple[str, ...] = ()
    over: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What is the same trouble of the same object from look to look."""
        return (self.error.id, self.kind, self.name)

    def as_document(self) -> dict[str, Any]:
        """Its id, sentence and remedy in English, and everything else as it is."""
        return {
            "id": self.error.id,
            "message": str(self.error),
            "remedy": self.error.advice,
            "kind": self.kind,
            "name": self.name,
            "since": self.since,
            "hopeless": self.hopeless,
            "log": list(self.log),
            "over": self.over,
        }


Event: TypeAlias = (
    StepStarted | Progress | StepFinished | ObjectState | Cause | FaultFound | Estimate
)
Subscriber: TypeAlias = Callable[[Event], None]


class Pace:
    """Lets everything pass, but readings no more often than every `seconds`.

    The last reading of a step always passes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._passed = seconds, float("-inf")

    def lets(self, event: Event, now: float) -> bool:
        """Whether the event passes at `now`, in seconds of one clock."""
        if not isinstance(event, Progress) or event.done >= event.total:
            return True
        if now - self._passed < self._seconds:
            return False
        self._passed = now
        return True


def ignore(_event: Event) -> None:
    """Subscribe to nothing."""


def as_document(event: Event) -> dict[str, Any]:
    """The event as a JSON object with its type under "event", for `--progress ndjson`."""
    fields = event.as_document() if isinstance(event, Cause) else asdict(event)
    return {"event": type(event).__name__, **fields}
