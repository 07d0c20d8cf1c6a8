"""However the screens end, the terminal is as it was: a real line, real processes, real signals."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from champ_offline.errors import ExitCode
from tests.tui.cells import CHAMP, PATIENCE, environment

# What is on while the screens are seen, and how it is when they are gone.
_MODE = re.compile(rb"\x1b\[\?(\d+(?:;\d+)*)([hl])")
_AFTER = {b"25": b"h", b"7": b"h"}
_BROKEN = """\
import sys
from installer.tui.screens.zone import ZoneScreen
def broken(self):
    raise ZeroDivisionError("a fault of this program")
ZoneScreen.action_make = broken
from installer.__main__ import main
sys.exit(main([]))
"""

_DRAWING = """\
import sys, time
from installer.tui.screens.zone import ZoneScreen
def on_mount(self):
    self.set_interval(0.01, lambda: self.say("problem", str(time.monotonic()) * 40))
ZoneScreen.on_mount = on_mount
from installer.__main__ import main
sys.exit(main([]))
"""


class Line:
    """One end of a terminal, and `champ` on the other; everything it writes is kept."""

    def __init__(self, words: tuple[str, ...], folder: Path) -> None:
        self.outer, self.inner = pty.openpty()
        self.before = termios.tcgetattr(self.inner)
        self.written = b""
        self.stalled = False
        extra = {"TERM": "xterm-256color", "CHAMP_LANG": "en", "CHAMP_LOOK": "ascii"}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "sh", "-c", '"$@"; exit $?', "sh", *words],
            stdin=self.inner, stdout=self.inner, stderr=self.inner, cwd=folder,
            env=environment({**extra, "TMPDIR": str(folder)}),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.waits(lambda: b"Zone folder" in self.written)
        # Everything that is turned on at the start was turned on by now.
        self.waits(lambda: b"\x1b[?2004h" in self.written)

    def _read(self) -> None:
        while not self.stalled:
            try:
                part = os.read(self.outer, 65536)
            except OSError:
                return
            self.written += part

    def waits(self, found: Callable[[], object]) -> None:
        """Until it is so."""
        until = time.monotonic() + PATIENCE
        while not found():
            assert time.monotonic() < until, self.written
            time.sleep(0.02)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.outer, keys)

    @property
    def parent(self) -> int:
        """The process that waits for the screens."""
        return children(self.process.pid)[0]

    @property
    def child(self) -> int:
        """The process of the screens."""
        return children(self.parent)[0]

    def ended(self) -> int:
        """The exit code, as the shell sees it."""
        return self.process.wait(PATIENCE)

    def is_whole(self) -> None:
        """Settings and modes are as they were before."""
        self.waits(lambda: not self.left_on())
        assert termios.tcgetattr(self.inner) == self.before

    def left_on(self) -> list[bytes]:
        """The modes that are not as they should be when the screens are gone."""
        last: dict[bytes, bytes] = {}
        for numbers, state in _MODE.findall(self.written):
            last.update(dict.fromkeys(numbers.split(b";"), state))
        wrong = [mode for mode, state in last.items() if state != _AFTER.get(mode, b"l")]
        open_stacks = self.written.count(b"\x1b[>") - self.written.count(b"\x1b[<u")
        return wrong + [b"kitty"] * max(0, open_stacks)

    def close(self) -> None:
        """Take the line away."""
        for end in (self.outer, self.inner):
            try:
                os.close(end)
            except OSError:
                continue


def children(pid: int) -> list[int]:
    """The children of a process, the oldest first."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(CHAMP, tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    made.close()


def test_while_they_are_seen_it_is_not(line: Line) -> None:
    """Or the others would show nothing."""
    assert {b"1049", b"1000", b"2004", b"25"} <= set(line.left_on())
    assert termios.tcgetattr(line.inner) != line.before
    line.type(b"\x11")
    assert line.ended() == 0


@pytest.mark.parametrize("keys", [b"\x11", b"\x03", b"\x1b"], ids=["ctrl-q", "ctrl-c", "esc"])
def test_after_they_were_left(line: Line, keys: bytes) -> None:
    line.type(keys)
    assert line.ended() == 0
    line.is_whole()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("which", ["parent", "child"])
def test_after_a_signal(line: Line, number: signal.Signals, which: str) -> None:
    os.kill(getattr(line, which), number)
    assert line.ended() == 128 + number
    line.is_whole()
    assert b"Traceback" not in line.written


def test_after_the_screens_were_killed(line: Line) -> None:
    os.kill(line.child, signal.SIGKILL)
    assert line.ended() == 128 + signal.SIGKILL
    line.is_whole()


def test_after_the_one_who_waits_was_killed(line: Line) -> None:
    child = line.child
    os.kill(line.parent, signal.SIGKILL)
    assert line.ended() == 128 + signal.SIGKILL
    line.is_whole()
    line.waits(lambda: not Path(f"/proc/{child}").exists())


def test_after_the_connection_was_lost_nothing_runs_on(line: Line, tmp_path: Path) -> None:
    pids = [line.parent, line.child]
    line.close()
    line.waits(lambda: not any(map(alive, pids)))
    assert not list(tmp_path.glob("champ-report-*"))


def alive(pid: int) -> bool:
    """Whether the process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_after_what_nobody_foresaw(tmp_path: Path) -> None:
    line = Line((sys.executable, "-c", _BROKEN), tmp_path)
    line.type(b"\x1bOQ")
    assert line.ended() == ExitCode.INTERNAL
    line.is_whole()
    after = line.written.rpartition(b"\x1b[?1049l")[2]
    assert b"Traceback" not in line.written
    assert b"champ-report-" in after
    line.close()


def test_screens_that_draw_on_a_line_that_stalls_and_is_lost_end_all_the_same(
    tmp_path: Path,
) -> None:
    """A connection that breaks is full first: what draws is stuck, and hears of no signal."""
    line = Line((sys.executable, "-c", _DRAWING), tmp_path)
    parent, child = line.parent, line.child
    line.stalled = True
    line.waits(lambda: stuck(child))
    line.close()
    line.waits(lambda: not any(map(alive, (parent, child))))
    line.process.wait(PATIENCE)


def stuck(pid: int) -> bool:
    """Whether a thread of the process waits for room on its terminal, for two seconds already."""
    for _ in range(20):
        if not _writes(pid):
            return False
        time.sleep(0.1)
    return True


def _writes(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    # The number of write(2) on x86-64 comes first, then the descriptor (proc(5), syscall).
    return any((task / "syscall").read_text().startswith("1 0x") for task in tasks)
