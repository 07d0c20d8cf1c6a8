"""What is wrong with answers: jsonschema's findings in this product's words.

Invariant: nothing of jsonschema (exceptions, messages) leaves this module, the only one to import
it; no problem shows a secret. A problem's `expected` is one of EXPECTATIONS, its `found` is one of
FINDINGS or quotes what stands there: both are message ids, filled in after translation.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from champ_offline.catalog.patterns import NotAPattern, compiled

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

A_TABLE = "a table (key: value)"
A_LIST = "a list"
A_TEXT = "text"
A_WHOLE_NUMBER = "a whole number"
A_NUMBER = "a number"
YES_OR_NO = "true or false"
A_VALUE = "a value, which is required"
A_VALUE_WITH = "a value, which “{other}” requires"
ONE_OF = "one of {choices}"
EXACTLY = "exactly {value}"
OF_THE_FORM = "text of the form {pattern}"
AS_TOLD = "text as its help says ({help})"
CHARACTERS_OR_MORE = "{limit} or more characters"
CHARACTERS_OR_FEWER = "{limit} or fewer characters"
OR_MORE = "a number of {limit} or more"
OR_LESS = "a number of {limit} or less"
FROM_TO = "a number from {lowest} to {highest}"
ABOVE = "a number above {limit}"
BELOW = "a number below {limit}"
MULTIPLE_OF = "a multiple of {step}"
ENTRIES_OR_MORE = "{limit} or more entries"
ENTRIES_OR_FEWER = "{limit} or fewer entries"
ALL_DIFFERENT = "entries that all differ"
A_KNOWN_KEY = "one of the keys {known}"
NOTHING_UNLESS = "nothing, unless {condition}"
PRINTABLE = "text without control characters"
SHORT_NUMBER = "a number of at most 18 digits"
VALID = "a value that the form accepts"
EXPECTATIONS = (
    A_TABLE, A_LIST, A_TEXT, A_WHOLE_NUMBER, A_NUMBER, YES_OR_NO, A_VALUE, A_VALUE_WITH, ONE_OF,
    EXACTLY, OF_THE_FORM, AS_TOLD,
    CHARACTERS_OR_MORE, CHARACTERS_OR_FEWER, OR_MORE, OR_LESS, FROM_TO, ABOVE,
    BELOW, MULTIPLE_OF, ENTRIES_OR_MORE, ENTRIES_OR_FEWER, ALL_DIFFERENT, A_KNOWN_KEY,
    NOTHING_UNLESS, PRINTABLE, SHORT_NUMBER, VALID,
)  # fmt: skip

NOTHING = "nothing"
SOME_TABLE = "a table"
SOME_LIST = "a list"
HIDDEN = "a hidden value"
UNKNOWN_KEY = "an unknown key"
FINDINGS = (NOTHING, SOME_TABLE, SOME_LIST, HIDDEN, UNKNOWN_KEY)

MISSING = frozenset({A_VALUE, A_VALUE_WITH})
_SHOWN = 60
_TYPES = {
    "object": A_TABLE, "array": A_LIST, "string": A_TEXT, "integer": A_WHOLE_NUMBER,
    "number": A_NUMBER, "boolean": YES_OR_NO,
}  # fmt: skip
_LIMITS = {
    "minLength": CHARACTERS_OR_MORE, "maxLength": CHARACTERS_OR_FEWER, "minimum": OR_MORE,
    "maximum": OR_LESS, "exclusiveMinimum": ABOVE, "exclusiveMaximum": BELOW,
    "minItems": ENTRIES_OR_MORE, "maxItems": ENTRIES_OR_FEWER,
}  # fmt: skip


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong: `path` such as `users[0].name`, empty for the whole."""

    path: str
    expected: str
    fields: Mapping[str, object] = field(default_factory=dict, hash=False)
    found: str = NOTHING

    @property
    def expectation(self) -> str:
        """`expected` with its fields, in English."""
        return self.expected.format(**self.fields)

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.expectation} is expected, found {self.found}"


def shown(value: object) -> str:
    """A value as `found` shows it: one of FINDINGS, or the value itself, shortened."""
    if isinstance(value, dict | list):
        return SOME_TABLE if isinstance(value, dict) else SOME_LIST
    if isinstance(value, str):
        return f"“{value[:_SHOWN]}”"
    return NOTHING if value is None else str(value).lower()[:_SHOWN]


class Validator:
    """A schema ready to find problems; `broken` says whether the schema itself is one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._validator = _kind_of_validator()(schema)

    def broken(self) -> str:
        """Where the schema breaks JSON Schema's own rules or has a wrong pattern; else nothing."""
        from jsonschema import Draft202012Validator

        rules = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        for error in rules.iter_errors(self._schema):
            return path_of(error.absolute_path) or "/"
        return next(_broken_patterns(self._schema, ""), "")

    def problems(self, value: object) -> Iterator[FieldProblem]:
        """Every problem of a value but unknown keys, which `form` names one by one.

        Secrets are not yet hidden.
        """
        for error in self._validator.iter_errors(value):
            if error.validator != "additionalProperties":
                yield _translated(error)


def path_of(parts: Iterable[str | int]) -> str:
    """`users[0].name` of jsonschema's path."""
    text = ""
    for part in parts:
        text = f"{text}[{part}]" if isinstance(part, int) else f"{text}.{part}" if text else part
    return text


@cache
def _kind_of_validator() -> Any:  # noqa: ANN401 (the class is made at run time)
    from jsonschema import Draft202012Validator, TypeChecker
    from jsonschema.validators import extend

    def integer(_checker: TypeChecker, value: object) -> bool:
        # JSON Schema takes 8042.0 for an integer; a port written so would reach the chart.
        return isinstance(value, int) and not isinstance(value, bool)

    kinds = Draft202012Validator.TYPE_CHECKER.redefine("integer", integer)
    own = {
        "pattern": _pattern,
        "required": _required,
        "dependentRequired": _dependents,
        "uniqueItems": _unique,
    }
    return extend(Draft202012Validator, own, type_checker=kinds)  # type: ignore[no-untyped-call]


def _pattern(
    _validator: object, wanted: str, value: object, _schema: object
) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compiled(wanted).is_in(value):
        yield _error("pattern")


def _required(
    _validator: object, wanted: list[str], value: object, _schema: object
) -> Iterator[ValidationError]:
    for name in wanted:
        if isinstance(value, dict) and name not in value:
            yield _error("required", name)


def _dependents(
    _validator: object, wanted: dict[str, list[str]], value: object, _schema: object
) -> Iterator[ValidationError]:
    given = value if isinstance(value, dict) else {}
    for other in wanted.keys() & given.keys():
        for name in wanted[other]:
            if name not in given:
                yield _error(other, name)


def _unique(
    _validator: object,
    wanted: object,
    value: object,
    _schema: object,
) -> Iterator[ValidationError]:
    # jsonschema compares tables each with each, for minutes where there are thousands.
    if wanted and isinstance(value, list) and len(set(map(_identity, value))) < len(value):
        yield _error("uniqueItems")


def _identity(value: object) -> Hashable:
    """What equal JSON values have in common: 1 is 1.0, and true is not 1."""
    if isinstance(value, dict):
        return "table", frozenset((key, _identity(child)) for key, child in value.items())
    if isinstance(value, list):
        return "list", tuple(map(_identity, value))
    return type(value) if isinstance(value, bool | None) else "", value


def _error(message: str, *missing: str) -> ValidationError:
    """An error at the place of what is missing; jsonschema's own point at the table around it."""
    from jsonschema import ValidationError

    return ValidationError(message, path=missing)


def _broken_patterns(schema: object, place: str) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "pattern" and isinstance(value, str):
                try:
                    compiled(value)
                except NotAPattern:
                    yield f"{place}/pattern"
            yield from _broken_patterns(value, f"{place}/{key}")


def _translated(error: ValidationError) -> FieldProblem:
    path = path_of(error.absolute_path)
    if error.validator == "required":
        return FieldProblem(path, A_VALUE)
    if error.validator == "dependentRequired":
        return FieldProblem(path, A_VALUE_WITH, {"other": error.message})
    expected, fields = _expectation(str(error.validator), error.validator_value, error.schema)
    return FieldProblem(path, expected, fields, shown(error.instance))


def _expectation(keyword: str, wanted: Any, schema: Any) -> tuple[str, dict[str, object]]:  # noqa: ANN401
    match keyword:
        case "type":
            return _TYPES.get(str(wanted), VALID), {}
        case "enum":
            return ONE_OF, {"choices": ", ".join(_value(choice) for choice in wanted)}
        case "const":
            return EXACTLY, {"value": _value(wanted)}
        case "pattern":
            return OF_THE_FORM, {"pattern": wanted}
        case "multipleOf":
            return MULTIPLE_OF, {"step": wanted}
        case "uniqueItems":
            return ALL_DIFFERENT, {}
        case "minimum" | "maximum" if {"minimum", "maximum"} <= schema.keys():
            return FROM_TO, {"lowest": schema["minimum"], "highest": schema["maximum"]}
        case _ if keyword in _LIMITS:
            return _LIMITS[keyword], {"limit": wanted}
    return VALID, {}


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
