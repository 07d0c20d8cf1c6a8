"""What is told of a task: whether it ended well, and how long it took."""

from __future__ import annotations

import pytest

from champ_offline.errors import ExitCode
from champ_offline.journal.process import Process
from champ_offline.tasks.task import Ending, Task
from installer import task_text

BEGAN = "2026-05-01T12:00:00+00:00"
GONE = Process(0, 0, "")


def ended(code: int, at: str = "2026-05-01T12:01:22+00:00") -> Task:
    return Task(1, ("import", "/media/stick"), "anna", BEGAN, GONE, Ending(at, code, None))


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (ended(0), "ended"),
        (ended(14), "failed (14)"),
        (ended(int(ExitCode.INTERRUPTED)), "stopped"),
    ],
)
def test_a_task_that_failed_does_not_look_like_one_that_ended_well(task: Task, told: str) -> None:
    assert task_text.outcome(task) == told


def test_the_time_it_took_does_not_run_on() -> None:
    done = ended(14)
    assert done.ending is not None
    assert task_text.took(done, done.ending) == 82.0
    assert task_text.took(done, Ending("", 9, None)) is None
