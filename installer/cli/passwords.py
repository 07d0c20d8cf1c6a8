"""Passwords of a registry's clients: typed on the terminal, or read from a private file.

Invariant: a password never comes from an option or the environment, and is shown nowhere.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from installer.cli.errors import PasswordNeeded, PasswordsDiffer
from installer.cli.passphrases import read_secret
from installer.language import translate as _


def known(name: str, file: Path | None) -> bytes:
    """The password that `name` has there.

    Raises PasswordNeeded, PassphraseFileOpen, FileNotRead.
    """
    if file is not None:
        return read_secret(file)
    if not sys.stdin.isatty():
        raise PasswordNeeded(name=name)
    return getpass.getpass(_("Password of {name}: ").format(name=name)).encode()


def chosen(name: str, file: Path | None) -> bytes:
    """The password for the client `name`.

    Raises PasswordNeeded, PasswordsDiffer, PassphraseFileOpen, FileNotRead.
    """
    if file is not None:
        return read_secret(file)
    if not sys.stdin.isatty():
        raise PasswordNeeded(name=name)
    first = getpass.getpass(_("New password for the client {name}: ").format(name=name))
    if first != getpass.getpass(_("The same again: ")):
        raise PasswordsDiffer
    return first.encode()
