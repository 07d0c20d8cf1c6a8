"""The registry's log: one JSON object a line, of a request or of something that happened.

Invariant: no password, no token and no header is in a line, and whatever a client sent in it is
bounded and cannot end it. Nobody waits for a line to be written: a thread takes them from a bounded
queue, and lines for which there is no room, on the disk or in the queue, are dropped and counted.
`docs/registry-operations.md` has the table of fields.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum

LOG = logging.getLogger("champ.registry.access")
LONGEST = 300
_HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_WAITING = 10_000
_AT_ONCE = 500
_END_SECONDS = 5.0


class Event(StrEnum):
    """What a line is about; what each has besides is in `FIELDS`."""

    REQUEST = "request"
    FAULT = "fault"
    STARTED = "started"
    CERTIFICATE = "certificate"
    HANDOVER_BEGUN = "handover-begun"
    HANDOVER_DONE = "handover-done"
    HANDOVER_FAILED = "handover-failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


ALWAYS = ("time", "level", "event")
FIELDS: Mapping[Event, tuple[str, ...]] = {
    Event.REQUEST: (
        "request",
        "client",
        "name",
        "method",
        "path",
        "query",
        "status",
        "bytes",
        "milliseconds",
    ),
    Event.FAULT: ("message",),
    Event.STARTED: ("version", "process", "address", "port"),
    Event.CERTIFICATE: ("message", "not_after"),
    Event.HANDOVER_BEGUN: ("process",),
    Event.HANDOVER_DONE: ("process", "successor"),
    Event.HANDOVER_FAILED: ("process", "message"),
    Event.STOPPING: ("process", "connections"),
    Event.STOPPED: ("process", "cut_off"),
}


class Told:
    """What a record is about; made into JSON by whoever writes it down, if anybody does."""

    __slots__ = ("event", "fields")

    def __init__(self, event: Event, *fields: object) -> None:
        self.event, self.fields = event, fields

    def document(self) -> dict[str, object]:
        """Its fields by name."""
        return {"event": self.event, **dict(zip(FIELDS[self.event], self.fields, strict=True))}

    def __str__(self) -> str:
        return json.dumps(self.document())


def request_id(headers: Mapping[str, str]) -> str:
    """The id of a request: its client's own where that is harmless, so both logs tell of one."""
    given = headers.get("x-request-id", "")
    return given if _HARMLESS.fullmatch(given) else secrets.token_hex(8)


def tell(event: Event, *fields: object, level: int = logging.INFO) -> None:
    """Log an event with the values of its `FIELDS`."""
    if LOG.isEnabledFor(level):
        LOG.log(level, Told(event, *fields))


def line(record: logging.LogRecord) -> str:
    """One record as JSON; text that is no `Told` is a fault's message."""
    if isinstance(record.msg, Told):
        fields = record.msg.document()
    else:
        fields = {"event": Event.FAULT, "message": record.getMessage()[: 10 * LONGEST]}
    moment = datetime.fromtimestamp(record.created, UTC)
    time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": time, "level": record.levelname.lower(), **fields})


class Writer(logging.Handler):
    """Hands lines to `write` in a thread of its own; `write` may raise OSError."""

    def __init__(self, write: Callable[[bytes], None], most: int = _MOST_WAITING) -> None:
        super().__init__()
        self._write, self._most = write, most
        self._waiting: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()
        self._dropped = 0
        # A daemon: a reader that takes no more lines shall not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="registry-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, or count it where too many wait."""
        if self._waiting.qsize() < self._most:
            self._waiting.put(record)
        else:
            self._dropped += 1

    def dropped(self) -> int:
        """How many lines were not written."""
        return self._dropped

    def end(self) -> None:
        """Write what waits, for a while.

        Not `close`: whoever configures logging anew, as the server does, closes every handler.
        """
        self._waiting.put(None)
        self._thread.join(_END_SECONDS)

    def _work(self) -> None:
        ended = False
        while not ended:
            found = [self._waiting.get()]
            while len(found) < _AT_ONCE and not self._waiting.empty():
                found.append(self._waiting.get())
            ended = None in found
            records = [record for record in found if record is not None]
            try:
                self._write("".join(f"{line(record)}\n" for record in records).encode())
            except OSError:
                self.acquire()
                self._dropped += len(records)
                self.release()


@contextmanager
def written(write: Callable[[bytes], None]) -> Iterator[Writer]:
    """Have the log written by `write` inside `with`."""
    writer, level, above = Writer(write), LOG.level, LOG.propagate
    LOG.addHandler(writer)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    try:
        yield writer
    finally:
        LOG.removeHandler(writer)
        LOG.setLevel(level)
        LOG.propagate = above
        writer.end()
