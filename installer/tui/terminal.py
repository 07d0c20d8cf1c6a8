"""What the terminal can draw, found out before the screens start.

Invariant: a terminal that does not answer costs a second and gets the ASCII look; its settings are
as they were afterwards, and nothing of the question stays on it.
"""

from __future__ import annotations

import os
import re
import select
import termios
import time
import tty
from collections.abc import Callable, Mapping

from installer.decided import DecidedBy
from installer.look import Look

PATIENCE = 1.0
# One of each kind that terminals disagree on: punctuation, a line, an arrow.
_PROBE = "…─→"
_POSITION = re.compile(rb"\x1b\[\d{1,5};(\d{1,5})R")


def suited(
    environ: Mapping[str, str],
    charset: str,
    columns: Callable[[], int | None],
    *,
    bare: bool,
    own: Look | None = None,
) -> tuple[Look, DecidedBy]:
    """The look for a terminal, and whether the user's `own` setting decided it.

    `columns` measures it, and is asked only where that can help. A terminal without the characters
    gets the ASCII look whatever was set.
    """
    if own is Look.ASCII:
        return own, DecidedBy.OWN
    if bare or "utf-8" not in charset.lower().replace("utf8", "utf-8") or not environ.get("TERM"):
        return Look.ASCII, DecidedBy.TERMINAL
    if own is not None:
        return own, DecidedBy.OWN
    return Look.RICH if columns() == len(_PROBE) else Look.ASCII, DecidedBy.TERMINAL


def measured(reading: int, writing: int, seconds: float = PATIENCE) -> int | None:
    """Columns that the terminal takes for the probe; None where it does not say so in time.

    What is typed meanwhile is lost. Raises OSError or termios.error where that is no terminal.
    """
    before = termios.tcgetattr(reading)
    try:
        tty.setcbreak(reading, termios.TCSANOW)
        # A terminal that is held (Ctrl-S) takes nothing: neither write nor drain may be waited for.
        if not select.select([], [writing], [], seconds)[1]:
            return None
        os.write(writing, b"\r" + _PROBE.encode() + b"\x1b[6n")
        answer = _answer(reading, seconds)
        if select.select([], [writing], [], 0)[1]:
            os.write(writing, b"\r\x1b[K")
    finally:
        termios.tcsetattr(reading, termios.TCSANOW, before)
    return None if answer is None else answer - 1


def _answer(reading: int, seconds: float) -> int | None:
    """The column in which the cursor is, from 1."""
    told, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            return None
        part = os.read(reading, 256)
        told += part
        found = _POSITION.search(told)
        if found:
            return int(found[1])
        if not part:
            return None
    return None
