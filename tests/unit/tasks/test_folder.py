"""The files of tasks: numbers, who is at work, how far it is read, what is let go of."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.events import Progress, StepFinished, StepStarted
from champ_offline.journal.process import Process
from champ_offline.release.apply.failures import ChangeInterrupted
from champ_offline.tasks import folder as module
from champ_offline.tasks.errors import (
    NoTask,
    TaskCutOff,
    TaskNotYours,
    TaskOver,
    TaskUnknown,
    TaskUnreadable,
)
from champ_offline.tasks.folder import Tasks
from champ_offline.tasks.task import Ending, Happened

WORDS = ("import", "/media/红 stick")


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(tmp_path / "tasks", now_utc)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Another process; an interrupt ends it with code 130."""
    text = "import signal, sys, time\nprint(flush=True)\ntry: time.sleep(60)\n"
    text += "except KeyboardInterrupt: sys.exit(130)\n"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def carried_out_by(tasks: Tasks, number: int, pid: int) -> None:
    process = Process.of(pid)
    assert process is not None
    path = tasks._path(number)
    with path.open("a") as file:
        file.write(json.dumps({"process": asdict(process)}) + "\n")


def followed(tasks: Tasks, number: int) -> tuple[list[Happened], Ending | None]:
    told: list[Happened] = []
    return told, tasks.follow(number, told.append, pause=0.01)


def test_a_task_is_followed_from_its_beginning_to_its_end(tasks: Tasks) -> None:
    number = tasks.ask(WORDS)
    assert tasks.one(number).words == WORDS
    record = tasks.carry_out(number)
    record(StepStarted("read", "one.tar"))
    told: list[Happened] = []
    ended: list[Ending | None] = []
    follower = threading.Thread(
        target=lambda: ended.append(tasks.follow(number, told.append, pause=0.01))
    )
    follower.start()
    record(StepFinished("read", "one.tar", 2.0))
    record.result({"changed": True})
    assert tasks.one(number).at_work
    record.end(0, None)
    follower.join(20)
    assert [one.event for one in told] == [
        StepStarted("read", "one.tar"),
        StepFinished("read", "one.tar", 2.0),
    ]
    assert told[0].at <= told[1].at
    (ending,) = ended
    assert ending is not None
    assert (ending.exit_code, ending.error, ending.result) == (0, None, {"changed": True})
    assert not tasks.one(number).at_work


def test_how_it_failed_is_told_as_the_error_it_was(tasks: Tasks) -> None:
    record = tasks.carry_out(tasks.ask(WORDS))
    record.end(130, ChangeInterrupted(release="pacs"))
    _told, ending = followed(tasks, 1)
    assert ending is not None
    assert ending.exit_code == 130
    assert isinstance(ending.error, ChangeInterrupted)


def test_of_readings_the_last_is_always_there(tasks: Tasks) -> None:
    record = tasks.carry_out(tasks.ask(WORDS))
    for done in range(1001):
        record(Progress("read", done, 1000))
    record.end(0, None)
    told, _ending = followed(tasks, 1)
    readings = [one.event.done for one in told if isinstance(one.event, Progress)]
    assert readings[0] == 0
    assert readings[-1] == 1000
    assert len(readings) < 50


def test_numbers_rise_and_nobody_gets_one_twice(tasks: Tasks) -> None:
    found: list[int] = []
    lock = threading.Barrier(4)

    def ask() -> None:
        lock.wait()
        found.extend(tasks.ask(WORDS) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 41))


def test_a_process_that_is_gone_leaves_a_task_that_was_cut_off(
    tasks: Tasks, sleeper: subprocess.Popen[bytes]
) -> None:
    number = tasks.ask(WORDS)
    carried_out_by(tasks, number, sleeper.pid)
    assert tasks.one(number).at_work
    ended: list[Ending | None] = []
    follower = threading.Thread(
        target=lambda: ended.append(tasks.follow(number, lambda _one: None, pause=0.01))
    )
    follower.start()
    sleeper.kill()
    sleeper.wait()
    follower.join(20)
    assert ended[0] is not None
    assert isinstance(ended[0].error, TaskCutOff)
    assert not tasks.one(number).at_work
    with pytest.raises(TaskOver):
        tasks.stop(number)


def test_a_stop_is_an_interrupt_for_that_process(
    tasks: Tasks, sleeper: subprocess.Popen[bytes]
) -> None:
    number = tasks.ask(WORDS)
    carried_out_by(tasks, number, sleeper.pid)
    tasks.stop(number)
    assert sleeper.wait(20) == 130


def test_a_number_that_the_kernel_gave_to_another_process_is_not_stopped(
    tasks: Tasks, sleeper: subprocess.Popen[bytes]
) -> None:
    number = tasks.ask(WORDS)
    other = {"pid": sleeper.pid, "started": 1, "boot": "another"}
    with tasks._path(number).open("a") as file:
        file.write(json.dumps({"process": other}) + "\n")
    with pytest.raises(TaskOver):
        tasks.stop(number)
    assert sleeper.poll() is None


def test_another_users_task_is_not_stopped(
    tasks: Tasks, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = tasks.ask(WORDS)
    carried_out_by(tasks, number, sleeper.pid)

    def refused(_handle: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "pidfd_send_signal", refused)
    with pytest.raises(TaskNotYours):
        tasks.stop(number)


def test_whoever_looks_can_give_up(tasks: Tasks) -> None:
    number = tasks.ask(WORDS)
    looks = iter([False, False, True])
    assert tasks.follow(number, lambda _one: None, lambda: next(looks), 0.01) is None


def test_the_newest_at_work_is_meant_else_the_newest(tasks: Tasks) -> None:
    with pytest.raises(NoTask):
        tasks.newest()
    first, second = tasks.ask(WORDS), tasks.ask(WORDS)
    tasks.carry_out(second).end(0, None)
    assert tasks.newest().number == first
    tasks.carry_out(first).end(0, None)
    assert tasks.newest().number == second


def test_a_number_that_is_none(tasks: Tasks) -> None:
    for act in (tasks.one, tasks.carry_out, tasks.stop):
        with pytest.raises(TaskUnknown):
            act(7)
    with pytest.raises(TaskUnknown):
        followed(tasks, 7)


@pytest.mark.parametrize(
    "line", [b"no json\n", b"[]\n", b'{"format": 2}\n', b'{"ended": 1}\n', b"\xff\n"]
)
def test_what_is_no_task_is_said_with_its_line(tasks: Tasks, line: bytes) -> None:
    number = tasks.ask(WORDS)
    path = tasks._path(number)
    head = b"" if b"format" in line else path.read_bytes()
    path.write_bytes(head + line)
    for act in (tasks.one, lambda number: followed(tasks, number)):
        with pytest.raises(TaskUnreadable) as error:
            act(number)
        assert error.value.fields["path"] == path


def test_a_line_without_its_end_is_not_there_yet(tasks: Tasks) -> None:
    number = tasks.ask(WORDS)
    path = tasks._path(number)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert tasks.all() == ()
    path.write_bytes(whole + b'{"ended": "20')
    assert tasks.one(number).ending is None


def test_the_newest_stay_and_those_at_work(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 3)
    at_work = tasks.ask(WORDS)
    for _ in range(6):
        tasks.carry_out(tasks.ask(WORDS)).end(0, None)
    tasks._path(2).write_bytes(b"no json\n")
    tasks.ask(WORDS)
    assert [one.number for one in tasks.all()] == [8, 7, 6, at_work]


def test_a_disk_without_room_ends_the_telling_and_not_the_task(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tasks.carry_out(tasks.ask(WORDS))
    record(StepStarted("read", "one.tar"))
    write: Callable[[int, bytes], int] = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:10])

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        record(StepFinished("read", "one.tar", 0.5))
    monkeypatch.undo()
    record.end(0, None)
    assert record.trouble is not None
    # The torn line is none; what the process did not tell nobody makes up.
    assert tasks.one(1).ending is None


def test_a_full_disk_leaves_no_file_of_a_task_that_was_not_begun(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        tasks.ask(WORDS)
    assert list(tasks._folder.iterdir()) == []
