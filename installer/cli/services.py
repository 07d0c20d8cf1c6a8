"""What verbs that write systemd units ask of this machine: the program, places, whose they are.

Invariant: looking changes nothing; what is written down starts this very program.
"""

from __future__ import annotations

import pwd
import sys
from pathlib import Path

from champ_offline.installation.places import installation_of
from installer.cli.diagnostics import say
from installer.language import translate as _


def program() -> tuple[str, ...]:
    """The words that start this very program."""
    if getattr(sys, "frozen", False):
        running = Path(sys.executable)
        installed = installation_of(running)
        # A path that leads to the version after the next update too.
        return (str(installed.program if installed else running),)
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        return (sys.executable, "-m", script.parent.name)
    return (sys.executable, str(script.absolute()))


def program_places() -> list[Path]:
    """The folders that the program itself is in."""
    return [Path(sys.executable).resolve(), Path(sys.prefix), Path(sys.base_prefix)]


def place(path: Path) -> Path:
    """Absolute, and without `..`, which systemd takes in no path."""
    found = path.absolute()
    return found.resolve() if ".." in found.parts else found


def owner(folder: Path) -> str:
    """Whose a folder is, by name where there is one."""
    try:
        return folder.owner()
    except KeyError:
        return str(folder.stat().st_uid)


def note_unknown(user: str | None) -> None:
    """No refusal: the units may be for another machine."""
    try:
        if user is not None:
            (pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user))
    except (KeyError, OverflowError):
        text = _("This machine has no user “{user}”; the service starts only where there is one.")
        say(text.format(user=user))
