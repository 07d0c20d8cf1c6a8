"""Runs a case in a process of its own, measured, and looks at the zone before and after."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from champ_offline.errors import ChampError

MOST_SECONDS = 10
MOST_BYTES = 300 * 1024 * 1024
_PATIENCE = 60  # a case that sleeps uses no processor time


@dataclass
class Outcome:
    """How a case ended: the error's id ("" for none), what it said, what it took.

    `trace` is the traceback of what was no ChampError; `seconds` of processor time, `size` bytes of
    memory above what the process had before.
    """

    id: str = ""
    text: str = ""
    trace: str = ""
    seconds: float = 0.0
    size: int = 0


def attempt(action: Callable[[], object]) -> Outcome:
    """Do it in a fork of this process; a fork that hangs or is killed gives a trace, too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(action, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status or not said:
        return Outcome(trace=f"the process ended with status {status}")
    return Outcome(**json.loads(said))


def state(zone: Path) -> dict[str, str]:
    """Every row of the zone's database and every file of its store, hashed."""
    with sqlite3.connect(f"file:{zone / 'champ.db'}?mode=ro", uri=True) as connection:
        rows = "\n".join(connection.iterdump())
    connection.close()
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((zone / "store").rglob("*"))
        if path.is_file()
    }
    return {"database": rows, **files}


def _report(action: Callable[[], object], pipe: int) -> None:
    signal.alarm(_PATIENCE)
    resource.setrlimit(resource.RLIMIT_CPU, (2 * MOST_SECONDS, 2 * MOST_SECONDS))
    before, begun = _peak(), time.process_time()
    outcome = Outcome()
    try:
        action()
    except ChampError as error:
        outcome.id, outcome.text = error.id, f"{error} {error.advice}"
    except BaseException:  # noqa: BLE001 - whatever it is, it is what the case is about
        outcome.trace = traceback.format_exc()
    outcome.seconds, outcome.size = time.process_time() - begun, _peak() - before
    os.write(pipe, json.dumps(asdict(outcome)).encode("utf-8", "replace"))
    sys.stdout.flush()
    os._exit(0)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
