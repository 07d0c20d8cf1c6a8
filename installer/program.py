"""The words that start this very program again: for services, and for tasks of their own process.

Invariant: what is started with them runs the same code, frozen or not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

# Says which task a program that is started so is to carry out: its number, a colon, its zone.
TASK: Final = "CHAMP_TASK"
# What click is started with to complete a word; nothing but that is said then.
COMPLETION: Final = "_CHAMP_COMPLETE"


def program() -> tuple[str, ...]:
    """The words that start this very program."""
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return (sys.executable, "-m", script.parent.name)
    return (sys.executable, str(script.absolute()))


def task_asked() -> tuple[Path, int] | None:
    """The task that this very program is to carry out: its zone's folder, its number; asked once.

    Programs that this one starts are not asked for it.
    """
    number, _colon, zone = os.environ.pop(TASK, "").partition(":")
    return (Path(zone), int(number)) if number.isdecimal() else None
