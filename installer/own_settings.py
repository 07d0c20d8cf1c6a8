"""A person's own settings: the language and the look of `champ`, in a file of theirs.

Invariant: the file is replaced whole, for its owner alone (0600). One that cannot be read or
understood counts as none and stops nothing; what a later version keeps in it stays in it. Neither
says anything about a zone: whoever works in one may read another language.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from champ_offline.errors import ChampError, ExitCode, Phrase, Unfit, system_said
from champ_offline.oci.strict_json import parse, wrong_in
from champ_offline.paths import config_directory
from installer import language, look
from installer.decided import DecidedBy
from installer.language import LANGUAGES
from installer.look import Look

FORMAT: Final = 1
LANGUAGE, LOOK = "language", "look"
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    LANGUAGE: LANGUAGES,
    LOOK: tuple(one.value for one in Look),
}
_NAME, _LONGEST = "settings.json", 64 * 1024
_NO_HOME = "~/.config/champ-offline"


class SettingsUnreadable(ChampError):
    """The file with a person's settings is damaged, or may not be read."""

    id = "settings.unreadable"
    exit_code = ExitCode.PREFLIGHT
    message = "Your settings in {path} are not followed: {reason}."
    remedy = "Remove that file; `champ settings set` writes it anew."


class SettingsNotKept(ChampError):
    """The file with a person's settings cannot be written."""

    id = "settings.not-kept"
    exit_code = ExitCode.PREFLIGHT
    message = "Your settings could not be kept in {path}: {reason}."
    remedy = (
        "Make room there, or let XDG_CONFIG_HOME name a folder of yours. CHAMP_LANG and CHAMP_LOOK"
        " say the same for one session."
    )


class SettingUnknown(ChampError):
    """No setting of a person has that name."""

    id = "settings.unknown"
    exit_code = ExitCode.USAGE
    message = "“{name}” is not one of your settings."
    remedy = "Yours are: {known}. `champ settings list` shows those of the zone, and their verbs."


class SettingValueUnknown(ChampError):
    """A setting has no such value."""

    id = "settings.value-unknown"
    exit_code = ExitCode.USAGE
    message = "“{value}” is no value of the setting {name}."
    remedy = "Its values are: {known}. `champ settings unset {name}` lets the system decide."


@dataclass(frozen=True)
class OwnSettings:
    """What a person chose: `language` is one of LANGUAGES; None where the system decides.

    `more` is what later versions keep there.
    """

    language: str | None = None
    look: Look | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The content of the file; raises Unfit, KeyError or TypeError for what is none."""
        document = parse(data)
        if not isinstance(document, dict) or document["format"] != FORMAT:
            raise Unfit(Phrase("it is not of the form that it should have"))
        for name, known in VALUES.items():
            if document.get(name, known[0]) not in known:
                raise Unfit(Phrase("“{name}” is none of: {known}", name=name, known=_one_of(name)))
        own = {LANGUAGE, LOOK, "format"}
        look = document.get(LOOK)
        more = {name: value for name, value in document.items() if name not in own}
        return cls(document.get(LANGUAGE), Look(look) if look else None, more)

    def to_bytes(self) -> bytes:
        """The content of the file."""
        chosen = {LANGUAGE: self.language, LOOK: self.look and self.look.value}
        told = {name: value for name, value in chosen.items() if value is not None}
        document = {"format": FORMAT, **told, **self.more}
        return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()

    def with_value(self, name: str, value: str | None) -> OwnSettings:
        """With another value of the setting `name`, or none; `check` was asked before."""
        if name == LANGUAGE:
            return OwnSettings(value, self.look, self.more)
        return OwnSettings(self.language, Look(value) if value else None, self.more)


def check(name: str, value: str | None) -> None:
    """Raise SettingUnknown or SettingValueUnknown for what no person can set."""
    if name not in VALUES:
        raise SettingUnknown(name=name[:100], known=", ".join(VALUES))
    if value is not None and value not in VALUES[name]:
        raise SettingValueUnknown(value=value[:100], name=name, known=_one_of(name))


def read() -> OwnSettings:
    """What this user chose; raises SettingsUnreadable."""
    path = place()
    if path is None:
        return OwnSettings()
    try:
        return OwnSettings.from_bytes(_content(path))
    except (FileNotFoundError, NotADirectoryError):
        return OwnSettings()
    except OSError as error:
        raise SettingsUnreadable(path=path, reason=system_said(error)) from error
    except (Unfit, KeyError, TypeError) as error:
        raise SettingsUnreadable(path=path, reason=wrong_in(error)) from error


def followed() -> tuple[OwnSettings, ChampError | None]:
    """What this user chose, and why that is not followed where it cannot be read."""
    try:
        return read(), None
    except SettingsUnreadable as error:
        return OwnSettings(), error


def follow(own: OwnSettings, wish: str | None = None) -> None:
    """Speak and draw as `own` says, unless `wish`, a language, or this session says otherwise.

    Chinese that was set for all terminals is not followed on one that may not show it.
    """
    unseen = own.language == "zh" and look.is_bare(os.environ)
    language.activate(*language.choose(wish, os.environ, None if unseen else own.language))
    if own.look is not None and not look.named():
        look.activate(own.look, DecidedBy.OWN)


def keep(name: str, value: str | None) -> OwnSettings:
    """Keep another value of a setting, None for none; a file that is damaged is written anew.

    Raises SettingUnknown, SettingValueUnknown, SettingsNotKept.
    """
    check(name, value)
    path = place()
    if path is None:
        raise SettingsNotKept(path=_NO_HOME, reason=Phrase("this user has no home"))
    from champ_offline.durable.write import make_directory, write_atomic

    made = followed()[0].with_value(name, value)
    try:
        make_directory(path.parent, 0o700)
        write_atomic(path, made.to_bytes(), 0o600)
    except OSError as error:
        raise SettingsNotKept(path=path, reason=system_said(error)) from error
    return made


def place() -> Path | None:
    """Where this user's settings are kept; None for one without a home."""
    folder = config_directory()
    return folder / _NAME if folder else None


def _content(path: Path) -> bytes:
    """The bytes of an ordinary file: nobody waits for a pipe in its place. Raises Unfit too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise Unfit(Phrase("it is larger than {limit} bytes", limit=_LONGEST))
    return content


def _one_of(name: str) -> str:
    return ", ".join(VALUES[name])
