"""A step under way as one line: how far, how fast, how long still.

Invariant: the caller gives the time; what came from outside is shown without control characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from champ_offline.events import Cause, Estimate, FaultFound, ObjectState, Progress
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.meter import Meter
from installer.quantities import duration, size
from installer.step_names import step_name
from installer.terminal_text import printable
from installer.words import word

# What is told on the way and is no damage, by the id of its error.
_PASSED_OVER = {
    "media.volume-missing": mark("Not here: {place} [{id}]"),
    "media.another-pack": mark("Belongs to another pack: {place} [{id}]"),
    "media.nothing-of-bundle": mark("Holds nothing of this bundle: {place} [{id}]"),
}
_DAMAGED = mark("Damaged: {place} [{id}]")
_REPLICAS = re.compile(r"([0-9]+) of ([0-9]+) ready")


class StepLine:
    """What is known of the step under way; `began` is on the caller's clock, in seconds."""

    def __init__(self, name: str, subject: str, now: float) -> None:
        self.name, self.subject, self.began = name, subject, now
        self.meter = Meter()
        self.last: Progress | None = None

    def take(self, event: Progress, now: float) -> None:
        """Take one reading."""
        self.last = event
        self.meter.add(now, event.done, event.total)

    @property
    def head(self) -> str:
        """`Importing images-001.tar`."""
        return step_head(self.name, self.subject)

    def text(self, now: float) -> str:
        """`Importing images-001.tar  45 %  1.20 GB of 2.70 GB  310 MB/s  0:05 to go`."""
        if self.last is None:
            return f"{self.head}  {duration(now - self.began)}"
        return "  ".join([self.head, *self.figures()])

    def figures(self) -> Iterator[str]:
        """What the last reading says: share, counts, rate, time to go."""
        last = self.last
        if last is None:
            return
        if last.total:
            yield f"{min(100, last.done * 100 // last.total)} %"
            counts = _("{done} of {total}")
            yield counts.format(done=_count(last, last.done), total=_count(last, last.total))
        else:
            yield _count(last, last.done)
        rate, remaining = self.meter.rate, self.meter.remaining
        if rate and last.unit == "bytes":
            yield f"{size(rate)}/s"
        if remaining is not None and last.done < last.total:
            yield _("{time} to go").format(time=duration(remaining))


def step_head(name: str, subject: str) -> str:
    """The step's name in the user's language, and on what."""
    return " ".join(filter(None, (step_name(name), printable(subject))))


def object_line(event: ObjectState) -> str:
    """`Deployment web: ready`, or what it waits for."""
    state = _("ready") if event.ready else printable(waits_for(event.reason))
    return f"{printable(event.kind)} {printable(event.name)}: {state}"


def cause_lines(event: Cause) -> list[str]:
    """`! Pod web-1: ... [id]` and what the container said last; one line when it is over."""
    message = printable(sentences(event.error)[0])
    if event.over:
        return [_("No longer: {cause}").format(cause=message)]
    said = [f"    | {printable(line)}" for line in event.log]
    return [f"! {message} [{event.error.id}]", *said]


def fault_line(event: FaultFound) -> str:
    """What was passed over: a damaged place or what is not of this pack, and the error's id."""
    place = [printable(event.subject)]
    if event.blob:
        place.append(printable(word(event.blob)))
    if event.offset >= 0:
        place.append(_("byte {offset}").format(offset=event.offset))
    text = _(_PASSED_OVER.get(event.fault, _DAMAGED))
    return text.format(place=", ".join(place), id=event.fault)


def estimate_line(event: Estimate) -> str:
    """What is ahead: how much, at which pace, how long, and whether there is room."""
    return _("{size} to read at {rate}/s, about {time}; {free} free").format(
        size=size(event.size),
        rate=size(int(event.rate)),
        time=duration(event.seconds),
        free=size(event.free),
    )


def waits_for(reason: str) -> str:
    """An object's reason in the user's language, as far as it is in the library's own words."""
    counted = _REPLICAS.fullmatch(reason)
    if counted:
        return _("{ready} of {total} ready").format(ready=counted[1], total=counted[2])
    return word(reason) or _("not ready")


def _count(event: Progress, value: int) -> str:
    return size(value) if event.unit == "bytes" else str(value)
