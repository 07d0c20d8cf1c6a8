"""How texts are drawn: as they are, or with ASCII characters where others are drawn too wide.

Terminals disagree on how many columns some characters take (those of East Asian Width "A": box
lines, bullets, arrows, an ellipsis, curled quotation marks). Invariant: in the ASCII look none of
them is drawn, but for letters and digits of texts that come from outside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from installer.decided import NAMED, DecidedBy

# Consoles and serial lines: no font but their own, and no answer to be trusted.
_BARE = re.compile(r"(?:linux|dumb|unknown|ansi|cons25|vt\d.*|)$")


class Look(StrEnum):
    """The two looks, as they are named on the command line."""

    ASCII = "ascii"
    RICH = "rich"


class _Chosen:
    """Process-wide, as the language is; None until something decided."""

    look: Look | None = None
    by = DecidedBy.DEFAULT


# Where there is room for more than one column: before anything is laid out.
_SPELLED = str.maketrans(
    {
        "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "—": "-", "–": "-", "·": "-",
        "•": "*", "●": "*", "○": "o", "→": "->", "←": "<-", "↔": "<->", "↑": "^", "↓": "v",
        "⇒": "=>", "✓": "+", "✗": "x", "×": "x", "÷": "/", "±": "+/-", "≤": "<=", "≥": ">=",
        "≠": "!=", "°": " deg", "§": "par. ", "µ": "u", "²": "2", "³": "3", "½": "1/2",
    }
)  # fmt: skip
# Where each has exactly one column: on a line that is laid out already.
_ONE = {
    "“": '"', "”": '"', "‘": "'", "’": "'", "…": "~", "—": "-", "–": "-", "·": "-", "•": "*",
    "●": "*", "○": "o", "×": "x", "÷": "/", "±": "+", "≤": "<", "≥": ">", "≠": "!", "°": "o",
    "→": ">", "←": "<", "↑": "^", "↓": "v", "▶": ">", "◀": "<", "▲": "^", "▼": "v", "✓": "+",
    "✔": "+", "✗": "x", "☐": " ", "☑": "x", "‥": ":", "′": "'", "″": '"', "−": "-",
}  # fmt: skip
_ACROSS = frozenset("─━┄┅┈┉╌╍═╴╶╸╺╼╾")
_DOWN = frozenset("│┃┆┇┊┋╎╏║╵╷╹╻╽╿")
_EMPTY = frozenset("░")
# Arrows; box lines; blocks; shapes; braille.
_DRAWING = (
    (0x2190, 0x21FF), (0x2500, 0x257F), (0x2580, 0x259F), (0x25A0, 0x25FF), (0x2800, 0x28FF),
    (0x1FB00, 0x1FBFF),
)  # fmt: skip


def is_bare(environ: Mapping[str, str]) -> bool:
    """Whether TERM names the Linux console or a serial line, which show no Chinese."""
    return _BARE.match(environ.get("TERM", "")) is not None


def activate(look: Look | None, by: DecidedBy = DecidedBy.DEFAULT) -> None:
    """Draw so from now on, as `by` decided; None leaves it open again."""
    _Chosen.look, _Chosen.by = look, by


def active() -> Look | None:
    """The look in use, None as long as nothing decided."""
    return _Chosen.look


def decided_by() -> DecidedBy:
    """Who chose the look in use."""
    return _Chosen.by


def named() -> bool:
    """Whether it was asked for in this session: neither measured nor one that was kept."""
    return _Chosen.look is not None and _Chosen.by in NAMED


def in_ascii() -> bool:
    """Whether the ASCII look was chosen."""
    return _Chosen.look is Look.ASCII


def spelled(text: str) -> str:
    """A text of our own as the look draws it; it may become longer."""
    return text.translate(_SPELLED) if in_ascii() and not text.isascii() else text


def one_column(text: str) -> str:
    """A line that is laid out, in ASCII characters of the same columns; letters stay."""
    if text.isascii():
        return text
    return "".join(_sign(one) * _columns(one) if needs_sign(one) else one for one in text)


def needs_sign(character: str) -> bool:
    """Whether terminals disagree on its columns, or fonts lack it, and it is no letter or digit."""
    if character.isascii():
        return False
    if any(first <= ord(character) <= last for first, last in _DRAWING):
        return True
    known = character in _ONE or unicodedata.east_asian_width(character) == "A"
    return known and unicodedata.category(character)[0] not in "LMN"


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _sign(character: str) -> str:
    found = _ONE.get(character)
    if found is not None:
        return found
    if character in _ACROSS:
        return "-"
    if character in _DOWN:
        return "|"
    if character in _EMPTY:
        return "."
    point = ord(character)
    if 0x2500 <= point <= 0x257F:
        return "+"
    return "#" if 0x2580 <= point <= 0x25FF else "?"
