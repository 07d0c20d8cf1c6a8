"""Every form in which a secret may stand in a text, taken out of it.

Invariant: text that went through holds no secret of at least SHORTEST characters, neither plain nor
in base64 (at any of its three alignments, alone or inside something longer), nor escaped as in JSON
or URLs, nor in hexadecimal digits; `leaks` looks again at what is about to be written.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from champ_offline.release.masks import HIDDEN

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

    def leaks(self, data: bytes) -> bool:
        """Whether `data` holds a secret all the same; shorter ones are found in any figure."""
        return self._long.search(data.decode(errors="replace")) is not None


def _either(forms: set[str]) -> re.Pattern[str]:
    # Longest first: a secret may be a part of another one.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, ordered)) or r"(?!)")


def _pieces(secret: str) -> set[str]:
    lines = {line.strip() for line in secret.splitlines()}
    long = {line for line in lines if len(line) >= _SHORTEST_LINE}
    return {piece for piece in (secret.strip(), *long) if len(piece) >= SHORTEST}


def _forms(piece: str) -> set[str]:
    data = piece.encode()
    escaped = {json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1]}
    found = {piece, *escaped, quote(piece), quote(piece, safe=""), quote_plus(piece)}
    found |= {data.hex(), data.hex().upper()} if len(piece) >= _SHORTEST_LINE else set()
    for coded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        found.add(coded.decode())
    return found | _inner(data)


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
