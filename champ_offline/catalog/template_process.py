"""The parent's side of the process that renders values templates: start it, ask it, end it.

Invariant: one process serves many requests, each in a fork of its own with limits of its own, so
what one template does or costs reaches no other; answers go through a pipe into that fork alone,
never by argument or environment.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from champ_offline.catalog.values_child import CHILD_WORD
from champ_offline.errors import ChampError, ExitCode, Phrase, system_said

_CHILD_MODULE = "champ_offline.catalog.values_child"
_SOURCE = Path(__file__).resolve().parents[2]
# More than a fork's processor time: a busy machine may give it little.
_PATIENCE = 30.0
_PIECE = 1 << 16
# Of a reply: its text has a limit, and JSON writes no character in more than six bytes.
_LARGEST = 8 * 1024 * 1024


class TemplateTooCostly(ChampError):
    """A values template runs too long, or needs or gives too much."""

    id = "catalog.template-too-costly"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} was ended: {reason}."
    remedy = "Do not use this app; ask whoever made it to correct its values template."


class TemplateProcessFailed(ChampError):
    """The child process in which templates are rendered does not work."""

    id = "catalog.template-process-failed"
    exit_code = ExitCode.INTERNAL
    message = "{where} could not be rendered: the process for it ended ({reason})."
    remedy = "Check this installation with `champ doctor`."


class TemplateProcess:
    """Started by the first request; leave it (`with`) to end it. Safe to use from several threads.

    The protocol is in `values_child`.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; another request starts it anew."""
        process, self._process, self._buffer = self._process, None, b""
        if process is not None:
            # It is of one group with its forks.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _pipe(pipe).close()

    def ask(self, request: dict[str, Any], where: str) -> dict[str, Any]:
        """The reply to a request; `where` names the template in errors.

        Raises TemplateTooCostly, TemplateProcessFailed.
        """
        data = json.dumps(request).encode()
        with self._turn:
            try:
                status, reply = self._exchanged(data, where)
            except BaseException:
                self.close()  # whatever comes of this request is not for the next one
                raise
            if status != 0:
                self.close()  # some of this request may not have been read
        if status < 0:
            raise TemplateTooCostly(
                where=where, reason=Phrase("it ran too long (signal {number})", number=-status)
            )
        if status > 0:
            raise TemplateProcessFailed(
                where=where, reason=Phrase("status {status}", status=status)
            )
        found: dict[str, Any] = json.loads(reply)
        return found

    def _exchanged(self, data: bytes, where: str) -> tuple[int, bytes]:
        try:
            process = self._running()
            _pipe(process.stdin).write(struct.pack(">Q", len(data)) + data)
            _pipe(process.stdin).flush()
        except OSError as error:
            raise TemplateProcessFailed(where=where, reason=system_said(error)) from error
        deadline = time.monotonic() + _PATIENCE
        line = self._line(process, deadline, where)
        if not line.startswith(b"{"):  # it ended without a reply
            return int(line), b""
        return int(self._line(process, deadline, where)), line

    def _line(self, process: subprocess.Popen[bytes], deadline: float, where: str) -> bytes:
        descriptor = _pipe(process.stdout).fileno()
        while b"\n" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                raise TemplateTooCostly(where=where, reason=Phrase("it ran too long"))
            piece = os.read(descriptor, _PIECE)
            if not piece:
                raise TemplateProcessFailed(
                    where=where, reason=Phrase("status {status}", status=process.wait())
                )
            self._buffer += piece
            if len(self._buffer) > _LARGEST:
                raise TemplateTooCostly(where=where, reason=Phrase("it gives too much"))
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process = subprocess.Popen(
            [sys.executable, *_arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        return self._process


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError
    return pipe


def _arguments() -> list[str]:
    if getattr(sys, "frozen", False):
        return [CHILD_WORD]
    # -P: the working folder may be a stick, and no module may come from there.
    return ["-P", "-m", _CHILD_MODULE]


def _environment() -> dict[str, str]:
    """The parent's environment and this library's place."""
    places = [str(_SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
