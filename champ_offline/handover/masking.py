"""Takes the zone's secrets out of a report, whatever text of it they stand in.

Invariant: pure; every text goes through the mask but those whose grammar leaves a secret no room:
digests, hashes, fingerprints, heads of the chain and times. A short secret is found in many of
these by chance, and a report is kept for the sake of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from champ_offline.errors import ChampError, Phrase, Phrases, Quoted, Said, Several
from champ_offline.oci.digest import Digest

T = TypeVar("T")
_EXACT = re.compile(
    r"(?:sha256:|[0-9]{1,18}:)?[0-9a-f]{64}"
    r"|[0-9]{5}(?: [0-9]{5})+"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))?"
)


def masked(value: T, hide: Callable[[str], str]) -> T:
    """The value with `hide` applied to every text in it."""
    found: Any = _masked(value, hide)
    result: T = found
    return result


def _masked(value: Any, hide: Callable[[str], str]) -> Any:  # noqa: ANN401 - any value of a report
    match value:
        case Enum() | Digest() | None | int() | float() | datetime():
            return value
        case str():
            return _text(value, hide)
        case ChampError():
            return type(value)(**_fields(value.fields, hide))
        case Mapping():
            return {_masked(key, hide): _masked(item, hide) for key, item in value.items()}
        case Phrases() | Several():
            return type(value)(_masked(item, hide) for item in value)
        case tuple() | list():
            return tuple(_masked(item, hide) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _masked(getattr(value, one.name), hide) for one in fields(value)}
        )
    # A path, or what else an error may be about: as it is, unless its text holds a secret.
    text = str(value)
    return value if hide(text) == text else hide(text)


def _text(value: str, hide: Callable[[str], str]) -> str:
    """A text, which stays of its sort: words of ours, in several languages, of somebody else."""
    match value:
        case Phrase():
            return Phrase(value.template, **_fields(value.fields, hide))
        case Said():
            return Said({name: hide(text) for name, text in value.texts.items()})
        case Quoted():
            return Quoted(hide(value))
    return value if _EXACT.fullmatch(value) else hide(value)


def _fields(given: Mapping[str, object], hide: Callable[[str], str]) -> dict[str, Any]:
    """What fills a sentence of ours: its names are ours too."""
    return {name: _masked(one, hide) for name, one in given.items()}
