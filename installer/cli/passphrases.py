"""Passphrases of signing keys: asked on the terminal, or read from a file of its owner alone.

Invariant: a passphrase never comes from an option or the environment, is asked once for each folder
in a run, and is shown nowhere.
"""

from __future__ import annotations

import getpass
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from champ_offline.errors import system_said
from champ_offline.trust.key_errors import PassphraseEmpty, PassphraseNeeded
from installer.cli.errors import FileNotRead, PassphraseFileOpen, PassphrasesDiffer
from installer.language import translate as _

_LONGEST = 4096


class NewPassphrase:
    """The passphrase for new keys in a folder: of a file, or typed twice when it is first needed.

    None for keys that are not locked.
    """

    def __init__(self, folder: Path, file: Path | None, *, unencrypted: bool) -> None:
        """Raises UsageError where a file is named for keys that are not locked."""
        if unencrypted and file is not None:
            raise click.UsageError(_("Give either --unencrypted or --passphrase-file FILE."))
        self._folder, self._file, self._unencrypted = folder, file, unencrypted
        self._known: bytes | None = None

    def __call__(self) -> bytes | None:
        """The passphrase.

        Raises PassphraseNeeded, PassphrasesDiffer, PassphraseEmpty, PassphraseFileOpen,
        FileNotRead.
        """
        if self._known is None and not self._unencrypted:
            self._known = self._typed() if self._file is None else _read(self._file, self._folder)
        return self._known

    def _typed(self) -> bytes:
        first = _asked(self._folder, _("New passphrase for the keys in {folder}: "))
        if first != _asked(self._folder, _("The same again: ")):
            raise PassphrasesDiffer
        return first


class Passphrases:
    """Gives the passphrase of a folder's keys: of its file, or as it is typed."""

    def __init__(self, folders: Sequence[Path], files: Sequence[Path]) -> None:
        """One file serves every folder; several stand in the order of the folders.

        Raises UsageError where neither holds.
        """
        if len(files) > 1 and len(files) != len(folders):
            text = _("{files} files with passphrases for {folders} folders: give one, or one each.")
            raise click.UsageError(text.format(files=len(files), folders=len(folders)))
        ordered = list(files) * len(folders) if len(files) == 1 else list(files)
        self._files = dict(zip(folders, ordered, strict=False))
        self._known: dict[Path, bytes] = {}

    def __call__(self, folder: Path) -> bytes:
        """The passphrase of `folder`; raises as `NewPassphrase` does."""
        if folder not in self._known:
            file = self._files.get(folder)
            question = _("Passphrase for the keys in {folder}: ")
            self._known[folder] = _read(file, folder) if file else _asked(folder, question)
        return self._known[folder]


def _asked(folder: Path, question: str) -> bytes:
    if not sys.stdin.isatty():
        raise PassphraseNeeded(folder=folder)
    typed = getpass.getpass(question.format(folder=folder)).encode()
    if not typed:
        raise PassphraseEmpty(folder=folder)
    return typed


def _read(file: Path, folder: Path) -> bytes:
    text = read_secret(file)
    if not text:
        raise PassphraseEmpty(folder=folder)
    return text


def read_secret(file: Path) -> bytes:
    """The first 4096 bytes of a file of its owner alone, without the line end.

    Raises PassphraseFileOpen, FileNotRead.
    """
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise PassphraseFileOpen(path=file, mode=f"{mode:04o}")
            return stream.read(_LONGEST).removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise FileNotRead(path=file, reason=system_said(error)) from error
