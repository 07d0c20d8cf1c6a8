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

from installer.look import spelled

DOMAIN = "champ"
LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh")
VARIABLES = ("CHAMP_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
_FOLDERS = {"en": "en", "zh": "zh_CN"}


class _Speaker:
    """The language in use: process-wide, because threads of progress and screens share it."""

    language = "en"
    named = False
    catalog = gettext.NullTranslations()


def choose(explicit: str | None, environ: Mapping[str, str]) -> str:
    """The first that is set decides: `explicit`, then VARIABLES; Chinese of any kind is "zh"."""
    wishes = [explicit, *(environ.get(name) for name in VARIABLES)]
    wish = next((wish for wish in wishes if wish), "en")
    return "zh" if wish.lower().startswith("zh") else "en"


def activate(language: str, *, named: bool = False) -> None:
    """Speak `language` (one of LANGUAGES) from now on; `named` where a person asked for it."""
    folder = _FOLDERS[language]
    _Speaker.language, _Speaker.named = language, named
    _Speaker.catalog = _catalog(language)
    # Click asks the default domain in the language that gettext reads from here.
    os.environ["LANGUAGE"] = folder
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)


def active() -> str:
    """The language in use, one of LANGUAGES."""
    return _Speaker.language


def named() -> bool:
    """Whether the language was asked for by name, and not taken from the locale."""
    return _Speaker.named


def is_named(explicit: str | None, environ: Mapping[str, str]) -> bool:
    """Whether `explicit` or CHAMP_LANG names a language."""
    return bool(explicit or environ.get(VARIABLES[0]))


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
