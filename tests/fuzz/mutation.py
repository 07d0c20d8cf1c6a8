"""Changing JSON as values, so that inputs get behind “it is not canonical”.

Invariant: the same input and the same Random give the same output.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from tests.fuzz.target import Mutator

PART = b"\0"
"""Parts the parts of an input; JSON, YAML and PEM texts have no such byte."""

Encode = Callable[[Any], str]
Place = tuple[Any, Any]

_DEEP = 80
_TEXTS = (
    "", " ", "\0", "\n", "a" * 300, "a" * 3000, "../x", "/", "\ud800", "\u202e", "é", "０", "٣",
    "sha256:", "sha256:" + "0" * 64, "SHA256:" + "F" * 64, "1", "-1", "1e400", "null", "{}", "%s",
    "{0}", "{where}", "NaN", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "$ref", "*",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 2, 511, 512, 513, 9999, 10000, 2**31, 2**32, 8**11 - 1, 8**11, 2**53, 2**63, 2**64,
    10**18, 10**30, 10**400, -(10**30), 0.5, -0.0, 1e308, 1e-320, 1.0,
)  # fmt: skip


def compact(value: Any) -> str:
    """As documents of ours are written (`oci.manifest.encode`)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def indented(value: Any) -> str:
    """As TUF documents are written on media (trust/FORMAT.md, "Bytes on media")."""
    return json.dumps(value, sort_keys=True, separators=(",", ": "), indent=1)


def json_mutator(encode: Encode = compact) -> Mutator:
    """Changes the values of one part that is JSON; bytes are changed every fourth time."""

    def mutate(data: bytes, random: Random) -> bytes | None:
        parts = data.split(PART)
        number = random.randrange(len(parts))
        value = _parsed(parts[number])
        if value is None or random.random() < 0.25:
            return None
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            value = _changed(value, random)
        parts[number] = encode(value).encode("utf-8", "surrogatepass")
        return PART.join(parts)

    return mutate


def _parsed(data: bytes) -> Any:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and not _too_deep(value, _DEEP) else None


def _too_deep(value: Any, room: int) -> bool:
    children = _children(value)
    return room == 0 or any(_too_deep(child, room - 1) for child in children)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _changed(value: Any, random: Random) -> Any:
    found = deepcopy(value)
    places = _places(found)
    if not places:
        return _other(found, random)
    holder, key = random.choice(places)
    # Later changes of the same round may find what an earlier one made.
    action = random.randrange(8)
    if action == 0:
        del holder[key]
    elif action == 1:
        _repeat(holder, key, random)
    elif action == 2:
        other, there = random.choice(places)
        holder[key] = deepcopy(other[there]) if there in _keys(other) else None
    elif action == 3:
        holder[key] = _nested(holder[key], random)
    else:
        holder[key] = _other(holder[key], random)
    return found


def _places(value: Any) -> list[Place]:
    waiting, found = [value], []
    while waiting:
        holder = waiting.pop()
        found += [(holder, key) for key in _keys(holder)]
        waiting += _children(holder)
    return found


def _keys(holder: Any) -> list[Any]:
    if isinstance(holder, dict):
        return list(holder)
    return list(range(len(holder))) if isinstance(holder, list) else []


def _repeat(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, list):
        holder.insert(random.randrange(len(holder) + 1), deepcopy(holder[key]))
    else:
        holder[_text(key, random)] = deepcopy(holder[key])


def _nested(value: Any, random: Random) -> Any:
    for _ in range(random.choice((1, 1, 2, 70))):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


def _other(value: Any, random: Random) -> Any:
    if random.random() < 0.3:
        return random.choice((None, True, False, [], {}, *_TEXTS, *_NUMBERS))
    if isinstance(value, str):
        return _text(value, random)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, value * 2, -value, *_NUMBERS))
    return random.choice((*_TEXTS, *_NUMBERS))


def _text(text: str, random: Random) -> str:
    at = random.randrange(len(text) + 1)
    inserted = random.choice(
        (*_TEXTS, chr(random.randrange(32, 127)), chr(random.randrange(0x3000)))
    )
    match random.randrange(4):
        case 0:
            return text[:at] + inserted + text[at:]
        case 1:
            return text[:at] + inserted + text[at + 1 :]
        case 2:
            return text[:at] + text[at + 1 :]
    return inserted
