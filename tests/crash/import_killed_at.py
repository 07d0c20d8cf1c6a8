"""Import one bundle and kill this process, without warning, just before durable step number N.

    python -m tests.crash.import_killed_at N ZONE MEDIA NOW

Steps are counted where bytes or names reach the disk: write, fsync, rename, and the begin and end
of a database transaction. Without a kill the process prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from champ_offline.appliance import Appliance
from champ_offline.durable.database import Database
from champ_offline.events import ignore


class Steps:
    """Counts down to the kill."""

    def __init__(self, last: int) -> None:
        self.done, self._last = 0, last

    def __call__(self) -> None:
        self.done += 1
        if self.done == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def before(step: Steps, function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        step()
        return function(*arguments, **named)

    return counted


def watch(step: Steps) -> None:
    """Count every durable step from now on."""
    os.write = before(step, os.write)
    os.pwrite = before(step, os.pwrite)
    os.fsync = before(step, os.fsync)
    Path.rename = before(step, Path.rename)  # type: ignore[method-assign]
    inner = Database.transaction

    @contextmanager
    def transaction(database: Database) -> Iterator[Any]:
        step()
        with inner(database) as connection:
            yield connection
            step()

    Database.transaction = transaction  # type: ignore[method-assign, assignment]


def main(last: str, zone: str, media: str, now: str) -> None:
    appliance = Appliance(Path(zone), lambda: datetime.fromisoformat(now))
    step = Steps(int(last))
    watch(step)
    appliance.import_media([Path(media)], ignore)
    sys.stdout.write(str(step.done))


if __name__ == "__main__":
    main(*sys.argv[1:5])
