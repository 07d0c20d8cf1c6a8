"""Frozen dataclasses as JSON and back: every field of exactly the type that its class declares.

Invariant: pure. A document that `typed` takes is the one that `plain` makes of the result: it lacks
no key, has none besides, and no text stands where a number should.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from champ_offline.errors import Phrase, Unfit
from champ_offline.oci.digest import Digest, InvalidDigest

# No count and no size of ours is negative, or beyond what other readers of JSON can hold.
_MOST = 2**53
_Value = TypeVar("_Value")


class NotTyped(Unfit):
    """A document is not one of its class; the text names the place."""


def plain(value: Any) -> Any:  # noqa: ANN401 - a value of any such class; JSON
    """The JSON of a value; a digest is its text, no digest the empty text."""
    if value is None:
        return ""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, Digest):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return {one.name: plain(getattr(value, one.name)) for one in fields(value)}


def typed(kind: type[_Value], document: object, place: str = "") -> _Value:
    """The value of class `kind` that `document` is; raises NotTyped."""
    found: _Value = _typed(kind, document, place)
    return found


def _typed(kind: Any, document: Any, place: str) -> Any:  # noqa: ANN401 - types and JSON
    origin = get_origin(kind)
    if origin is types.UnionType:  # the one union is `Digest | None`
        return None if document == "" else _digest(document, place)
    if origin is tuple:
        _expect(isinstance(document, list), place)
        inner = get_args(kind)[0]
        return tuple(_typed(inner, one, f"{place}[{n}]") for n, one in enumerate(document))
    if origin is Mapping:
        _expect(isinstance(document, dict), place)
        _expect(all(type(item) is str for item in document.values()), place)
        return dict(document)
    if kind is Digest:
        return _digest(document, place)
    if issubclass(kind, StrEnum):
        _expect(document in {one.value for one in kind} if type(document) is str else False, place)
        return kind(document)
    if is_dataclass(kind):
        return _object(kind, document, place)
    _expect(type(document) is kind, place)
    _expect(kind is not int or 0 <= document < _MOST, place)
    return document


def _object(kind: Any, document: Any, place: str) -> Any:  # noqa: ANN401 - types and JSON
    _expect(isinstance(document, dict), place)
    hints = _hints(kind)
    names = {one.name for one in fields(kind)}
    for name in sorted(names ^ document.keys()):
        key = _at(place, name)[:100]
        if name in names:
            raise NotTyped(Phrase("it lacks “{key}”", key=key))
        raise NotTyped(Phrase("it does not know “{key}”", key=key))
    return kind(**{name: _typed(hints[name], document[name], _at(place, name)) for name in names})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _digest(document: object, place: str) -> Digest:
    try:
        return Digest.parse(document)
    except InvalidDigest as error:
        raise NotTyped(Phrase("“{place}” is not a digest", place=place)) from error


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _expect(holds: bool, place: str) -> None:  # noqa: FBT001 - what is expected
    if not holds:
        raise NotTyped(
            Phrase("“{place}” is not of the form that it should have", place=place)
            if place
            else Phrase("it is not of the form that it should have")
        )
