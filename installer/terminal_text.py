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


def wrapped(text: str, columns: int) -> list[str]:
    """`text` on as many lines as it takes, broken at spaces or between wide characters.

    What has no such place within `columns` is broken anyway; lines after the first are set in.
    """
    lines, rest, lead = [], text, ""
    while width(lead + rest) > columns:
        room, end, place = columns - width(lead), 0, 0
        while (room := room - _columns(rest[end])) >= 0:
            end += 1
            if rest[end - 1] == " " or _columns(rest[end - 1]) == 2:
                place = end
        cut = place or max(1, end)
        lines.append((lead + rest[:cut]).rstrip())
        rest, lead = rest[cut:].lstrip(), "    "
    return [*lines, lead + rest]


def _shown(character: str) -> str:
    if unicodedata.category(character) in _DANGEROUS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def folded(text: str, columns: int, *, first: str = "", rest: str = "") -> list[str]:
    """`text` as lines of at most `columns`, the first begun with `first`, others with `rest`.

    A line ends between words or before a wide character; a word too long for a line is cut.
    """
    lines, line, empty = [], first, True
    for atom in _atoms(text):
        piece = atom.lstrip(" ") if empty else atom
        while not empty and width(line) + width(piece.rstrip(" ")) > columns:
            lines.append(line.rstrip())
            line, empty, piece = rest, True, piece.lstrip(" ")
        while width(line) + width(piece) > columns:
            cut = _cut(piece, columns - width(line))
            lines.append(line + piece[:cut])
            line, piece = rest, piece[cut:]
        line += piece
        empty = empty and not piece
    return [*lines, line.rstrip()]


def _atoms(text: str) -> list[str]:
    """Words with the space before them, and wide characters with the closing ones after them."""
    found: list[str] = []
    for character in text:
        joins = bool(found) and character != " " and not _breaks(found[-1], character)
        if joins:
            found[-1] += character
        else:
            found.append(character)
    return found


def _breaks(before: str, character: str) -> bool:
    """Whether a line may end between what went before and a character that is no space."""
    if _columns(character) == 2:
        return unicodedata.category(character) not in {"Po", "Pe"}
    return _columns(before[-1]) == 2 and unicodedata.category(character) not in {"Po", "Pe"}


def _cut(text: str, columns: int) -> int:
    """How many characters of `text` fit; at least one."""
    room, count = columns, 0
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        count += 1
    return max(1, count)
