"""Where each value of a form comes from: the app, the site, last time, chance, or whoever types.

Invariant: pure; told is what `Form.complete` does with the same answers. No secret is told, only
where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from champ_offline.catalog.fields import FormField
from champ_offline.catalog.form import Form


class Source(StrEnum):
    """DEFAULT is the app's own, EARLIER an answer of last time, KEPT a secret of last time.

    SITE is the document of the whole site, MADE is generated, TYPED was given by a person just
    now, NONE by nobody yet.
    """

    DEFAULT = "default"
    EARLIER = "last time"
    SITE = "site"
    KEPT = "kept"
    MADE = "made"
    TYPED = "typed"
    NONE = "none"


@dataclass(frozen=True)
class Filled:
    """A field's value, None where there is none or it is a secret, and where it comes from.

    `place` is the file and line where it stands, if it stands in one.
    """

    value: object
    source: Source
    place: str = ""


@dataclass(frozen=True)
class Given:
    """Answers that are there beforehand, secrets too: where they come from, and stand by path."""

    answers: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    source: Source = Source.EARLIER
    places: Mapping[str, str] = field(default_factory=dict, hash=False)


NOTHING_GIVEN = Given()


def filled(form: Form, language: str, given: Given = NOTHING_GIVEN) -> dict[str, Filled]:
    """Each field that is no table by its path, as completing what is given fills it in."""
    shown = without_secrets(form, given.answers)
    start = form.defaults(shown)
    return {
        one.path: _filled(one, start, shown, given)
        for one in leaves(form.fields(language))
        if one.condition is None or one.condition.holds(_table(start, one.path))
    }


def leaves(fields: tuple[FormField, ...]) -> Iterator[FormField]:
    """The fields in which values are given, those of tables in their place."""
    for one in fields:
        if one.type == "object":
            yield from leaves(one.items)
        else:
            yield one


def unanswered(asked: FormField, *, kept: bool) -> Source:
    """Where the value of a field comes from that is left empty; `kept` where it had a secret."""
    if asked.secret:
        if kept:
            return Source.KEPT
        return Source.MADE if asked.generate else Source.NONE
    return Source.NONE if asked.default is None else Source.DEFAULT


def present(answers: object, path: str) -> bool:
    """Whether something is answered at a path such as `dicom.port`."""
    table = _table(answers, path)
    return path.rpartition(".")[2] in table


def without_secrets(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to start from where secrets are kept without being shown."""
    found: dict[str, Any] = _open(form, answers, "")
    return found


def _filled(
    asked: FormField,
    start: Mapping[str, Any],
    shown: Mapping[str, Any],
    given: Given,
) -> Filled:
    place = given.places.get(asked.path, "")
    if asked.secret:
        kept = present(given.answers, asked.path)
        if kept and given.source is not Source.EARLIER:
            return Filled(None, given.source, place)
        return Filled(None, unanswered(asked, kept=kept))
    value = _table(start, asked.path).get(asked.name)
    if present(shown, asked.path):
        return Filled(value, given.source, place)
    return Filled(value, Source.DEFAULT if present(start, asked.path) else Source.NONE)


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
