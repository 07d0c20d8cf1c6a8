"""Severe acts want the release's name said again, by --confirm or typed on a terminal.

Invariant: without a confirmation of exactly that name nothing is changed; what is asked goes to
stderr, so that stdout stays data.
"""

from __future__ import annotations

import sys

from installer.cli.errors import ConfirmationDiffers, ConfirmationMissing
from installer.language import translate as _
from installer.terminal_text import printable


def confirm(question: str, name: str, given: str | None) -> None:
    """Return when `name` was confirmed; `question` is a translated template with {name}.

    raises ConfirmationMissing, ConfirmationDiffers."""
    answer = given if given is not None else _asked(question, name)
    if answer != name:
        raise ConfirmationDiffers(given=answer, name=name)


def _asked(question: str, name: str) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfirmationMissing(name=name)
    text = f"{question.format(name=name)} {_('Type its name to go on:')} "
    sys.stderr.write(printable(text))
    sys.stderr.flush()
    return sys.stdin.readline().strip()
