"""Progress on stderr: one repainted line on a terminal, lines elsewhere, JSON for programs.

Invariant: while an operation runs, never more than two seconds pass without a sign of life, whether
events arrive or not; events of other threads are welcome. Where nothing may be under way for days,
as when a folder is watched, only steps have signs of life.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from champ_offline.events import (
    Cause,
    Estimate,
    Event,
    FaultFound,
    ObjectState,
    Progress,
    StepFinished,
    StepStarted,
    as_document,
)
from installer.language import translate as _
from installer.quantities import duration
from installer.step_line import (
    StepLine,
    cause_lines,
    estimate_line,
    fault_line,
    object_line,
    step_head,
)
from installer.terminal_text import fit

MODES = ("plain", "ndjson", "none")
SILENCE = 2.0
_REPAINT = 0.1
_ERASE = "\r\x1b[K"


class Stream(Protocol):
    """What progress is written to."""

    def write(self, text: str, /) -> int:
        """As TextIO.write."""

    def flush(self) -> None:
        """As TextIO.flush."""

    def isatty(self) -> bool:
        """As TextIO.isatty."""

    def fileno(self) -> int:
        """As TextIO.fileno."""


class Shown(Protocol):
    """A subscriber that shows events; `at` is when one happened, on the clock of `time.monotonic`.

    Without `at` it happens now.
    """

    def __call__(self, event: Event, at: float | None = None) -> None:
        """Take one event; called by the library, from any thread."""

    def tick(self) -> None:
        """Show life when no event came for a while."""

    def close(self) -> None:
        """Leave the stream as what is said next wants it."""


@contextmanager
def subscribed(mode: str, stream: Stream, *, quiet: bool = False) -> Iterator[Shown]:
    """A subscriber that shows events in `mode` (one of MODES) while the block runs.

    With `quiet` there is no sign of life while no step is under way.
    """
    shown = StepsOnly(_shown(mode, stream)) if quiet else _shown(mode, stream)
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(shown, stop), daemon=True)
    ticker.start()
    try:
        yield shown
    finally:
        stop.set()
        ticker.join()
        shown.close()


def _shown(mode: str, stream: Stream) -> Shown:
    if mode == "none":
        return Nothing()
    if mode == "ndjson":
        return JsonLines(stream)
    if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return RepaintedLine(stream)
    return PlainLines(stream)


def _tick(shown: Shown, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        shown.tick()


class Nothing:
    """Shows nothing."""

    def __call__(self, event: Event, at: float | None = None) -> None:
        """Nothing is shown of it."""

    def tick(self) -> None:
        """No sign of life."""

    def close(self) -> None:
        """Nothing is left over."""


class StepsOnly:
    """Passes everything on but the signs of life outside of steps; steps may be nested."""

    def __init__(self, shown: Shown) -> None:
        self._shown, self._open = shown, 0

    def __call__(self, event: Event, at: float | None = None) -> None:
        """Pass the event on, and know by it what is under way."""
        if isinstance(event, StepStarted):
            self._open += 1
        elif isinstance(event, StepFinished):
            self._open = max(0, self._open - 1)
        self._shown(event, at)

    def tick(self) -> None:
        """Show life while a step is under way."""
        if self._open:
            self._shown.tick()

    def close(self) -> None:
        """Leave things as what is behind it does."""
        self._shown.close()


class PlainLines:
    """For logs and pipes: a line when a step ends, else one each two seconds."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._step: StepLine | None = None
        self._spoke = clock()

    def __call__(self, event: Event, at: float | None = None) -> None:
        """Take one event."""
        with self._lock:
            self._take(event, self._clock() if at is None else at)

    def tick(self) -> None:
        """Say something if nothing was said for too long."""
        with self._lock:
            now = self._clock()
            if now - self._spoke >= SILENCE:
                self._say(self._step.text(now) if self._step else _("Working …"), now)

    def close(self) -> None:
        """Nothing is left on the line."""

    def _take(self, event: Event, now: float) -> None:
        match event:
            case StepStarted():
                self._step = StepLine(event.name, event.subject, now)
                self._started(now)
            case Progress():
                self._progressed(event, now)
            case StepFinished():
                self._finished(event, now)
            case ObjectState():
                self._say(object_line(event), now)
            case Cause():
                self._say("\n".join(cause_lines(event)), now)
            case FaultFound():
                self._say(fault_line(event), now)
            case Estimate():
                self._say(estimate_line(event), now)

    def _started(self, now: float) -> None:
        """A log names a step when it takes longer or when it is done."""

    def _progressed(self, event: Progress, now: float) -> None:
        step = self._step
        if step is None or (step.name, step.subject) != (event.name, event.subject):
            step = self._step = StepLine(event.name, event.subject, now)
        step.take(event, now)
        self._repaint(step, now)

    def _repaint(self, step: StepLine, now: float) -> None:
        if now - self._spoke >= SILENCE:
            self._say(step.text(now), now)

    def _finished(self, event: StepFinished, now: float) -> None:
        began = self._step.began if self._step else now
        taken = duration(event.seconds or now - began)
        head = step_head(event.name, event.subject)
        self._step = None
        self._say(_("{step}: done in {time}").format(step=head, time=taken), now)

    def _say(self, text: str, now: float) -> None:
        self._spoke = now
        self._stream.write(text + "\n")
        self._stream.flush()


class RepaintedLine(PlainLines):
    """For a terminal: the step under way on one line, at most ten times a second."""

    def _started(self, now: float) -> None:
        if self._step:
            self._paint(self._step, now)

    def _repaint(self, step: StepLine, now: float) -> None:
        if now - self._spoke >= _REPAINT:
            self._paint(step, now)

    def tick(self) -> None:
        """Let the seconds run while no event comes."""
        with self._lock:
            if self._step and self._clock() - self._spoke >= _REPAINT:
                self._paint(self._step, self._clock())

    def close(self) -> None:
        """Leave an empty line for what is said next."""
        with self._lock:
            self._stream.write(_ERASE)
            self._stream.flush()

    def _paint(self, step: StepLine, now: float) -> None:
        self._spoke = now
        self._stream.write(_ERASE + fit(step.text(now), _columns(self._stream) - 1))
        self._stream.flush()

    def _say(self, text: str, now: float) -> None:
        self._spoke = now
        self._stream.write(f"{_ERASE}{text}\n")
        self._stream.flush()


class JsonLines:
    """For programs: each event as one JSON object; readings ten times a second at most."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._began = self._spoke = clock()

    def __call__(self, event: Event, at: float | None = None) -> None:
        """Write the event, unless it is a reading right after another one."""
        with self._lock:
            now = self._clock() if at is None else at
            reading = isinstance(event, Progress) and event.done < event.total
            if not (reading and now - self._spoke < _REPAINT):
                self._write(as_document(event), now)

    def tick(self) -> None:
        """Show that the program lives when no event came for two seconds."""
        with self._lock:
            if self._clock() - self._spoke >= SILENCE:
                elapsed = round(self._clock() - self._began, 1)
                self._write({"event": "Alive", "seconds": elapsed}, self._clock())

    def close(self) -> None:
        """Nothing is left over."""

    def _write(self, document: dict[str, object], now: float) -> None:
        self._spoke = now
        self._stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._stream.flush()


def _columns(stream: Stream) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
