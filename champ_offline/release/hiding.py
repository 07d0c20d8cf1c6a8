"""Every form in which a secret may stand in a text, taken out of it.

Invariant: text that went through holds no secret of at least SHORTEST characters, neither plain nor
in base64 (at any of its three alignments, alone or inside something longer), nor escaped as JSON,
URLs, HTML, shells, SQL and programming languages have it, once or twice, nor in hexadecimal digits;
`leaks` looks again at what is about to be written.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

HIDDEN = "(hidden)"
# Shorter texts would be found in half the words of a plan, and are no secrets.
SHORTEST = 4
# A shorter piece of base64 stands for too little to be told from other text.
_SHORTEST_CODED = 7
_SHORTEST_LINE = 8


class Hiding:
    """Hides the given texts, and their longer lines: a file in a Secret may be shown in parts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        plain = {piece for secret in secrets for piece in _pieces(secret)}
        forms = {form for piece in plain for form in _forms(piece)}
        self._any = _either(forms)
        self._long = _either({form for form in forms if len(form) >= _SHORTEST_LINE})

    def text(self, text: str) -> str:
        """`text` with each secret replaced."""
        return self._any.sub(HIDDEN, text)

    def lines(self, lines: Sequence[str]) -> list[str]:
        """As many lines with each secret replaced, also one that stands on several of them."""

        def same_lines(found: re.Match[str]) -> str:
            return HIDDEN + f"\n{HIDDEN}" * found[0].count("\n")

        return self._any.sub(same_lines, "\n".join(lines)).split("\n") if lines else []

    def leaks(self, data: bytes) -> bool:
        """Whether `data` holds a secret all the same; shorter ones are found in any figure."""
        return self._long.search(data.decode(errors="replace")) is not None


def _either(forms: set[str]) -> re.Pattern[str]:
    """Any of the forms, the longest of those that stand at a place.

    They are told apart by their first SHORTEST characters, one after the other: side by side, ten
    thousand forms would each be tried at every place of a text.
    """
    return re.compile(_branches(forms, 0)) if forms else re.compile(r"(?!)")


def _branches(forms: Iterable[str], depth: int) -> str:
    """What of the forms, which begin alike, follows their first `depth` characters."""
    if depth == SHORTEST:
        # Longest first: a secret may be a part of another one.
        rest = sorted({form[depth:] for form in forms}, key=lambda form: (-len(form), form))
        parts = [re.escape(one) for one in rest]
    else:
        by_sign: dict[str, list[str]] = {}
        for form in forms:
            by_sign.setdefault(form[depth], []).append(form)
        parts = [
            re.escape(sign) + _branches(group, depth + 1) for sign, group in sorted(by_sign.items())
        ]
    return f"(?:{'|'.join(parts)})"


def _pieces(secret: str) -> set[str]:
    lines = {line.strip() for line in secret.splitlines()}
    long = {line for line in lines if len(line) >= _SHORTEST_LINE}
    return {piece for piece in (secret.strip(), *long) if len(piece) >= SHORTEST}


def _forms(piece: str) -> set[str]:
    data = piece.encode()
    once = _escaped(piece)
    found = once | {twice for form in once for twice in _in_json(form)} | _percent(piece)
    if len(piece) >= _SHORTEST_LINE:
        digits = {data.hex(), data.hex(" "), data.hex(":")}
        found |= digits | {one.upper() for one in digits}
    for coded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        found.add(coded.decode())
    return found | _inner(data)


def _escaped(piece: str) -> set[str]:
    """The text itself, and as it stands between the quotes of some language."""
    quoted = {piece.replace("'", form) for form in ("''", "\\'", "'\"'\"'", "'\\''")}
    doubled = piece.replace("\\", "\\\\")
    pages = {html.escape(piece), html.escape(piece, quote=False)}
    languages = {doubled, doubled.replace("'", "\\'"), doubled.replace('"', '\\"')}
    return {piece, repr(piece)[1:-1], *quoted, *pages, *languages, *_in_json(piece)}


def _in_json(text: str) -> set[str]:
    """As encoders of several languages put it into a JSON string (RFC 8259, section 7)."""
    plain = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    signs = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&"})
    return {
        form
        for one in plain
        for safe in (one, one.translate(signs))
        for form in (safe, safe.replace("/", "\\/"))
    }


def _percent(piece: str) -> set[str]:
    """As parts of URLs, however much an encoder escapes (RFC 3986, section 2.1)."""
    every = re.sub(rb"[^0-9A-Za-z]", lambda sign: b"%%%02X" % ord(sign[0]), piece.encode()).decode()
    found = {quote(piece), quote(piece, safe=""), quote_plus(piece), every}
    return found | {re.sub("%..", lambda code: code[0].lower(), one) for one in found}


def _inner(data: bytes) -> set[str]:
    """What of the base64 of something longer depends on `data` alone (RFC 4648, section 4)."""
    found = set()
    for lead in range(3):
        coded = base64.b64encode(bytes(lead) + data).decode()
        # The first characters hold bits of what stands before, the last ones of what follows.
        begin = (lead * 8 + 5) // 6
        end = (lead + len(data)) * 8 // 6
        inner = coded[begin:end]
        if len(inner) >= _SHORTEST_CODED:
            found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found
