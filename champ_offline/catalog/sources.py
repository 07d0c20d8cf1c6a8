"""Where each value of a form comes from: the app, last time, chance, or whoever types.

Invariant: pure; told is what `Form.complete` does with the same answers. No secret is told, only
where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from champ_offline.catalog.fields import FormField
from champ_offline.catalog.form import Form


class Source(StrEnum):
    """DEFAULT is the app's own, EARLIER an answer of last time, KEPT a secret of last time.

    MADE is generated, TYPED was given by a person just now, NONE by nobody yet.
    """

    DEFAULT = "default"
    EARLIER = "last time"
    KEPT = "kept"
    MADE = "made"
    TYPED = "typed"
    NONE = "none"


@dataclass(frozen=True)
class Filled:
    """A field's value, None where there is none or it is a secret, and where it comes from."""

    value: object
    source: Source


def filled(
    form: Form, language: str, earlier: Mapping[str, Any] | None = None
) -> dict[str, Filled]:
    """Each field that is no table by its path, as completing `earlier` answers fills it in."""
    given = without_secrets(form, earlier or {})
    start = form.defaults(given)
    return {
        field.path: _filled(field, start, given, earlier or {})
        for field in leaves(form.fields(language))
        if field.condition is None or field.condition.holds(_table(start, field.path))
    }


def leaves(fields: tuple[FormField, ...]) -> Iterator[FormField]:
    """The fields in which values are given, those of tables in their place."""
    for field in fields:
        if field.type == "object":
            yield from leaves(field.items)
        else:
            yield field


def unanswered(field: FormField, *, kept: bool) -> Source:
    """Where the value of a field comes from that is left empty; `kept` where it had a secret."""
    if field.secret:
        if kept:
            return Source.KEPT
        return Source.MADE if field.generate else Source.NONE
    return Source.NONE if field.default is None else Source.DEFAULT


def present(answers: object, path: str) -> bool:
    """Whether something is answered at a path such as `dicom.port`."""
    table = _table(answers, path)
    return path.rpartition(".")[2] in table


def without_secrets(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to start from where secrets are kept without being shown."""
    found: dict[str, Any] = _open(form, answers, "")
    return found


def _filled(
    field: FormField,
    start: Mapping[str, Any],
    given: Mapping[str, Any],
    earlier: Mapping[str, Any],
) -> Filled:
    if field.secret:
        return Filled(None, unanswered(field, kept=present(earlier, field.path)))
    value = _table(start, field.path).get(field.name)
    if present(given, field.path):
        return Filled(value, Source.EARLIER)
    return Filled(value, Source.DEFAULT if present(start, field.path) else Source.NONE)


def _table(answers: object, path: str) -> Mapping[str, Any]:
    """The table in which the field at `path` stands; an empty one where there is none."""
    for name in path.split(".")[:-1]:
        answers = answers.get(name) if isinstance(answers, Mapping) else None
    return answers if isinstance(answers, Mapping) else {}


def _open(form: Form, value: Any, path: str) -> Any:  # noqa: ANN401 (the shape of answers)
    if isinstance(value, Mapping):
        inner = {name: f"{path}.{name}" if path else str(name) for name in value}
        return {
            name: _open(form, one, inner[name])
            for name, one in value.items()
            if not form.is_secret(inner[name])
        }
    if isinstance(value, list):
        return [_open(form, one, f"{path}[]") for one in value]
    return value
