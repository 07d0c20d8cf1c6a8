"""The form's fields as a tree, and as a screen shows them in one language.

Invariant: built only from a checked schema and checked hints (`schema.Checker`); every field of
`then` carries the condition under which it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.catalog.entry import said


@dataclass(frozen=True)
class Condition:
    """Holds when each named sibling has one of its values (`tests`: name, allowed values)."""

    tests: tuple[tuple[str, tuple[object, ...]], ...]

    def holds(self, siblings: Mapping[str, object]) -> bool:
        """Whether it holds in the table in which the field stands."""
        return all(
            name in siblings and any(_same(siblings[name], value) for value in allowed)
            for name, allowed in self.tests
        )

    def __str__(self) -> str:
        return ", ".join(
            f"{name}: {' | '.join(json.dumps(v, ensure_ascii=False) for v in allowed)}"
            for name, allowed in self.tests
        )


@dataclass(frozen=True)
class FormField:
    """A field in one language.

    `path` is `dicom.port`, or `users[].name` below the entries of a list. `items` are the fields of
    a table, or for a list its one entry (whose own `items` are the columns of a list of tables).
    `minimum` and `maximum` bound a number, `shortest` and `longest` a text's characters or a list's
    entries. `generate` is the length of a secret that is made when none is given; 0: never.
    `condition` looks at the fields beside this one.
    """

    path: str
    type: str
    title: str
    help: str
    placeholder: str
    widget: str
    default: object
    enum: tuple[object, ...]
    pattern: str
    minimum: float | None
    maximum: float | None
    shortest: int | None
    longest: int | None
    required: bool
    secret: bool
    generate: int
    items: tuple[FormField, ...]
    condition: Condition | None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Element:
    """A field without a language; `children` as `FormField.items`."""

    name: str
    path: str
    schema: Mapping[str, Any] = field(hash=False)
    hints: Mapping[str, Any] = field(hash=False)
    required: bool
    condition: Condition | None
    children: tuple[Element, ...]

    @property
    def kind(self) -> str:
        """The JSON Schema type."""
        return str(self.schema["type"])

    @property
    def secret(self) -> bool:
        """Whether its value is never shown."""
        return self.hints.get("ui:widget") == "password"

    @property
    def generate(self) -> int:
        """The length of the secret to make; 0: none."""
        return int(self.hints.get("ui:options", {}).get("generate", 0))

    @property
    def key(self) -> str:
        """In a list of tables: the field by which an entry is known again; else empty."""
        for child in self.children[0].children if self.kind == "array" else ():
            if child.required and child.kind == "string" and not child.secret:
                return child.name
        return ""

    def walk(self) -> Iterator[Element]:
        """This field and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def shown(self, language: str) -> FormField:
        """The field for a screen."""
        schema, hints = self.schema, self.hints
        return FormField(
            path=self.path,
            type=self.kind,
            title=said(hints.get("ui:title", {}), language) or schema.get("title", self.name),
            help=said(hints.get("ui:help", {}), language) or schema.get("description", ""),
            placeholder=said(hints.get("ui:placeholder", {}), language),
            widget=hints.get("ui:widget", ""),
            default=schema.get("default"),
            enum=tuple(schema.get("enum", ())),
            pattern=schema.get("pattern", ""),
            minimum=schema.get("minimum"),
            maximum=schema.get("maximum"),
            shortest=schema.get("minLength", schema.get("minItems")),
            longest=schema.get("maxLength", schema.get("maxItems")),
            required=self.required,
            secret=self.secret,
            generate=self.generate,
            items=tuple(child.shown(language) for child in self.children),
            condition=self.condition,
        )


def build(schema: Mapping[str, Any], hints: Mapping[str, Any]) -> Element:
    """The tree of a checked form."""
    return _element("", "", schema, hints, required=True, condition=None)


def _element(
    name: str,
    path: str,
    schema: Mapping[str, Any],
    hints: Mapping[str, Any],
    *,
    required: bool,
    condition: Condition | None,
) -> Element:
    if schema["type"] == "array":
        inner = _element(
            f"{name}[]", f"{path}[]", schema["items"], hints.get("items", {}),
            required=True, condition=None,
        )  # fmt: skip
        children: tuple[Element, ...] = (inner,)
    else:
        children = tuple(_children(path, schema, hints))
    return Element(name, path, schema, hints, required, condition, children)


def _children(path: str, schema: Mapping[str, Any], hints: Mapping[str, Any]) -> list[Element]:
    then = schema.get("then", {})
    condition = _condition(schema.get("if", {}))
    rows: list[tuple[str, Mapping[str, Any], bool, Condition | None]] = []
    for table, when in ((schema, None), (then, condition)):
        needed = frozenset(table.get("required", []))
        rows += [(n, s, n in needed, when) for n, s in table.get("properties", {}).items()]
    places = _places(hints.get("ui:order", ["*"]), [row[0] for row in rows])
    found = [
        _element(
            name,
            f"{path}.{name}" if path else name,
            child,
            hints.get(name, {}),
            required=required,
            condition=when,
        )
        for name, child, required, when in rows
    ]
    return sorted(found, key=lambda element: places[element.name])


def _places(wanted: list[str], names: list[str]) -> dict[str, tuple[int, int]]:
    """RJSF's `ui:order`: "*" stands for all that are not named; without it they come last."""
    named: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(wanted):
        named.setdefault(name, (number, 0))
    star, _ = named.get("*", (len(wanted), 0))
    return {name: named.get(name, (star, number)) for number, name in enumerate(names)}


def _condition(test: Mapping[str, Any]) -> Condition:
    return Condition(
        tuple(
            (name, tuple(comparison.get("enum", [comparison.get("const")])))
            for name, comparison in test.get("properties", {}).items()
        )
    )


def _same(one: object, other: object) -> bool:
    """JSON's equality: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
