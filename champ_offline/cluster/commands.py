"""Commands that run in containers: their streams, and how they end.

Invariant: stdout ends without an error only when the cluster said that the command ended with
code 0. All else is raised: another code, a command that was never started, and a connection that
broke before anything was said about the end. Memory is bounded by CHUNK and LAST_WORDS, however
much a command writes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeAlias

from champ_offline.errors import ChampError, ExitCode, Fields, Phrase, Quoted, Reason

# The largest piece of stdout that is given, in bytes.
CHUNK = 1024 * 1024
# How much of the end of stderr is kept, in bytes, and the longest line of it in an error.
LAST_WORDS = 4096
_LINE = 300
_NOTHING = Quoted()
# How a kubelet says it (pkg/kubelet/server, getExec).
_NO_CONTAINER = "container not found"
# After so many seconds in which nothing could be sent or received, a connection counts as broken.
SILENCE = 300.0


class ContainerNotRunning(ChampError):
    """There is no such container, or it does not run."""

    id = "cluster.container-not-running"
    exit_code = ExitCode.NOT_FOUND
    message = "No container {container} runs in pod {pod} of namespace {namespace}: {reason}."
    remedy = "Look with champ status whether the app is well; repeat the command when it is."


class CommandNotStarted(ChampError):
    """The container does not have the program, or may not start it."""

    id = "cluster.command-not-started"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{program} could not be started in container {container} of pod {pod}: {reason}."
    remedy = "Name a program that the container's image has."


class CommandFailed(ChampError):
    """The command ended with another code than 0; `code` is that, `last` its last stderr line.

    What a program writes may hold secrets: whoever shows `last` hides them first.
    """

    id = "cluster.command-failed"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{program} in container {container} of pod {pod} ended with code {code}: {last}."
    remedy = "Mend what the program complains of, then repeat."


class ChannelBroke(ChampError):
    """The connection to a command ended before the command did; what came of it is not known."""

    id = "cluster.channel-broke"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The connection to {program} in pod {pod} broke before it had ended: {reason}."
    remedy = "Count what came so far as incomplete. Check the network and the node, then repeat."


class InputHasNoEnd(ChampError):
    """The API server is too old to tell a command that its stdin has ended."""

    id = "cluster.input-has-no-end"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster at {address} cannot tell a command that its input has ended: {reason}."
    remedy = "Upgrade Kubernetes to 1.30 or later; reading data out of pods works until then."


@dataclass(frozen=True)
class Place:
    """Where a command runs, and its words. Errors name the program alone: words can be secret."""

    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]

    @property
    def fields(self) -> Fields:
        """As fields of the errors above."""
        return {
            "namespace": self.namespace,
            "pod": self.pod,
            "container": self.container,
            "program": self.command[0],
        }


@dataclass(frozen=True)
class Out:
    """Bytes that the command wrote to stdout."""

    data: bytes


@dataclass(frozen=True)
class Err:
    """Bytes that the command wrote to stderr."""

    data: bytes


@dataclass(frozen=True)
class End:
    """What the cluster said about the end: an exit code, or None and why there is none."""

    code: int | None
    reason: Reason = _NOTHING


@dataclass(frozen=True)
class Cut:
    """The connection ended, and nothing was said about the command's end."""

    reason: Reason


Event: TypeAlias = Out | Err | End | Cut


class Running:
    """A command that runs: an iterator of what it writes to stdout, in pieces of at most CHUNK.

    The command is held up while nobody asks for more. The iterator ends when the command has ended
    with code 0; it raises CommandFailed, CommandNotStarted, ChannelBroke, and what the iterable
    given as stdin raises.
    """

    def __init__(self, place: Place, events: Generator[Event, None, None]) -> None:
        """`events` are closed with this; where they end without an End, the connection broke."""
        self._place = place
        self._events = events
        self._rest = b""
        self._said = b""
        self._heard = False
        self._ended = False

    def __iter__(self) -> Running:
        return self

    def __next__(self) -> bytes:
        while not self._rest:
            if self._ended:
                raise StopIteration
            self._take(next(self._events, None))
        piece, self._rest = self._rest[:CHUNK], self._rest[CHUNK:]
        return piece

    def wait(self) -> None:
        """Let the rest of stdout go by, until the command has ended; raises as the iterator."""
        for _ in self:
            pass

    @property
    def last_words(self) -> str:
        """The end of what it wrote to stderr so far, at most LAST_WORDS bytes of it."""
        return self._said.decode(errors="replace")

    def close(self) -> None:
        """Break off. Kubernetes ends no process for that: its stdin ends, its stdout is shut."""
        self._ended, self._rest = True, b""
        self._events.close()

    def _take(self, event: Event | None) -> None:
        match event:
            case Out(data):
                self._rest = data
                self._heard |= bool(data)
            case Err(data):
                self._said = (self._said + data)[-LAST_WORDS:]
                self._heard |= bool(data)
            case End(code, reason):
                self._end(code, reason)
            case Cut(reason):
                self._broke(reason)
            case None:
                self._broke(Phrase("nothing was said about its end"))

    def _end(self, code: int | None, reason: Reason) -> None:
        self.close()
        about = self._place.fields
        if code:
            raise CommandFailed(**about, code=code, last=_last_line(self.last_words))
        if code is None and self._heard:
            self._broke(reason)
        if code is None and _NO_CONTAINER in str(reason):
            raise ContainerNotRunning(**about, reason=reason)
        if code is None:
            raise CommandNotStarted(**about, reason=reason)

    def _broke(self, reason: Reason) -> NoReturn:
        self.close()
        raise ChannelBroke(**self._place.fields, reason=reason)


class Commands(Protocol):
    """The way to run commands in the containers of a cluster."""

    def run_in(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: Iterable[bytes] | None = None,
        silence: float = SILENCE,
    ) -> AbstractContextManager[Running]:
        """Run a command (program and words, no shell) in a running container.

        `stdin` is asked for a piece when the last one was sent, only while stdout is read; its end
        is the end of the command's input. A command whose input is broken off (by an error, by
        leaving early) sees an end as well, so what must not act on half of it has to bring its own
        mark of the end, as tar and pg_dump's formats do. Leaving the context breaks off what
        runs.

        With `stdin` the command runs below the container's `sh`, which takes the input that it
        leaves over, and so its end is told after all of the input was sent; a program that is not
        there is then CommandFailed with code 127. The connection counts as broken after `silence`
        seconds in which nothing moved, also where the command takes no input for so long.

        Raises ContainerNotRunning, CommandsForbidden, InputHasNoEnd, and as Running.
        """
        ...


def _last_line(said: str) -> str:
    lines = [" ".join(line.split()) for line in said.splitlines()]
    last = next((line[-_LINE:].rstrip(".") for line in reversed(lines) if line), "")
    return last or Phrase("it wrote nothing")
