"""What verbs that write systemd units ask of this machine: places, and whose they are.

Invariant: looking changes nothing.
"""

from __future__ import annotations

import pwd
import sys
from pathlib import Path

from champ_offline.installation.places import installation_of
from installer.cli.diagnostics import say
from installer.language import translate as _
from installer.program import program


def kept_program() -> tuple[str, ...]:
    """The words that start this program, and after an update the one that came in its place."""
    installed = installation_of(Path(sys.executable)) if getattr(sys, "frozen", False) else None
    return (str(installed.program),) if installed else program()


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
