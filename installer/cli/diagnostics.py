"""Standard error and the exit code: what the user is told when something does not go well.

Invariant: one sentence, what to do, a stable id. A traceback never reaches the user; of an error
that nobody foresaw a report is written for the developers, readable by its owner only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import click

from champ_offline.errors import ChampError, ExitCode
from installer.cli.errors import CommandEnded, CommandInterrupted, Unforeseen, UsageRefused, refused
from installer.cli.output import OutputClosed
from installer.error_text import sentences
from installer.language import translate as _
from installer.quantities import NO_BREAK
from installer.terminal_text import printable_lines


class Terminated(BaseException):
    """SIGTERM arrived; unwinds like KeyboardInterrupt does, so that locks are let go."""


class Guard:
    """Runs an act and turns whatever ends it into words on stderr and an exit code."""

    def __init__(self, arguments: Sequence[str], *, as_json: Callable[[], bool]) -> None:
        self._arguments = list(arguments)
        self._as_json = as_json
        self.exit_code = int(ExitCode.OK)
        self.error: ChampError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self.exit_code = self._code(error)
        return True

    def _code(self, error: BaseException) -> int:
        match error:
            case click.exceptions.Exit():
                return int(error.exit_code)
            case SystemExit():
                return error.code if isinstance(error.code, int) else int(ExitCode.INTERNAL)
            case ChampError():
                self._told(error)
                return int(error.exit_code)
            case click.ClickException():
                self._usage(error)
                return int(ExitCode.USAGE)
            case OSError() if not isinstance(error, BrokenPipeError):
                return self._code(refused(error))
            case OutputClosed() | BrokenPipeError():
                _silence()
                return int(ExitCode.OK)
            case KeyboardInterrupt() | click.Abort():
                return self._stopped(CommandInterrupted())
            case Terminated():
                return self._stopped(CommandEnded())
        return self._unforeseen(error)

    def _told(self, error: ChampError) -> None:
        self.error = error
        message, remedy = sentences(error)
        if self._as_json():
            _line(error_document(error, message, remedy))
        else:
            say(f"champ: {message}\n  {remedy}\n  [{error.id}]")

    def _usage(self, error: click.ClickException) -> None:
        message = error.format_message()
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            say(message)
            return
        context = error.ctx if isinstance(error, click.UsageError) else None
        command = context.command_path if context is not None else "champ"
        self.error = UsageRefused(problem=message.removesuffix("."), command=command)
        if self._as_json():
            self._told(self.error)
            return
        if context is not None:
            say(context.get_usage())
            say(_("Try '{command} --help' for help.").format(command=command))
        # Click ends its sentences with a full stop that it does not translate.
        ended = message.removesuffix(".") + _(".") if message.endswith(".") else message
        say(f"champ: {ended}")

    def _unforeseen(self, error: BaseException) -> int:
        return self._code(Unforeseen(report=_write_report(error, self._arguments)))

    def _stopped(self, error: ChampError) -> int:
        """What somebody did on purpose needs no more than a word on a terminal."""
        if self._as_json():
            return self._code(error)
        self.error = error
        say(sentences(error)[0])
        return int(error.exit_code)


def say(text: str) -> None:
    """Write lines to stderr, without control characters; a closed stderr is no error."""
    lines = printable_lines(text)
    try:
        sys.stderr.write(lines + "\n")
        sys.stderr.flush()
    except OSError:
        _silence()


def error_document(error: ChampError, message: str, remedy: str) -> dict[str, object]:
    """The error as one line, for `--output json` and `--progress ndjson`.

    Programs look for words in it: spaces are plain ones.
    """
    return {
        "event": "Error",
        "id": error.id,
        "exit_code": int(error.exit_code),
        "message": message.replace(NO_BREAK, " "),
        "remedy": remedy.replace(NO_BREAK, " "),
        "fields": {name: _plain(value) for name, value in error.fields.items()},
    }


def _plain(value: object) -> str | list[str]:
    """A field for programs: a list where it is one."""
    return [str(one) for one in value] if isinstance(value, tuple) else str(value)


def listen_for_termination() -> None:
    """Make SIGTERM unwind the program as an interrupt does."""

    def arrived(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    if _in_main_thread():
        signal.signal(signal.SIGTERM, arrived)


def outlive_terminal() -> None:
    """From now on a terminal that goes away ends nothing: what is at work goes on unseen.

    Whoever follows the task sees it (`champ_offline.tasks`).
    """
    if not _in_main_thread():
        return
    terminals = [number for number in range(3) if os.isatty(number)]

    def gone(_number: int, _frame: FrameType | None) -> None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in terminals:
            os.dup2(nowhere, number)
        os.close(nowhere)

    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, gone)


def _in_main_thread() -> bool:
    """Whether signals can be listened for here."""
    return threading.current_thread() is threading.main_thread()


def write_log(lines: bytes) -> None:
    """Let lines of the library's log go to stderr as they are; raises OSError, as a pipe may."""
    view = memoryview(lines)
    while view:
        view = view[os.write(sys.stderr.fileno(), view) :]


def _line(document: dict[str, object]) -> None:
    sys.stderr.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def _silence() -> None:
    # The interpreter flushes both streams at exit and would complain about the closed one.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _write_report(error: BaseException, arguments: Sequence[str]) -> Path:
    text = "".join(traceback.format_exception(error))
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    # mkstemp makes the file new and for its owner alone (0600), whatever lies in the folder.
    handle, name = tempfile.mkstemp(prefix=f"champ-report-{stamp}-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as report:
        report.write(f"champ {' '.join(arguments)}\npython {sys.version}\n\n{text}")
    return Path(name)
