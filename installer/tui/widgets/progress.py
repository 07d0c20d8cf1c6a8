"""What an operation is doing: steps that are done, the one under way with bar, rate and time.

Invariant: the seconds run on while no event comes, so that a standstill and a crash look different;
they count from when it began, whenever the looking did. However much there is to be told, the text
is of bounded length, for it is laid out four times a second.
"""

from __future__ import annotations

import time
from collections import deque

from textual.widgets import Static

from champ_offline.events import (
    Cause,
    Event,
    FaultFound,
    ObjectState,
    Progress,
    StepFinished,
    StepStarted,
)
from installer.language import translate as _
from installer.look import in_ascii
from installer.quantities import duration
from installer.step_line import StepLine, cause_lines, fault_line, object_line, step_head
from installer.terminal_text import fit, wrapped

_BAR = 50
_DONE = 4
# Lines of a container's log below its cause: all of them are in the plain progress.
_SAID = 5
# Causes and objects that are shown at once; of a whole site there may be a thousand.
_CAUSES = 10
_OBJECTS = 50


class ProgressView(Static):
    """Takes events; shows the last steps, the bar and the objects that settle."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._began = time.monotonic()
        self._ended: float | None = None
        self._step: StepLine | None = None
        self._before: StepLine | None = None
        self._done: deque[str] = deque(maxlen=_DONE)
        self._objects: dict[tuple[str, str], ObjectState] = {}
        self._causes: dict[tuple[str, str, str], Cause] = {}
        self._lines: list[str] = []

    def on_mount(self) -> None:
        """Let the seconds run."""
        self.set_interval(0.25, self._draw)
        self._draw()

    def take(self, event: Event, now: float) -> None:
        """Take one event, in the order in which they happened; `now` as `time.monotonic` said."""
        self._began = min(self._began, now)
        match event:
            case StepStarted():
                self._step = StepLine(event.name, event.subject, now)
            case Progress():
                self._reading(event, now)
            case StepFinished():
                self._finished(event, now)
            case FaultFound():
                self._done.append(fault_line(event))
            case ObjectState():
                self._objects[event.kind, event.name] = event
            case Cause():
                self._cause(event)
        self._draw()

    def unready(self, kind: str = "") -> tuple[str, ...]:
        """The names of the objects, of that kind alone where one is given, that are not ready."""
        every = self._objects.values()
        return tuple(one.name for one in every if kind in {"", one.kind} and not one.ready)

    def rest(self) -> None:
        """Nothing is under way until the next event."""
        self._step = self._before = None
        self._draw()

    def end(self, took: float | None = None) -> None:
        """Nothing more comes; it took that many seconds, which is until now where None."""
        self._ended = time.monotonic() if took is None else self._began + took
        self.rest()

    def _reading(self, event: Progress, now: float) -> None:
        step = self._step
        if step is None or (step.name, step.subject) != (event.name, event.subject):
            before, step = step or self._before, StepLine(event.name, event.subject, now)
            if before is not None and before.name == event.name:
                step.meter = before.meter  # the count goes on through all volumes
            self._step = step
        step.take(event, now)

    def _finished(self, event: StepFinished, now: float) -> None:
        began = self._step.began if self._step else now
        taken = duration(event.seconds or now - began)
        head = step_head(event.name, event.subject)
        self._done.append(_("{step}: done in {time}").format(step=head, time=taken))
        self._before, self._step = self._step or self._before, None

    def _cause(self, event: Cause) -> None:
        """In its place while it holds; the objects' lines follow."""
        if event.over:
            self._causes.pop(event.key, None)
        else:
            self._causes[event.key] = event

    def _draw(self) -> None:
        now = self._ended or time.monotonic()
        lines = [_("Time so far: {time}").format(time=duration(now - self._began)), ""]
        lines += [f"  {text}" for text in self._done]
        if self._step is not None:
            lines += ["", f"> {self._step.head}", *self._bar(self._step, now)]
        if self._causes:
            lines.append("")
            causes = [*self._causes.values()]
            lines += [text for cause in causes[:_CAUSES] for text in self._told(cause)]
            lines += _more(len(causes) - _CAUSES)
        if self._objects:
            ready = sum(state.ready for state in self._objects.values())
            counted = _("Objects ready: {ready} of {total}")
            lines += ["", counted.format(ready=ready, total=len(self._objects))]
            # Once it is over only those matter that are not well.
            shown = [o for o in self._objects.values() if not (self._ended and o.ready)]
            if len(shown) > _OBJECTS:
                shown.sort(key=lambda one: one.ready)
            lines += [self._state(state) for state in shown[:_OBJECTS]]
            lines += _more(len(shown) - _OBJECTS)
        room = max(10, self.size.width or 78)
        self._show([fit(line, room).replace("…", "~") for line in lines])

    def _show(self, lines: list[str]) -> None:
        """Draw what is new; only another number of lines moves what is below."""
        before, self._lines = self._lines, lines
        if lines != before:
            self.update("\n".join(lines), layout=len(lines) != len(before))

    def _bar(self, step: StepLine, now: float) -> list[str]:
        if step.last is None or not step.last.total:
            return [f"  {duration(now - step.began)}"]
        full = min(_BAR, step.last.done * _BAR // step.last.total)
        done, rest = ("#", ".") if in_ascii() else ("█", "░")
        return [f"  [{done * full}{rest * (_BAR - full)}]", f"  {'  '.join(step.figures())}"]

    def _told(self, cause: Cause) -> list[str]:
        room = max(10, self.size.width or 78)
        head, *log = cause_lines(cause)
        return [*wrapped(head, room), *log[-_SAID:]]

    def _state(self, state: ObjectState) -> str:
        return f"  {'+' if state.ready else '-'} {object_line(state)}"


def _more(count: int) -> list[str]:
    return [_("  {count} more").format(count=count)] if count > 0 else []
