"""An app's form: what it asks, what is filled in without asking, and what is wrong with answers.

Invariant: `complete` never changes an answer that was given; a secret is made once and afterwards
kept from the previous answers; no problem and no masked copy shows a secret. Answers that have no
problems hold only keys and types that the form knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

from champ_offline.catalog import problems as words
from champ_offline.catalog.fields import Element, FormField, build
from champ_offline.catalog.problems import EXPECTATIONS, FINDINGS, FieldProblem, Validator
from champ_offline.catalog.schema import Checker, FormUnusable
from champ_offline.errors import Phrase, Said

__all__ = ["EXPECTATIONS", "FINDINGS", "FieldProblem", "Form", "FormField", "FormUnusable"]

RandomText: TypeAlias = Callable[[int], str]
MASK = "********"
_MOST_DIGITS = 10**18
_INDEX = re.compile(r"\[[0-9]+\]")
# Tab, line feed and carriage return may stand in texts of several lines.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Form:
    """One app's form; `schema` and `hints` are its documents as JSON objects."""

    def __init__(self, schema: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
        """Take two documents that `from_bytes` has checked."""
        self.schema = schema
        self.hints = hints
        self._root = build(schema, hints)
        self._validator = Validator(schema)
        self._secrets = tuple(item.path for item in self._root.walk() if item.secret)
        self._helps = {item.path: _help(item) for item in self._root.walk()}

    @classmethod
    def from_bytes(cls, schema: bytes, hints: bytes, where: str) -> Form:
        """Read form.schema.json and form.json; `where` names them. Raises FormUnusable."""
        checker = Checker(where)
        found, shown = checker.load(schema, "schema"), checker.load(hints, "hints")
        if place := Validator(found).broken():
            checker.unfit(place, Phrase("JSON Schema 2020-12 is not kept"))
        checker.form(found, shown)
        form = cls(found, shown)
        for element in form._root.walk():
            for problem in form._default_problems(element):
                checker.unfit(
                    element.path, Phrase("the default does not fit: {problem}", problem=problem)
                )
        return form

    def fields(self, language: str) -> tuple[FormField, ...]:
        """The fields in the order of the screen, texts in `language` ("en", "zh")."""
        return tuple(child.shown(language) for child in self._root.children)

    def defaults(self, answers: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is filled in when nothing is answered, or `answers` alone; no secret is made."""
        return dict(_filled(self._root, answers or {}, None, None))

    def complete(
        self,
        answers: Mapping[str, Any],
        previous: Mapping[str, Any] | None,
        random_text: RandomText,
    ) -> dict[str, Any]:
        """The answers with defaults, and with secrets kept from `previous` or made.

        Entries of a list of tables are known again by their first required text field, else by
        their place. `random_text(n)` gives n random characters, letters and digits. Wrong answers
        stay as they are; `problems` tells them.
        """
        found: dict[str, Any] = _filled(self._root, answers, previous, random_text)
        return found

    def problems(self, answers: object) -> tuple[FieldProblem, ...]:
        """All that is wrong, one problem for each place; empty when the answers can be used."""
        found: dict[str, FieldProblem] = {}
        for problem in (*_walk_problems(self._root, answers, ""), *self._schema_problems(answers)):
            found.setdefault(problem.path, problem)
        return tuple(self._hidden(problem) for problem in found.values())

    def secrets(self) -> tuple[str, ...]:
        """The paths of all secrets, such as `users[].password`."""
        return self._secrets

    def is_secret(self, path: str) -> bool:
        """Whether a path such as `users[0].password` is a secret's."""
        return _INDEX.sub("[]", path) in self._secrets

    def masked(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """A copy to be shown: secrets, and whatever the form does not know, as MASK."""
        found: dict[str, Any] = _masked(self._root, answers)
        return found

    def _schema_problems(self, answers: object) -> list[FieldProblem]:
        """The schema's problems; of several in one place the one that says most comes first."""
        found = [self._in_words(problem) for problem in self._validator.problems(answers)]
        choices = {words.ONE_OF, words.EXACTLY}
        return sorted(found, key=lambda p: 0 if p.expected in choices else 2 if p.fields else 1)

    def _in_words(self, problem: FieldProblem) -> FieldProblem:
        """The problem with the form's own words where they say better than a pattern what fits."""
        told = self._helps.get(_INDEX.sub("[]", problem.path))
        if problem.expected != words.OF_THE_FORM or told is None:
            return problem
        return FieldProblem(problem.path, words.AS_TOLD, {"help": told}, problem.found)

    def _default_problems(self, element: Element) -> Iterator[FieldProblem]:
        if "default" not in element.schema:
            return
        value = element.schema["default"]
        # What is generated, or has a default of its own, need not stand in the default.
        whole = _filled(element, deepcopy(value), None, "x".__mul__)
        yield from _walk_problems(element, value, element.path)
        for problem in Validator(element.schema).problems(whole):
            inner = f"{element.path}.{problem.path}" if problem.path else element.path
            if not self.is_secret(inner.replace(".[", "[")):
                yield problem

    def _hidden(self, problem: FieldProblem) -> FieldProblem:
        """The problem without what stands at, above or below the place of a secret."""
        if problem.found in FINDINGS:
            return problem
        place = _INDEX.sub("[]", problem.path)
        if any(_related(place, secret) for secret in self._secrets):
            return FieldProblem(problem.path, problem.expected, problem.fields, words.HIDDEN)
        return problem


def _help(element: Element) -> Said | None:
    texts = element.hints.get("ui:help")
    if not texts:
        return None
    return Said({language: str(text).rstrip(".。") for language, text in texts.items()})


def _related(place: str, secret: str) -> bool:
    short, long = sorted((place, secret), key=len)
    return not short or long == short or long.startswith((f"{short}.", f"{short}[]"))


def _filled(element: Element, value: Any, previous: Any, random_text: RandomText | None) -> Any:  # noqa: ANN401
    if element.kind == "array" and isinstance(value, list):
        earlier = _earlier(element, value, previous)
        item = element.children[0]
        return [_filled(item, v, p, random_text) for v, p in zip(value, earlier, strict=True)]
    if element.kind != "object" or not isinstance(value, Mapping):
        return value
    kept = previous if isinstance(previous, Mapping) else {}
    found: dict[str, Any] = {}
    # What conditions look at comes first.
    for child in sorted(element.children, key=lambda child: child.condition is not None):
        if child.name in value:
            old = kept.get(child.name)
            found[child.name] = _filled(child, value[child.name], old, random_text)
        elif child.condition is None or child.condition.holds(found):
            found |= _supplied(child, kept.get(child.name), random_text)
    return {**found, **{name: value[name] for name in value if name not in found}}


def _supplied(child: Element, previous: Any, random_text: RandomText | None) -> dict[str, Any]:  # noqa: ANN401
    """What stands for an answer that was not given, under its name; empty when nothing does."""
    if child.secret:
        if random_text is None:
            return {}
        if isinstance(previous, str):
            return {child.name: previous}
        return {child.name: random_text(child.generate)} if child.generate else {}
    if "default" in child.schema:
        default = deepcopy(child.schema["default"])
        return {child.name: _filled(child, default, previous, random_text)}
    if child.kind != "object":
        return {}
    inner = _filled(child, {}, previous, random_text)
    whole = inner and all(item.name in inner for item in child.children if _asked(item, inner))
    return {child.name: inner} if whole or child.required else {}


def _asked(item: Element, siblings: Mapping[str, Any]) -> bool:
    return item.required and (item.condition is None or item.condition.holds(siblings))


def _earlier(element: Element, value: list[Any], previous: Any) -> list[Any]:  # noqa: ANN401
    """For each entry of a list the previous entry that it continues, or None."""
    before = previous if isinstance(previous, list) else []
    if not element.key:
        return [before[i] if i < len(before) else None for i in range(len(value))]
    left = [entry for entry in before if isinstance(entry, Mapping)]
    found: list[Any] = []
    for entry in value:
        name = entry.get(element.key) if isinstance(entry, Mapping) else None
        match = next(
            (old for old in left if name is not None and old.get(element.key) == name), None
        )
        # Two entries of one name continue two previous ones, not one twice.
        left = [old for old in left if old is not match]
        found.append(match)
    return found


def _walk_problems(element: Element, value: object, path: str) -> Iterator[FieldProblem]:
    """What JSON Schema does not look at: unknown keys, fields not asked, odd characters."""
    if isinstance(value, str) and _CONTROL.search(value):
        yield FieldProblem(path, words.PRINTABLE, {}, words.shown(_CONTROL.sub("?", value)))
    elif isinstance(value, int | float) and not _short(value):
        yield FieldProblem(path, words.SHORT_NUMBER, {}, words.shown(value))
    elif isinstance(value, list) and element.kind == "array":
        for index, item in enumerate(value):
            yield from _walk_problems(element.children[0], item, f"{path}[{index}]")
    elif isinstance(value, Mapping) and element.kind == "object":
        yield from _table_problems(element, value, path)


def _table_problems(
    element: Element, table: Mapping[str, object], path: str
) -> Iterator[FieldProblem]:
    children = {child.name: child for child in element.children}
    known = ", ".join(children)
    for name, value in table.items():
        inner, child = f"{path}.{name}" if path else str(name), children.get(name)
        if child is None:
            yield FieldProblem(inner, words.A_KNOWN_KEY, {"known": known}, words.UNKNOWN_KEY)
        elif child.condition is not None and not child.condition.holds(table):
            fields = {"condition": str(child.condition)}
            yield FieldProblem(inner, words.NOTHING_UNLESS, fields, words.shown(value))
        else:
            yield from _walk_problems(child, value, inner)


def _short(value: float) -> bool:
    """Whether a number survives being written and read again (`typed_yaml`)."""
    return abs(value) < _MOST_DIGITS if isinstance(value, int) else math.isfinite(value)


def _masked(element: Element, value: Any) -> Any:  # noqa: ANN401
    if element.secret:
        return MASK
    if element.kind == "object" and isinstance(value, Mapping):
        children = {child.name: child for child in element.children}
        return {n: _masked(children[n], v) if n in children else MASK for n, v in value.items()}
    if element.kind == "array" and isinstance(value, list):
        return [_masked(element.children[0], item) for item in value]
    hides = any(item.secret for item in element.walk())
    return MASK if hides or isinstance(value, Mapping | list) else value
