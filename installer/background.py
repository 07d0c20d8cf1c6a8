"""Start a verb as a task in a process of its own, which outlives this one and its terminal.

Invariant: the process has a session of its own, no terminal and none of our streams; what it has to
say is in the task (champ_offline/tasks/FORMAT.md).
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from champ_offline.clock import now_utc
from champ_offline.errors import ChampError, ExitCode, system_said
from champ_offline.paths import ZonePaths
from champ_offline.tasks.folder import Tasks
from installer.language import active
from installer.program import TASK, program

# What it tells goes to the task: results whole, progress and words to nobody.
_UNSEEN: Final = ("--output", "json", "--progress", "none")


class TaskNotStarted(ChampError):
    """The operating system made no process or no file for a task."""

    id = "task.not-started"
    exit_code = ExitCode.PREFLIGHT
    message = "A task could not be started: {reason}."
    remedy = (
        "Make room in the zone's folder, or end what this machine does besides; then try again."
    )


class Background(Protocol):
    """Where tasks are carried out."""

    def start(self, zone: Path, words: Sequence[str]) -> int:
        """Begin `champ --zone ZONE WORDS...`; gives the task's number.

        Raises TaskNotStarted, FileForbidden, FileStrayed.
        """

    def stop(self, zone: Path, number: int) -> None:
        """Have it ended, as Tasks.stop."""


class Processes:
    """Each task in a process; see Background."""

    def start(self, zone: Path, words: Sequence[str]) -> int:
        """As Background."""
        folder = zone.absolute()
        try:
            number = tasks_of(folder).ask(words)
            process = subprocess.Popen(
                [*program(), "--zone", str(folder), "--lang", active(), *_UNSEEN, *words],
                env={**os.environ, TASK: f"{number}:{folder}"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise TaskNotStarted(reason=system_said(error)) from error
        # It is this process's child as long as this one lives: somebody has to wait for it.
        threading.Thread(target=process.wait, daemon=True).start()
        return number

    def stop(self, zone: Path, number: int) -> None:
        """As Background."""
        tasks_of(zone).stop(number)


def tasks_of(zone: Path) -> Tasks:
    """The tasks of the zone in a folder."""
    return Tasks(ZonePaths(zone).tasks, now_utc)
