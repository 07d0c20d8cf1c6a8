"""The tasks of a zone: begin one, list them, follow one to its end, stop it (FORMAT.md).

Invariant: a number is one file, made by whoever was first; reading changes nothing.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from champ_offline.durable.owner import made, opened, telling_owner
from champ_offline.journal.process import Process, current_user
from champ_offline.tasks.errors import NoTask, TaskNotYours, TaskOver, TaskUnknown, TaskUnreadable
from champ_offline.tasks.record import TaskRecord
from champ_offline.tasks.task import FORMAT, Ending, Happened, Task, TaskLines

_NAME: Final = re.compile(r"([0-9]{6,})\.jsonl")
_KEPT: Final = 50
_MODE: Final = 0o640
_HEAD: Final = 1 << 16
_PIECE: Final = 1 << 20


class Tasks:
    """Those of one zone, in `folder`, which is made when the first one begins."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder, self._clock = folder, clock

    def ask(self, words: Sequence[str]) -> int:
        """Give a task its number and its file; another process is to carry it out.

        Raises OSError, FileForbidden, FileStrayed.
        """
        with telling_owner():
            made(self._folder, 0o750)
            number, descriptor = self._new()
        head = self._head(number, words)
        try:
            while head:
                head = head[os.write(descriptor, head) :]
        except OSError:
            self._path(number).unlink()
            raise
        finally:
            os.close(descriptor)
        self._let_go()
        return number

    def carry_out(self, number: int) -> TaskRecord:
        """Take on a task that was asked for; this process carries it out.

        Raises TaskUnknown, OSError, FileForbidden, FileStrayed.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with telling_owner():
            try:
                descriptor = os.open(self._path(number), flags)
            except FileNotFoundError as error:
                raise TaskUnknown(number=number) from error
        record = TaskRecord(number, descriptor, self._clock)
        record.carried_out(Process.own())
        return record

    def all(self) -> tuple[Task, ...]:
        """Every task that is known, the newest first; raises TaskUnreadable."""
        return tuple(filter(None, map(self._read, self._numbers())))

    def one(self, number: int) -> Task:
        """The task as it stands; raises TaskUnknown, TaskUnreadable."""
        found = self._read(number)
        if found is None:
            raise TaskUnknown(number=number)
        return found

    def newest(self) -> Task:
        """The newest one at work, or the newest of all; raises NoTask."""
        every = self.all()
        if not every:
            raise NoTask
        return next((one for one in every if one.at_work), every[0])

    def follow(
        self,
        number: int,
        told: Callable[[Happened], object],
        given_up: Callable[[], bool] = lambda: False,
        pause: float = 0.1,
    ) -> Ending | None:
        """Tell what happened from the task's beginning and what happens; gives how it ended.

        None once `given_up` says so, which is asked every `pause` seconds. Raises TaskUnknown,
        TaskUnreadable.
        """
        lines, rest = TaskLines(self._path(number)), b""
        with self._opened(number) as file:
            while not given_up():
                # Asked before the file is read: what a process wrote last is there to be read then.
                gone = lines.task is not None and not lines.task.process.alive
                while piece := file.read(_PIECE):
                    whole = _whole(rest + piece)
                    rest = (rest + piece)[len(whole) :]
                    for one in lines.take(whole):
                        told(one)
                task = lines.task
                ending = None if task is None else task.outcome if gone else task.ending
                if ending is not None:
                    return ending
                time.sleep(pause)
        return None

    def stop(self, number: int) -> None:
        """Have a task ended as Ctrl-C ends a command: what is half done is put back.

        Raises TaskUnknown, TaskOver, TaskNotYours.
        """
        task = self.one(number)
        try:
            with _handle(task.process.pid) as interrupt:
                # Only now can it be told whether the number is still of that process.
                if not task.at_work:
                    raise TaskOver(number=number)
                interrupt()
        except ProcessLookupError as error:
            raise TaskOver(number=number) from error
        except PermissionError as error:
            own = current_user()
            raise TaskNotYours(number=number, user=task.user, own=own) from error

    def _new(self) -> tuple[int, int]:
        number = next(iter(self._numbers()), 0)
        flags = os.O_WRONLY | os.O_APPEND | os.O_EXCL
        while True:
            number += 1
            with suppress(FileExistsError):  # somebody else was first: it is the next one
                return number, opened(self._path(number), flags, _MODE)

    def _head(self, number: int, words: Sequence[str]) -> bytes:
        told = {
            "format": FORMAT,
            "number": number,
            "words": list(words),
            "user": current_user(),
            "began": self._clock().isoformat(timespec="seconds"),
            "process": asdict(Process.own()),
        }
        return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    def _let_go(self) -> None:
        """Remove those that are too old; one that is at work stays, however old."""
        for number in self._numbers()[_KEPT:]:
            try:
                found = self._read(number)
            except TaskUnreadable:
                found = None  # nobody will be able to follow it either
            if found is None or not found.at_work:
                self._path(number).unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        """The numbers there are, the highest first."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(
            (int(found[1]) for found in map(_NAME.fullmatch, names) if found), reverse=True
        )

    def _read(self, number: int) -> Task | None:
        """The task without its events; None where there is none, or no whole line of it yet."""
        lines = TaskLines(self._path(number))
        with suppress(FileNotFoundError), lines.path.open("rb") as file:
            lines.skim(_ends(file))
        return lines.task

    def _opened(self, number: int) -> BinaryIO:
        try:
            return self._path(number).open("rb")
        except FileNotFoundError as error:
            raise TaskUnknown(number=number) from error

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.jsonl"


@contextmanager
def _handle(pid: int) -> Iterator[Callable[[], None]]:
    """A way to interrupt the process that has this number now, and no later one of that number.

    Kernels before 5.3 know processes by their number alone. Raises ProcessLookupError.
    """
    try:
        handle = os.pidfd_open(pid)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        yield lambda: os.kill(pid, signal.SIGINT)
        return
    try:
        yield lambda: signal.pidfd_send_signal(handle, signal.SIGINT)
    finally:
        os.close(handle)


def _ends(file: BinaryIO) -> bytes:
    """The lines at the file's beginning, before its events, and the last one that is whole."""
    if not os.fstat(file.fileno()).st_size:
        return b""
    with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        head = _whole(data[:_HEAD])
        last = data.rfind(b"\n", 0, max(0, data.rfind(b"\n"))) + 1
        return head + _whole(data[max(last, len(head)) :])


def _whole(data: bytes) -> bytes:
    """As far as there are whole lines."""
    return data[: data.rfind(b"\n") + 1]
