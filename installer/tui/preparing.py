"""Before the screens start: which look the terminal needs, and on a bare one which language.

Invariant: what --ascii, --look, CHAMP_LOOK, --lang or CHAMP_LANG decided is not asked again. What a
user set for all terminals is asked again on a bare one, as LANG is: it was not said of this one.
The question itself needs no font and no colour.
"""

from __future__ import annotations

import locale
import sys
import termios
from collections.abc import Callable, Mapping
from typing import TextIO

from installer import language, look
from installer.decided import DecidedBy
from installer.look import Look, is_bare
from installer.own_settings import LANGUAGE, OwnSettings
from installer.tui.terminal import measured, suited

# In English and ASCII whatever the language is: this terminal may show nothing else.
QUESTION = """\
This terminal may have no Chinese characters. How shall CHAMP Offline be shown?

  1  basic: English, plain characters
  2  rich:  Chinese (Zhongwen), for terminals that can show it

CHAMP_LANG=en or CHAMP_LANG=zh in the environment answers this beforehand.
"""
_PROMPT = "Type 1 or 2, then Enter [1]: "
_BASIC, _RICH = frozenset({"", "1"}), "2"


def prepare(environ: Mapping[str, str], own: OwnSettings) -> None:
    """Choose look and language for this process; asks and measures only where nothing decided.

    `own` is what the user has set.
    """
    bare = is_bare(environ)
    if look.named():
        return
    wanted = language.active() if language.named() else own.language or language.active()
    if bare and wanted == "zh" and not language.named():
        bare = not wants_chinese(sys.stdin, sys.stdout)
        language.activate("en" if bare else "zh", DecidedBy.ANSWER)
    look.activate(*suited(environ, charset(environ), _columns, bare=bare, own=own.look))


def settle(name: str, value: str | None, environ: Mapping[str, str]) -> None:
    """Follow a setting that was just made on this very terminal, as far as it can show that.

    Without a value the system decides again: of the language now, of the look at the next start,
    when the terminal is measured.
    """
    if name == LANGUAGE:
        found = language.choose(None, environ)
        language.activate(*((value, DecidedBy.OWN) if value else found))
    elif value is not None:
        bare = is_bare(environ) and language.active() != "zh"
        found_look = suited(environ, charset(environ), lambda: None, bare=bare, own=Look(value))
        look.activate(*found_look)


def wants_chinese(reading: TextIO, writing: TextIO) -> bool:
    """Ask until it is answered; Enter, and an input that ends, mean the basic look."""
    writing.write(QUESTION)
    while True:
        writing.write(_PROMPT)
        writing.flush()
        line = reading.readline()
        answer = line.strip()
        if answer in _BASIC or not line:
            return False
        if answer == _RICH:
            return True


def charset(environ: Mapping[str, str], system: Callable[[], str] | None = None) -> str:
    """The character set of the locale: as its name says, else as the system has it."""
    names = (environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    name = next((name for name in names if name), "")
    told = name.partition("@")[0].partition(".")[2]
    return told or (system or _system_charset)()


def _system_charset() -> str:
    return locale.nl_langinfo(locale.CODESET)


def _columns() -> int | None:
    try:
        return measured(sys.__stdin__.fileno(), sys.__stderr__.fileno())  # type: ignore[union-attr]
    except (OSError, termios.error):
        # No terminal on one of the streams: nothing is known of it.
        return None
