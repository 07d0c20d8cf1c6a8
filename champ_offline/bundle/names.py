"""What bundles may be called: the characters that become names of files and of people's lists.

Invariant: a name or version that matches is at most 64 ASCII characters and one part of a path.
"""

from __future__ import annotations

import re

from champ_offline.errors import Phrase, Unfit

NAME = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:[.-][a-z0-9]+)*")
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}")
# Shown to people: of the controls only tabs and line ends; nothing that turns the writing around.
_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*")
_LONGEST = 2000


def format_number(found: object) -> int:
    """The number of a format; raises ValueError for what no release ever writes."""
    if type(found) is not int or not 1 <= found <= 10**6:
        raise Unfit(Phrase("its format is no number from 1 on"))
    return found


def text(found: object, pattern: re.Pattern[str] = _TEXT) -> str:
    """A text of at most 2,000 characters that matches; raises ValueError."""
    if not isinstance(found, str) or len(found) > _LONGEST or not pattern.fullmatch(found):
        raise Unfit(Phrase("a text is missing or wrong"))
    return found


def texts(found: object, pattern: re.Pattern[str] = _TEXT) -> tuple[str, ...]:
    """A list of such texts; raises ValueError."""
    if not isinstance(found, list):
        raise Unfit(Phrase("a list is missing"))
    return tuple(text(one, pattern) for one in found)
