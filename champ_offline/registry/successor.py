"""Starts a second registry on the socket of this one, and hears how far it is.

Invariant: this process serves on until the other has said that it does. Whatever goes wrong before
that ends the other one and is told in words; only what was started here is ever ended.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted, Reason
from champ_offline.registry.listening import HANDOVER, successor_of
from champ_offline.registry.threads import done

# What a successor says; after FAILED comes why, in one write.
PREPARED, READY, FAILED = b"p", b"r", b"f"
_LONGEST = 1000  # bytes; less than a pipe takes at once (pipe(7), PIPE_BUF)
# What it prints goes to stderr: the pipe is for its id, and nobody reads more of it.
_ORPHAN = '"$@" >&2 & echo $!'
_ENDED = Phrase("it ended before it served")
_PATIENCE_SECONDS = 60.0
_END_SECONDS = 5.0


class SuccessorFailed(ChampError):
    """A second registry was started and does not serve."""

    id = "registry.successor-failed"
    exit_code = ExitCode.INTERNAL
    message = "The registry that was to take over does not serve: {reason}. This one goes on."
    remedy = "Mend what it says, or what it wrote to stderr, then send SIGHUP again."


class Successor:
    """A process that was started with our socket; used by one event loop.

    It is nobody's child but init's from its first moment on: systemd waits for the end of a main
    process only if it was its parent when it was told of it (sd_notify(3), MAINPID).
    """

    def __init__(self, process: int, handle: int, heard: int) -> None:
        self.id, self._handle, self._heard = process, handle, heard

    @classmethod
    async def start(cls, command: Sequence[str], listening: socket.socket) -> Self:
        """Run `command` with a copy of the socket; raises SuccessorFailed."""
        heard, answer = os.pipe()
        os.set_blocking(heard, False)
        try:
            process = await done(_run, list(command), listening.fileno(), answer)
            return cls(process, os.pidfd_open(process), heard)
        except ProcessLookupError as error:
            reason = _why(heard, after=FAILED)
            os.close(heard)
            raise SuccessorFailed(reason=reason) from error
        except (OSError, subprocess.SubprocessError) as error:
            os.close(heard)
            raise SuccessorFailed(reason=Phrase("it cannot be started")) from error
        finally:
            os.close(answer)

    async def says(self, word: bytes) -> None:
        """Wait until it says `word`; raises SuccessorFailed if it ends before or takes too long."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                said = await _read(self._heard)
        except TimeoutError:
            reason = Phrase("it was silent for {seconds:.0f} seconds", seconds=_PATIENCE_SECONDS)
            raise SuccessorFailed(reason=reason) from None
        if said == FAILED:
            raise SuccessorFailed(reason=_why(self._heard))
        if said != word:
            raise SuccessorFailed(reason=_ENDED)

    async def end(self) -> None:
        """End it: it is not to serve."""
        await done(_ended, self._handle)
        self.leave()

    def leave(self) -> None:
        """Let it go its own way: this process no longer listens to it."""
        os.close(self._heard)
        os.close(self._handle)


class Predecessor:
    """Who handed its socket over to this process and waits to hear from it."""

    def __init__(self, answer: int) -> None:
        self._answer = answer

    def hears(self, word: bytes) -> None:
        """Say how far this process is; nobody listening any more is no reason not to serve."""
        try:
            os.write(self._answer, word)
        except OSError:
            return


@contextmanager
def failure_told() -> Iterator[None]:
    """Let the predecessor, if there is one, hear which error keeps this process from serving."""
    answer = successor_of(os.environ)
    try:
        yield
    except (ChampError, OSError) as error:
        if answer >= 0:
            Predecessor(answer).hears(FAILED + str(error).encode(errors="replace")[: _LONGEST - 1])
        raise


async def _read(descriptor: int) -> bytes:
    """One byte; nothing where the other end is closed."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[bytes] = loop.create_future()

    def readable() -> None:
        if not found.done():
            found.set_result(os.read(descriptor, 1))

    loop.add_reader(descriptor, readable)
    try:
        return await found
    finally:
        loop.remove_reader(descriptor)


def _why(descriptor: int, after: bytes = b"") -> Reason:
    """What can be read, from behind `after` on, in the words of who has ended."""
    with suppress(BlockingIOError):
        found = os.read(descriptor, _LONGEST)
        text = (found.partition(after)[2] if after else found).decode(errors="replace")
        text = "".join(one if one.isprintable() else " " for one in text).rstrip(". ")
        return Quoted(text) if text else _ENDED
    return _ENDED


def _run(command: list[str], listening: int, answer: int) -> int:
    """The id of the new process; whoever started it has ended."""
    environment = {**os.environ, HANDOVER: f"{listening}:{answer}"}
    done = subprocess.run(
        ["/bin/sh", "-c", _ORPHAN, "sh", *command],
        env=environment,
        pass_fds=(listening, answer),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(done.stdout)


def _ended(handle: int) -> None:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)  # pidfd_open(2): readable when it has ended
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
        if waiting.poll(_END_SECONDS * 1000):
            return
