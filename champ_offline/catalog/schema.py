"""The form's two documents, read and held to the part of their vocabularies that a form may use.

Invariant: a checked schema is a tree of objects, arrays, texts, numbers and booleans of bounded
size without references (JSON Schema 2020-12, core and validation); its only conditions are
`if`/`then` over constants of sibling fields and `dependentRequired`. Hints (RJSF uiSchema) name
only fields that the schema has. A misspelt keyword is refused: it would otherwise be a check that
never happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from champ_offline.errors import ChampError, ExitCode, Phrase, Reason

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LIMIT = 256 * 1024
DEEPEST = 8
_DEEPEST_JSON = 64
# jsonschema compares the entries of some lists each with each.
_LONGEST_LIST = 1000
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean"})
WIDGETS = frozenset({"text", "textarea", "password", "select", "radio", "checkbox", "updown"})
_SHORTEST_SECRET, _LONGEST_SECRET = 12, 256
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_LONGEST_NAME = 64
_ANY = frozenset({"type", "title", "description", "default", "enum", "const", "$comment"})
_TOP = frozenset({"$schema", "$id"})
_NUMBER = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_ALLOWED: dict[str, frozenset[str]] = {
    "object": frozenset(
        {"properties", "required", "additionalProperties", "if", "then", "dependentRequired"}
    ),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"pattern", "minLength", "maxLength"}),
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": frozenset(),
}
_LANGUAGES = ("en", "zh")
_TEXT_HINTS = frozenset({"ui:title", "ui:help", "ui:placeholder", "ui:description"})
_OPTIONS = frozenset({"generate", "rows"})


class FormUnusable(ChampError):
    """A form's schema or hints go beyond what a form may hold, or contradict themselves."""

    id = "catalog.form-unusable"
    exit_code = ExitCode.PREFLIGHT
    message = "The form {where} cannot be used: at “{place}” {reason}."
    remedy = "Correct the form and pack the bundle again."


class Checker:
    """Walks both documents together; `where` names the form in errors."""

    def __init__(self, where: str) -> None:
        self.where = where

    def load(self, data: bytes, what: str) -> dict[str, Any]:
        """One document as a JSON object; raises FormUnusable."""
        if len(data) > LIMIT:
            self.unfit(what, Phrase("it has more than {limit} bytes", limit=LIMIT))
        try:
            document = json.loads(data, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise FormUnusable(
                where=self.where, place=what, reason=Phrase("it is not JSON")
            ) from error
        if not isinstance(document, dict):
            self.unfit(what, Phrase("it is not a JSON object"))
        if _depth(document) > _DEEPEST_JSON:
            self.unfit(
                what, Phrase("it is nested deeper than {levels} levels", levels=_DEEPEST_JSON)
            )
        if _longest(document) > _LONGEST_LIST:
            self.unfit(what, Phrase("a list has more than {limit} entries", limit=_LONGEST_LIST))
        return dict(document)

    def unfit(self, place: str, reason: Reason) -> NoReturn:
        """Raise FormUnusable for a place in the form."""
        raise FormUnusable(where=self.where, place=place[:200] or "/", reason=reason)

    def form(self, schema: dict[str, Any], hints: dict[str, Any]) -> None:
        """Check the whole form."""
        if schema.get("$schema", DIALECT) != DIALECT:
            self.unfit("$schema", Phrase("{dialect} is expected", dialect=DIALECT))
        if schema.get("type") != "object":
            self.unfit("", Phrase("an object is expected"))
        self.node({k: v for k, v in schema.items() if k not in _TOP}, hints, "", 0)

    def node(self, schema: object, hints: object, place: str, depth: int) -> None:
        """Check the schema and the hints of one field and all below it."""
        if not isinstance(schema, dict) or not isinstance(hints, dict):
            self.unfit(place, Phrase("an object is expected"))
        if depth > DEEPEST:
            self.unfit(
                place, Phrase("fields are nested deeper than {levels} levels", levels=DEEPEST)
            )
        kind = schema.get("type")
        if not isinstance(kind, str) or kind not in TYPES:
            self.unfit(
                place, Phrase("one type of {types} is expected", types=", ".join(sorted(TYPES)))
            )
        self.only(schema, _ANY | _ALLOWED[kind], place)
        self.hints(kind, schema, hints, place)
        if kind == "object":
            self.table(schema, hints, place, depth)
        elif kind == "array":
            self.node(schema.get("items"), hints.get("items", {}), f"{place}[]", depth + 1)
            if schema["items"]["type"] == "array":
                self.unfit(f"{place}[]", Phrase("a list of lists cannot be shown"))

    def only(self, found: Mapping[str, Any], allowed: frozenset[str], place: str) -> None:
        """Refuse keywords that mean nothing here."""
        for key in found:
            if key not in allowed:
                self.unfit(place, Phrase("“{key}” is not accepted", key=key[:60]))

    def table(self, schema: dict[str, Any], hints: dict[str, Any], place: str, depth: int) -> None:
        """Check a table's fields, its one condition, and its hints' names."""
        if schema.get("additionalProperties", False) is not False:
            self.unfit(place, Phrase("additionalProperties can only be false"))
        base = self.properties(schema, place)
        later = self.condition(schema, base, place)
        for name, child in {**later, **base}.items():
            inner = f"{place}.{name}" if place else name
            self.node(child, hints.get(name, {}), inner, depth + 1)
        names = {*base, *later}
        for name in hints:
            if not name.startswith("ui:") and name not in names:
                self.unfit(
                    place,
                    Phrase(
                        "hints name the field “{name}”, which the schema has not", name=name[:60]
                    ),
                )
        dependents = schema.get("dependentRequired", {})
        named = [*dependents, *(name for other in dependents.values() for name in other)]
        for name in [*hints.get("ui:order", []), *schema.get("required", []), *named]:
            if name not in names and name != "*":
                self.unfit(place, Phrase("“{name}” is not a field", name=name[:60]))

    def properties(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """The fields of a table."""
        found = schema.get("properties", {})
        if not isinstance(found, dict):
            self.unfit(place, Phrase("properties are not an object"))
        for name in found:
            if not name or len(name) > _LONGEST_NAME or not _NAME_CHARACTERS.issuperset(name):
                self.unfit(place, Phrase("a field's name has only letters, digits, “_” and “-”"))
        return dict(found)

    def condition(self, schema: dict[str, Any], base: dict[str, Any], place: str) -> dict[str, Any]:
        """Check `if` and `then`; the fields that only `then` declares."""
        if ("if" in schema) != ("then" in schema):
            self.unfit(place, Phrase("“if” and “then” go together"))
        if "if" not in schema:
            return {}
        test, then = schema["if"], schema["then"]
        if not isinstance(test, dict) or not isinstance(then, dict):
            self.unfit(place, Phrase("“if” and “then” are objects"))
        self.only(test, frozenset({"properties", "required"}), f"{place}/if")
        self.only(then, frozenset({"properties", "required"}), f"{place}/then")
        self.comparisons(test, base, place)
        later = self.properties(then, f"{place}/then")
        for name in later:
            if name in base:
                self.unfit(f"{place}/then", Phrase("“{name}” is declared twice", name=name))
        for name in then.get("required", []):
            if name not in later and name not in base:
                self.unfit(f"{place}/then", Phrase("“{name}” is not a field", name=str(name)[:60]))
        return later

    def comparisons(self, test: dict[str, Any], base: dict[str, Any], place: str) -> None:
        """Check what `if` compares: sibling fields, each with constants."""
        tests = self.properties(test, f"{place}/if")
        if not tests or set(test.get("required", [])) != set(tests):
            self.unfit(f"{place}/if", Phrase("“required” must name every field that is compared"))
        for name, comparison in tests.items():
            if name not in base or not isinstance(comparison, dict) or len(comparison) != 1:
                self.unfit(
                    f"{place}/if", Phrase("“{name}” must be compared by const or enum", name=name)
                )
            self.only(comparison, frozenset({"const", "enum"}), f"{place}/if/{name}")

    def hints(
        self, kind: str, schema: Mapping[str, Any], hints: Mapping[str, Any], place: str
    ) -> None:
        """Check the ui: keys of one field."""
        if hints.get("ui:widget") == "password" and (kind != "string" or "default" in schema):
            self.unfit(place, Phrase("a password is a string, and one that all sites know is none"))
        inner = {"object": None, "array": {"items"}}.get(kind, set())
        for key, value in hints.items():
            if key == "ui:options":
                self.options(value, schema, hints, place)
            elif key in _HINTS:
                fits, needs = _HINTS[key]
                if not fits(value):
                    self.unfit(place, Phrase("“{key}” {needs}", key=key, needs=needs))
            elif key.startswith("ui:") or (inner is not None and key not in inner):
                self.unfit(place, Phrase("the hint “{key}” is not known", key=key[:60]))

    def options(
        self, value: object, schema: Mapping[str, Any], hints: Mapping[str, Any], place: str
    ) -> None:
        """Check `ui:options`: `rows`, and for passwords the length to `generate`."""
        if not isinstance(value, dict):
            self.unfit(place, Phrase("“ui:options” is an object"))
        self.only(value, _OPTIONS, place)
        for number in value.values():
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                self.unfit(place, Phrase("“ui:options” hold whole numbers"))
        if "generate" not in value:
            return
        if hints.get("ui:widget") != "password":
            self.unfit(place, Phrase("only a password is generated"))
        lowest = max(_SHORTEST_SECRET, schema.get("minLength", 0))
        highest = min(_LONGEST_SECRET, schema.get("maxLength", _LONGEST_SECRET))
        if not lowest <= value["generate"] <= highest:
            self.unfit(
                place,
                Phrase(
                    "“generate” is a length from {lowest} to {highest}",
                    lowest=lowest,
                    highest=highest,
                ),
            )


def _texts(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == set(_LANGUAGES)
        and all(isinstance(text, str) for text in value.values())
    )


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _widget(value: object) -> bool:
    return isinstance(value, str) and value in WIDGETS


_HINTS: dict[str, tuple[Callable[[object], bool], Phrase]] = {
    **dict.fromkeys(_TEXT_HINTS, (_texts, Phrase("needs a text in en and in zh"))),
    "ui:order": (_names, Phrase("is a list of fields")),
    "ui:widget": (_widget, Phrase("is one of {widgets}", widgets=", ".join(sorted(WIDGETS)))),
}


def _depth(document: object) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    return depth


def _longest(document: object) -> int:
    """The entries of the longest list; at most _DEEPEST_JSON levels are walked."""
    if not isinstance(document, dict | list):
        return 0
    children = document.values() if isinstance(document, dict) else document
    own = len(document) if isinstance(document, list) else 0
    return max([own, *map(_longest, children)])


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
