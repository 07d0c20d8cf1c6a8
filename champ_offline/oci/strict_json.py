"""JSON from media, read so that no two readers could take it for different things (RFC 8259, 9).

Invariant: what is returned came from UTF-8 without a byte order mark, names no key of an object
twice, has only finite numbers and whole characters, is at most 64 levels deep and holds at most two
million values: bytes cost memory in proportion, whoever wrote them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from champ_offline.errors import ChampError, Phrase, Reason, Unfit

MOST_VALUES = 2_000_000
_DEEPEST = 64
_SHOWN = 100
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotStrict(Unfit):
    """The bytes are no such JSON."""


def bounded(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """The document of another tool, read as leniently as `json` does, but bounded; as `parse`."""
    return _loaded(data, {})


def parse(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """The document in `data`; raises NotStrict."""
    strict = {"object_pairs_hook": _once, "parse_constant": _refuse, "parse_float": _finite}
    document = _loaded(data, strict)
    if _SURROGATE.search(data):
        _encoded(document)
    return document


def canonical(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """As `parse`, for documents of ours: these bytes and no others say so (`manifest.encode`)."""
    document = parse(data)
    if _encoded(document) != data:
        raise NotStrict(Phrase("it is not canonical"))
    return document


def wrong_in(error: Exception) -> Reason:
    """What reading a document met, as the end of a sentence, without a full stop.

    `error` is what `parse` raises, or what came of taking apart a document of another form.
    """
    match error:
        case KeyError():
            return Phrase("it lacks “{key}”", key=str(error.args[0])[:_SHOWN])
        case UnicodeError() | json.JSONDecodeError():
            return Phrase("it is not JSON in UTF-8")
        case Unfit():
            return error.reason
        case ChampError():
            return error
    return Phrase("it is not of the form that it should have")


def _encoded(document: object) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeError as error:
        raise NotStrict(Phrase("it has halves of characters")) from error


def _loaded(data: bytes, hooks: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if sum(map(data.count, (b"{", b"[", b","))) > MOST_VALUES:
        raise NotStrict(Phrase("it has too many values"))
    try:
        document = json.loads(data.decode(), **hooks)
    except RecursionError as error:
        raise NotStrict(Phrase("it is nested too deeply")) from error
    except UnicodeError as error:
        raise NotStrict(Phrase("it is not text in UTF-8")) from error
    except json.JSONDecodeError as error:
        raise NotStrict(
            Phrase("it is not JSON, from byte {offset} on", offset=error.pos)
        ) from error
    except NotStrict:
        raise
    except ValueError as error:
        raise NotStrict(Phrase("it has a number that is too long")) from error
    _refuse_deep(document)
    return document


def _refuse_deep(document: object) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise NotStrict(Phrase("it is nested too deeply"))
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else _items(node))
            if isinstance(child, dict | list)
        ]


def _items(node: object) -> list[Any]:
    return node if isinstance(node, list) else []


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotStrict(Phrase("it names a key twice"))
    return found


def _refuse(_constant: str) -> None:
    raise NotStrict(Phrase("it has a number that is none"))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrict(Phrase("it has a number that is too large"))
    return number
