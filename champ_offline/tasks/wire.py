"""Events and errors as JSON, and back as what they were (FORMAT.md).

Invariant: `event_of(document(event)) == event` as far as people can see: an error comes back in its
own class, so that each reader has it in their own language.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from champ_offline.errors import Bytes, ChampError, ExitCode, Phrase, Phrases, Quoted, Said, Several
from champ_offline.events import (
    Cause,
    Estimate,
    Event,
    FaultFound,
    ObjectState,
    Progress,
    StepFinished,
    StepStarted,
    as_document,
)

_EVENTS: Final = {
    kind.__name__: kind
    for kind in (StepStarted, Progress, StepFinished, ObjectState, Cause, FaultFound, Estimate)
}
# Where classes of errors are looked for: a file names its module, and no other is ever loaded.
_OURS: Final = ("champ_offline.", "installer.")


class ErrorTold(ChampError):
    """An error of a class that this release does not have: its words, as they were said."""

    id = "task.error-told"
    exit_code = ExitCode.INTERNAL
    message = "{message} ({told})"
    remedy = "{remedy} (Said by another release of champ.)"


def document(event: Event) -> dict[str, Any]:
    """The event with its type under "event"."""
    error = {"error": error_document(event.error)} if isinstance(event, Cause) else {}
    return {**as_document(event), **error}


def event_of(told: Mapping[str, Any]) -> Event | None:
    """What `document` was given; None for a type that this release does not have."""
    kind = _EVENTS.get(told["event"])
    if kind is None:
        return None
    given = {field.name: told[field.name] for field in fields(kind) if field.name in told}
    if kind is Cause:
        given["error"] = error_of(given["error"])
        given["log"] = tuple(given.get("log", ()))
    return kind(**given)


def error_document(error: ChampError) -> dict[str, Any]:
    """The error with its class, its English words and its fields."""
    return {
        "module": type(error).__module__,
        "kind": type(error).__qualname__,
        "id": error.id,
        "exit_code": int(error.exit_code),
        "message": str(error),
        "remedy": error.advice,
        "fields": {name: _field(value) for name, value in error.fields.items()},
    }


def error_of(told: Mapping[str, Any]) -> ChampError:
    """What `error_document` was given, or its words alone where its class is not known here."""
    given = {name: _value(field) for name, field in told["fields"].items()}
    kind = _class(told["module"], told["kind"])
    if kind is not None and kind.id == told["id"]:
        error = kind(**given)
        if _can_be_said(error):
            return error
    return _only_told(told)


def _can_be_said(error: ChampError) -> bool:
    """Whether its sentences find their fields: another release may know other ones."""
    try:
        return bool(str(error) and error.advice)
    except (KeyError, IndexError, ValueError):
        return False


def _only_told(told: Mapping[str, Any]) -> ErrorTold:
    message, remedy = str(told["message"]), str(told["remedy"])
    return ErrorTold(told=str(told["id"]), message=message, remedy=remedy)


def _class(module: str, name: str) -> type[ChampError] | None:
    if not module.startswith(_OURS):
        return None
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return None
    return found if isinstance(found, type) and issubclass(found, ChampError) else None


def _field(value: object) -> Any:  # noqa: ANN401 - the shape of JSON
    match value:
        case Bytes():
            return {"kind": "bytes", "bytes": int(value)}
        case Quoted() | Said() | Phrase():
            return _text(value)
        case Phrases():
            return {"kind": "phrases", "phrases": [_text(one) for one in value]}
        case Several():
            return {"kind": "several", "errors": [error_document(one) for one in value]}
        case ChampError():
            return {"kind": "error", "error": error_document(value)}
        case tuple() | list():
            return [_field(one) for one in value]
        case None | bool() | int() | float():
            return value
    return str(value)


def _text(value: Quoted | Said | Phrase) -> dict[str, Any]:
    match value:
        case Quoted():
            return {"kind": "quoted", "text": str(value)}
        case Said():
            return {"kind": "said", "texts": dict(value.texts)}
    inner = {name: _field(one) for name, one in value.fields.items()}
    return {"kind": "phrase", "template": value.template, "fields": inner}


def _value(field: Any) -> Any:  # noqa: ANN401 - the shape of JSON
    if isinstance(field, list):
        return tuple(map(_value, field))
    if not isinstance(field, dict):
        return field
    match field["kind"]:
        case "bytes":
            return Bytes(field["bytes"])
        case "said":
            return Said(field["texts"])
        case "phrase":
            inner = {name: _value(one) for name, one in field["fields"].items()}
            return Phrase(field["template"], **inner)
        case "quoted":
            return Quoted(field["text"])
        case "phrases":
            return Phrases(map(_value, field["phrases"]))
        case "several":
            return Several(error_of(one) for one in field["errors"])
    return error_of(field["error"])
