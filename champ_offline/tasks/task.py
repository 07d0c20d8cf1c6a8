"""One task as its file tells it: who asked for what, whether it is at work, how it ended.

Invariant: pure but for one look at the processes of this machine; a line without its line feed is
not there yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champ_offline.errors import ChampError
from champ_offline.events import Event
from champ_offline.journal.process import Process
from champ_offline.tasks.errors import TaskCutOff, TaskUnreadable
from champ_offline.tasks.wire import error_of, event_of

FORMAT = 1
_EVENT = b'{"event"'


@dataclass(frozen=True)
class Happened:
    """An event of a task; `at` is on the machine's monotonic clock, in seconds."""

    at: float
    event: Event


@dataclass(frozen=True)
class Ending:
    """How a task ended; `result` is what `--output json` says, None where nothing.

    `at` is ISO 8601, empty for a task that was cut off.
    """

    at: str
    exit_code: int
    error: ChampError | None
    result: Any = field(default=None, hash=False)


@dataclass(frozen=True)
class Task:
    """A task as it stands: the command's words, the user's name, times in ISO 8601."""

    number: int
    words: tuple[str, ...]
    user: str
    began: str
    process: Process
    ending: Ending | None = None

    @property
    def at_work(self) -> bool:
        """Whether it goes on."""
        return self.ending is None and self.process.alive

    @property
    def outcome(self) -> Ending | None:
        """How it ended, one that was cut off too; None while it goes on."""
        if self.ending is None and not self.process.alive:
            cut = TaskCutOff(number=self.number)
            return Ending("", int(cut.exit_code), cut)
        return self.ending


class TaskLines:
    """Takes the lines of the file `path` in order; `task` is what they make of it so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._line = 0
        self.task: Task | None = None

    def take(self, lines: bytes) -> Iterator[Happened]:
        """Take whole lines; raises TaskUnreadable. Events of a type unknown here are left out."""
        for line in lines.splitlines():
            self._line += 1
            try:
                happened = self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise TaskUnreadable(path=self.path, line=self._line) from error
            if happened is not None:
                yield happened

    def skim(self, lines: bytes) -> None:
        """Take whole lines without their events, as `take` does."""
        told = (line for line in lines.splitlines(keepends=True) if not line.startswith(_EVENT))
        for _event in self.take(b"".join(told)):
            """None is left in them."""

    def _take(self, told: Any) -> Happened | None:  # noqa: ANN401 - the shape of JSON
        if not isinstance(told, dict):
            raise TypeError(told)
        if self.task is None:
            self.task = _first(told)
        elif "event" in told:
            event = event_of(told)
            return None if event is None else Happened(float(told["at"]), event)
        elif "process" in told:
            self.task = _with(self.task, process=Process(**told["process"]))
        elif "ended" in told:
            self.task = _with(self.task, ending=_ending(told))
        return None


def _first(told: Mapping[str, Any]) -> Task:
    if told["format"] != FORMAT:
        raise ValueError(told["format"])
    return Task(
        number=int(told["number"]),
        words=tuple(map(str, told["words"])),
        user=str(told["user"]),
        began=str(told["began"]),
        process=Process(**told["process"]),
    )


def _with(task: Task, *, process: Process | None = None, ending: Ending | None = None) -> Task:
    made = (task.number, task.words, task.user, task.began)
    return Task(*made, process or task.process, ending or task.ending)


def _ending(told: Mapping[str, Any]) -> Ending:
    error = None if told["error"] is None else error_of(told["error"])
    return Ending(str(told["ended"]), int(told["exit_code"]), error, told["result"])
