"""Kill real processes, without warning, just before durable step number N of what they do.

Invariant: the process is forked from this one, whose modules are loaded, and ended by SIGKILL; of
what it did only what it handed to the system is left. Steps are counted where bytes or names reach
the file system, and at the begin and the end of a database transaction.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champ_offline.durable.database import Database

SYSTEM_CALLS = ("write", "pwrite", "fsync", "ftruncate", "fchmod")
TRANSACTIONS = ("transaction", "hold")
NAMES = ("rename", "unlink", "mkdir", "chmod", "symlink_to")


@dataclass(frozen=True)
class Ended:
    """How a process ended: killed, or by itself after so many steps."""

    killed: bool
    steps: int


class Steps:
    """Counts the steps of all threads; the process is gone when `last` is about to be done."""

    def __init__(self, last: int) -> None:
        self.done, self._last = 0, last
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.done += 1
            if self.done == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def before(step: Steps, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        step()
        return function(*arguments, **named)

    return counted


def watch(step: Steps) -> None:
    """Count every durable step of this process from now on."""
    for name in SYSTEM_CALLS:
        setattr(os, name, before(step, getattr(os, name)))
    for name in NAMES:
        setattr(Path, name, before(step, getattr(Path, name)))
    for name in TRANSACTIONS:
        setattr(Database, name, both_ends(step, getattr(Database, name)))


def both_ends(step: Steps, inner: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def transaction(database: Database) -> Iterator[Any]:
        step()
        with inner(database) as connection:
            yield connection
            step()

    return transaction


def run(act: Callable[[], object], kill_before: int = 0) -> Ended:
    """Do `act` in a process of its own, killed just before that step; 0 lets it end.

    Raises AssertionError when the process fails instead.
    """
    tempfile.gettempdir()  # tried out by writing the first time; not a step of the act
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os._exit(_child(act, kill_before, writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGKILL:
        return Ended(killed=True, steps=kill_before - 1)
    assert code == 0, said
    return Ended(killed=False, steps=int(said))


def _child(act: Callable[[], object], kill_before: int, writer: int) -> int:
    tell = os.write
    step = Steps(kill_before)
    try:
        watch(step)
        act()
    except BaseException:  # noqa: BLE001 - whatever it was, the parent shall show it
        tell(writer, traceback.format_exc().encode())
        return 1
    tell(writer, str(step.done).encode())
    return 0
