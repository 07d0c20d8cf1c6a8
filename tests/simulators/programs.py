"""Programs for the simulated cluster's containers, as Python functions on the pod's files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from champ_offline.cluster.commands import Cut, End, Err, Event, Out
from champ_offline.errors import Quoted

# It yields Out and Err and returns its exit code; raising ConnectionError breaks the connection.
Program: TypeAlias = Callable[["Process"], Generator[Event, None, int]]


@dataclass
class Process:
    """What a program is started with; `files` are the pod's, by path, and outlive the pod."""

    command: tuple[str, ...]
    stdin: Iterator[bytes]
    files: dict[str, bytes]


@dataclass
class Computer:
    """What the simulated containers have: programs by name, scripts by their text, files.

    `script` programs are what `sh -c TEXT` runs.
    """

    programs: dict[str, Program] = field(default_factory=lambda: {"cat": cat, "true": true})
    scripts: dict[str, Program] = field(default_factory=dict)
    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    forbidden: bool = False
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self, namespace: str, pod: str, command: tuple[str, ...], stdin: Iterable[bytes] | None
    ) -> Generator[Event, None, None]:
        """What one command does, as the cluster tells it."""
        self.ran.append(command)
        program = self.programs.get(command[0])
        if command[:2] == ("sh", "-c"):
            program = self.scripts.get(command[2])
        if program is None:
            reason = f'exec: "{command[0]}": executable file not found in $PATH'
            yield End(None, Quoted(reason))
            return
        files = self.files.setdefault((namespace, pod), {})
        try:
            code = yield from program(Process(command, iter(stdin or ()), files))
        except ConnectionError as error:
            yield Cut(Quoted(str(error)))
            return
        yield End(code)


def cat(process: Process) -> Generator[Event, None, int]:
    """Write out the files that are named, or stdin."""
    for path in process.command[1:]:
        if path not in process.files:
            yield Err(f"cat: {path}: No such file or directory\n".encode())
            return 1
        yield Out(process.files[path])
    if not process.command[1:]:
        for piece in process.stdin:
            yield Out(piece)
    return 0


def true(process: Process) -> Generator[Event, None, int]:
    """Do nothing, well."""
    yield Out(b"")
    return 0
