"""The terminal is as it was, however the screens end: a parent waits for them and puts it back.

The screens run in a child; the parent keeps the terminal's settings and does nothing but wait, so
that a shell sees its terminal again only when it is whole. Invariant: the parent outlives the child
and ends with the child's exit code (128 + the signal that killed it); who kills the parent ends the
child, too. A child that is told to end, or whose terminal went away, has a few seconds for it: what
draws on a terminal that is gone may be stuck, and would never hear of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from types import FrameType

# Leaves what the screens turn on, harmless where nothing was: keyboard protocol, mouse, pastes,
# focus reports, size reports, synchronised output; wrapping and the cursor; the main screen.
RESTORING = (
    "\x1b[<u"
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[?2026l"
    "\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# Those after which the child has to end.
_LAST = (signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 1.0
_ENDING = 3.0


def guard() -> int | None:
    """Go on as the child: None there; in the parent the exit code, once the child has ended."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        _end_with_the_parent(reading)
        return None
    os.close(reading)
    status = _waited_for(child, terminal)
    os.close(writing)
    if os.WIFSIGNALED(status):
        _restore(terminal, before)
        return 128 + os.WTERMSIG(status)
    return os.waitstatus_to_exitcode(status)


def _waited_for(child: int, terminal: int) -> int:
    """The child's status; what is sent to this process meanwhile goes to the child."""
    ended = threading.Event()

    def tell(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
        if number in _LAST:
            threading.Thread(target=insist, daemon=True).start()

    def insist() -> None:
        if not ended.wait(_ENDING):
            os.kill(child, signal.SIGKILL)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        tell(number)

    def watch() -> None:
        gone = select.poll()
        gone.register(terminal, 0)  # nothing but a terminal that hung up is told (poll(2))
        gone.poll()
        tell(signal.SIGHUP)

    kept = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    threading.Thread(target=watch, name="terminal", daemon=True).start()
    try:
        # Looked at without being reaped: its number is its own until nobody insists any more.
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        ended.set()
        return os.waitpid(child, 0)[1]
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _end_with_the_parent(reading: int) -> None:
    """Have this process ended when the parent is gone; in good order, if it still can."""

    def wait() -> None:
        os.read(reading, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_ENDING)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="guardian", daemon=True).start()


def _restore(terminal: int, before: list[object]) -> None:
    """Put back settings and modes; a terminal that is gone or held is left alone."""
    # Not to be stopped where the shell took the terminal back already.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError, termios.error):
        termios.tcsetattr(terminal, termios.TCSANOW, before)  # type: ignore[arg-type]
        if select.select([], [terminal], [], _PATIENCE)[1]:
            os.write(terminal, RESTORING.encode("ascii"))
