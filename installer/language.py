"""Which language the user reads, and the way from an English template to that language.

Invariant: the English text is the message id; a text without a translation is shown in English and
never fails. A process speaks one language, chosen before any text is made. Click's own sentences go
through the same catalog. A look that draws ASCII alone spells every text of the catalog so.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from installer.decided import NAMED, DecidedBy
from installer.look import spelled

DOMAIN = "champ"
LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh")
# Each in its own language, so that whoever reads only that one finds it.
TONGUES = {"en": "English", "zh": "中文"}
VARIABLES = ("CHAMP_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
_FOLDERS = {"en": "en", "zh": "zh_CN"}


class _Speaker:
    """The language in use: process-wide, because threads of progress and screens share it."""

    language = "en"
    by = DecidedBy.DEFAULT
    catalog = gettext.NullTranslations()


class Choice(NamedTuple):
    """A language, one of LANGUAGES, and who chose it."""

    language: str
    by: DecidedBy


def choose(explicit: str | None, environ: Mapping[str, str], own: str | None = None) -> Choice:
    """The first that is set decides; Chinese of any kind is "zh".

    `explicit`, then CHAMP_LANG, then the user's `own` setting, then the locale.
    """
    variable, *locale = VARIABLES
    wishes = [
        (explicit, DecidedBy.OPTION),
        (environ.get(variable), DecidedBy.ENVIRONMENT),
        (own, DecidedBy.OWN),
        *((environ.get(name), DecidedBy.LOCALE) for name in locale),
    ]
    wish, by = next(((wish, by) for wish, by in wishes if wish), ("en", DecidedBy.DEFAULT))
    return Choice("zh" if wish.lower().startswith("zh") else "en", by)


def activate(language: str, by: DecidedBy = DecidedBy.DEFAULT) -> None:
    """Speak `language` (one of LANGUAGES) from now on, as `by` decided."""
    folder = _FOLDERS[language]
    _Speaker.language, _Speaker.by = language, by
    _Speaker.catalog = _catalog(language)
    # Click asks the default domain in the language that gettext reads from here.
    os.environ["LANGUAGE"] = folder
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)


def active() -> str:
    """The language in use, one of LANGUAGES."""
    return _Speaker.language


def decided_by() -> DecidedBy:
    """Who chose the language in use."""
    return _Speaker.by


def named() -> bool:
    """Whether it was asked for in this session: neither the locale's nor one that was kept."""
    return _Speaker.by in NAMED


def translate(template: str) -> str:
    """The template in the language in use; fields are filled in afterwards by the caller."""
    return spelled(_Speaker.catalog.gettext(template)) if template else ""


def in_every_language(template: str) -> tuple[str, ...]:
    """The template in each of LANGUAGES, as its catalog has it."""
    return tuple(_catalog(language).gettext(template) for language in LANGUAGES)


def mark(template: str) -> str:
    """Name a template for the catalog where it is stored now and translated when shown."""
    return template


def _catalog(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, str(LOCALE), [_FOLDERS[language]], fallback=True)
