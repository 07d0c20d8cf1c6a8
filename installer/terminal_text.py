"""Text as a terminal shows it: columns taken by wide characters, and nothing that drives it.

Invariant: what came from media, a network or a file cannot move the cursor, change colours or turn
the direction of writing: such characters are shown as their escapes.
"""

from __future__ import annotations

import unicodedata

_WIDE = frozenset("WF")
_NO_COLUMN = frozenset({"Mn", "Me"})
# Controls, formats (bidirectional overrides, zero-width), lone surrogates, line separators.
_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""`text` with each control or format character as an escape such as `\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def printable_lines(text: str) -> str:
    """As `printable`, for a text of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))


def width(text: str) -> int:
    """Terminal columns that `text` takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """`text` with spaces up to `columns`; aligned right where asked."""
    spaces = " " * max(0, columns - width(text))
    return spaces + text if right else text + spaces


def fit(text: str, columns: int) -> str:
    """`text` cut to `columns`, its last column an ellipsis where something was cut."""
    if width(text) <= columns:
        return text
    kept, room = [], columns - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _shown(character: str) -> str:
    if unicodedata.category(character) in _DANGEROUS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
