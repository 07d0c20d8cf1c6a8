"""Processes that are recorded before they do anything, and ended only if they are still the same.

Invariant: a command is executed only after its process id and start time stand in the records; a
process is signalled only while its start time is the recorded one, for ids are used again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeAlias

from tests.lab.errors import LeftBehind
from tests.lab.records import Record, Records

Channel: TypeAlias = int | IO[str] | IO[bytes] | None

# Waits for one line on descriptor $1; at its end without one (the starter was killed) it does
# nothing. `exec` keeps the process id and the start time.
GATE = 'gate=$1; shift; read -r -u "$gate" _ || exit 125; exec {gate}<&-; exec "$@"'
# This process's own children, until somebody has waited for them.
CHILDREN: dict[tuple[int, int], subprocess.Popen[str]] = {}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which `pid` started; None if it does not run (any more).

    proc(5), /proc/pid/stat, field 22. A process that ended and waits for its parent counts as gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def start(
    records: Records,
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: Channel = subprocess.DEVNULL,
    stdout: Channel = None,
    stderr: Channel = None,
) -> tuple[subprocess.Popen[str], Record]:
    """Start `command` in a session of its own, recorded first."""
    reader, writer = os.pipe()
    try:
        words = ["bash", "-c", GATE, "gate", str(reader), *map(str, command)]
        process = subprocess.Popen(
            words, env=_environment(env), cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
            text=True, encoding="utf-8", pass_fds=(reader,), start_new_session=True,
        )  # fmt: skip
        record = records.made(
            "process", pid=process.pid, started=start_time(process.pid) or 0,
            command=" ".join(" ".join(map(str, command)).split())[:200],
        )  # fmt: skip
        CHILDREN[_identity(record)] = process
        os.write(writer, b"go\n")
    finally:
        os.close(reader)
        os.close(writer)
    return process, record


def end(record: Record, grace: float = 0) -> None:
    """End the recorded process and its group, if it still is the one; raises LeftBehind.

    With `grace` it is asked first (SIGTERM) and given that many seconds.
    """
    pid, started = record.integer("pid"), record.integer("started")

    def alive() -> list[int]:
        return [pid] if started and start_time(pid) == started else []

    if grace and alive():
        _signal_group(pid, signal.SIGTERM)
        wait_until(lambda: not alive(), grace)
    end_all(alive, _signal_group, f"Process {pid}")
    if child := CHILDREN.pop(_identity(record), None):
        child.wait(10)


def _identity(record: Record) -> tuple[int, int]:
    """Which process it is; record numbers begin anew in every state folder."""
    return record.integer("pid"), record.integer("started")


def ended(records: Records, record: Record) -> None:
    """Note that a process was waited for."""
    CHILDREN.pop(_identity(record), None)
    records.gone(record)


def end_all(
    alive: Callable[[], Iterable[int]],
    kill: Callable[[int, signal.Signals], None] | None = None,
    what: str = "A process",
) -> None:
    """Kill what `alive` names until it names nothing; raises LeftBehind after ten seconds."""
    strike = kill or _signal_one

    def none_left() -> bool:
        left = list(alive())
        for pid in left:
            strike(pid, signal.SIGKILL)
        return not left

    if not wait_until(none_left, 10):
        raise LeftBehind(f"{what} does not end: {sorted(alive())}.")


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether `condition` came true within `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True


def resident(pid: int) -> int:
    """Bytes of memory that `pid` has to itself, its part of what it shares added; 0 once gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def processes() -> list[int]:
    """The ids of all processes that run."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    given = dict(os.environ if env is None else env)
    return {name: value for name, value in given.items() if name.lower() not in PROXIES}


def _signal_one(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
