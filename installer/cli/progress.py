"""Progress on stderr: one repainted line on a terminal, lines elsewhere, JSON for programs.

Invariant: while an operation runs, never more than two seconds pass without a sign of life, whether
events arrive or not; events of other threads are welcome.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from champ_offline.events import (
    Event,
    ObjectState,
    Progress,
    StepFinished,
    StepStarted,
    Subscriber,
    as_document,
    ignore,
)
from installer.language import translate as _
from installer.meter import Meter
from installer.quantities import duration, size
from installer.step_names import step_name
from installer.terminal_text import fit, printable

MODES = ("plain", "ndjson", "none")
SILENCE = 2.0
_REPAINT = 0.1
_ERASE = "\r\x1b[K"


class _Shown(Protocol):
    def __call__(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


@contextmanager
def subscribed(mode: str, stream: TextIO) -> Iterator[Subscriber]:
    """A subscriber that shows events in `mode` (one of MODES) while the block runs."""
    if mode == "none":
        yield ignore
        return
    shown = _shown(mode, stream)
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(shown, stop), daemon=True)
    ticker.start()
    try:
        yield shown
    finally:
        stop.set()
        ticker.join()
        shown.close()


def _shown(mode: str, stream: TextIO) -> _Shown:
    if mode == "ndjson":
        return JsonLines(stream)
    if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return RepaintedLine(stream)
    return PlainLines(stream)


def _tick(shown: _Shown, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        shown.tick()


class _Step:
    """What is known of the step under way."""

    def __init__(self, name: str, subject: str, now: float) -> None:
        self.name, self.subject, self.began = name, subject, now
        self.meter = Meter()
        self.last: Progress | None = None

    def text(self, now: float) -> str:
        """`Importing images-001.tar  45 %  1.20 GB of 2.70 GB  310 MB/s  0:05 to go`."""
        head = " ".join(filter(None, (step_name(self.name), printable(self.subject))))
        if self.last is None:
            return f"{head}  {duration(now - self.began)}"
        return "  ".join([head, *self._figures(self.last)])

    def _figures(self, last: Progress) -> Iterator[str]:
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


class PlainLines:
    """For logs and pipes: a line when a step ends, else one each two seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._step: _Step | None = None
        self._spoke = clock()

    def __call__(self, event: Event) -> None:
        """Take one event; called by the library, from any thread."""
        with self._lock:
            self._take(event, self._clock())

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
                self._step = _Step(event.name, event.subject, now)
                self._started(now)
            case Progress():
                self._progressed(event, now)
            case StepFinished():
                self._finished(event, now)
            case ObjectState():
                self._say(_object(event), now)

    def _started(self, now: float) -> None:
        """A log names a step when it takes longer or when it is done."""

    def _progressed(self, event: Progress, now: float) -> None:
        step = self._step
        if step is None or (step.name, step.subject) != (event.name, event.subject):
            step = self._step = _Step(event.name, event.subject, now)
        step.last = event
        step.meter.add(now, event.done, event.total)
        self._repaint(step, now)

    def _repaint(self, step: _Step, now: float) -> None:
        if now - self._spoke >= SILENCE:
            self._say(step.text(now), now)

    def _finished(self, event: StepFinished, now: float) -> None:
        began = self._step.began if self._step else now
        taken = duration(event.seconds or now - began)
        head = " ".join(filter(None, (step_name(event.name), printable(event.subject))))
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

    def _repaint(self, step: _Step, now: float) -> None:
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

    def _paint(self, step: _Step, now: float) -> None:
        self._spoke = now
        self._stream.write(_ERASE + fit(step.text(now), _columns(self._stream) - 1))
        self._stream.flush()

    def _say(self, text: str, now: float) -> None:
        self._spoke = now
        self._stream.write(f"{_ERASE}{text}\n")
        self._stream.flush()


class JsonLines:
    """For programs: each event as one JSON object; readings ten times a second at most."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._began = self._spoke = clock()

    def __call__(self, event: Event) -> None:
        """Write the event, unless it is a reading right after another one."""
        with self._lock:
            reading = isinstance(event, Progress) and event.done < event.total
            if not (reading and self._clock() - self._spoke < _REPAINT):
                self._write(as_document(event))

    def tick(self) -> None:
        """Show that the program lives when no event came for two seconds."""
        with self._lock:
            if self._clock() - self._spoke >= SILENCE:
                elapsed = round(self._clock() - self._began, 1)
                self._write({"event": "Alive", "seconds": elapsed})

    def close(self) -> None:
        """Nothing is left over."""

    def _write(self, document: dict[str, object]) -> None:
        self._spoke = self._clock()
        self._stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._stream.flush()


def _count(event: Progress, value: int) -> str:
    return size(value) if event.unit == "bytes" else str(value)


def _object(event: ObjectState) -> str:
    state = _("ready") if event.ready else printable(event.reason) or _("not ready")
    return f"{printable(event.kind)} {printable(event.name)}: {state}"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
