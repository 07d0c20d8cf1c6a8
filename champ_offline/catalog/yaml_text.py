"""Plain values as YAML text that `typed_yaml` reads back as the same values.

Invariant: every text is a double-quoted scalar in which whatever YAML could take for syntax, a line
break or an unprintable character is escaped, so no value can become structure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
# YAML 1.2.2, production 1 (c-printable), without the line breaks of YAML 1.1 and the byte order
# mark. What JSON's own escapes leave and this takes lies in the basic plane.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def quoted(value: object) -> str:
    """`value` on one line, as JSON that is YAML too; raises TypeError, ValueError for no data."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def block(value: Mapping[str, object]) -> str:
    """A table in block style, keys sorted: equal values, equal text."""
    return "".join(f"{line}\n" for line in _lines(value)) or "{}\n"


def _lines(value: object) -> list[str]:
    if isinstance(value, Mapping) and value:
        found: list[str] = []
        for key in sorted(value):
            found += _under(f"{_key(str(key))}:", value[key])
        return found
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _item(item)]
    return [quoted(value)]


def _under(head: str, value: object) -> list[str]:
    lines = _lines(value)
    if _folds(value):
        return [head, *(f"  {line}" for line in lines)]
    return [f"{head} {lines[0]}"]


def _item(value: object) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _folds(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else quoted(key)
