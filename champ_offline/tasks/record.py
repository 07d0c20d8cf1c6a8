"""What a task writes while it is carried out.

Invariant: a line is one write at the file's end; where one fails no more follow, because a torn
line would be read as one with the next. The task itself is never kept from going on by this.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from champ_offline.errors import ChampError
from champ_offline.events import Event, Pace
from champ_offline.journal.process import Process
from champ_offline.tasks.wire import document, error_document

_EVERY = 0.25


class TaskRecord:
    """Subscribe it to events, from any thread; `end` closes it."""

    def __init__(self, number: int, descriptor: int, clock: Callable[[], datetime]) -> None:
        self.number = number
        self._descriptor, self._clock = descriptor, clock
        self._lock = threading.Lock()
        self._pace = Pace(_EVERY)
        self._result: Any = None
        self.trouble: OSError | None = None

    def carried_out(self, by: Process) -> None:
        """Say which process carries it out."""
        self._write({"process": asdict(by)})

    def __call__(self, event: Event) -> None:
        """Write the event; a reading only when it is time for one, or the step's last."""
        now = time.monotonic()
        if self._pace.lets(event, now):
            self._write({**document(event), "at": round(now, 3)})

    def result(self, value: Any) -> None:  # noqa: ANN401 - the shape of JSON
        """Keep what the verb gives; the last one counts."""
        self._result = value

    def end(self, exit_code: int, error: ChampError | None) -> None:
        """Write how it ended, and let go of the file."""
        told = None if error is None else error_document(error)
        ended = self._clock().isoformat(timespec="seconds")
        self._write({"ended": ended, "exit_code": exit_code, "error": told, "result": self._result})
        os.close(self._descriptor)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            if self.trouble is not None:
                return
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                self.trouble = error
