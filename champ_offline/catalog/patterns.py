"""Patterns of a form: regular expressions whose cost is bounded, whoever wrote them.

Python's `re` tries one way after the other: `^(a+)+$` keeps it busy for years over a few dozen
characters. Here all ways are followed at once (Thompson, “Regular expression search algorithm”,
1968).

Invariant: looking through a text takes no more than its length times the size of the program, both
bounded. The syntax is what JSON Schema 2020-12 (core, section 6.4) asks authors to keep to, with
escapes, and means what it means in ECMA-262 with the flag `u`; other patterns are refused. Classes
such as \\d are ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

_LONGEST_PATTERN = 2000
# A form's texts are names, addresses, at most a certificate.
LONGEST_TEXT = 10_000
_MOST_STEPS = 4000
_DEEPEST = 32
_SYNTAX = frozenset("^$\\.*+?()[]{}|")
_ESCAPED = _SYNTAX | {"/", "-"}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")
_COUNT = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}")
_TIMES: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}

Ranges: TypeAlias = tuple[tuple[int, int], ...]
_LAST = 0x10FFFF
_CLASSES: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
}
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))


class NotAPattern(ValueError):
    """The text is no pattern that a form may have."""


@dataclass(frozen=True)
class _One:
    """A character in one of the ranges."""

    ranges: Ranges


@dataclass(frozen=True)
class _Edge:
    """`^` or `$`."""

    end: bool


@dataclass(frozen=True)
class _Row:
    """One node after the other."""

    nodes: tuple[_Node, ...]


@dataclass(frozen=True)
class _Either:
    """One of the nodes."""

    nodes: tuple[_Node, ...]


@dataclass(frozen=True)
class _Repeat:
    """A node, `least` to `most` times; None: without end."""

    node: _Node
    least: int
    most: int | None


_Node: TypeAlias = _One | _Edge | _Row | _Either | _Repeat


class Pattern:
    """A pattern ready to be looked for. Raises NotAPattern."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST_PATTERN:
            raise NotAPattern("it is too long")
        self._program = _Program()
        self._program.add(_Reader(text).whole())

    def is_in(self, text: str) -> bool:
        """Whether it matches anywhere in `text`; never in more than LONGEST_TEXT characters."""
        if len(text) > LONGEST_TEXT:
            return False
        states: set[int] = set()
        for place, character in enumerate(text):
            states = self._program.reached({0, *states}, begin=place == 0, end=False)
            if self._program.size in states:
                return True
            states = self._program.after(states, ord(character))
        last = self._program.reached({0, *states}, begin=not text, end=True)
        return self._program.size in last


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    """The pattern; raises NotAPattern."""
    return Pattern(text)


@dataclass
class _Program:
    """Steps by number; having come to `size`, the number behind the last one, is a match.

    A step is a character to be taken, an edge to be at, or the steps to go on with.
    """

    steps: list[_One | _Edge | list[int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.steps)

    def add(self, node: _Node) -> None:
        """Add the steps of a node; having been through it is to be behind them."""
        match node:
            case _Row(nodes):
                for one in nodes:
                    self.add(one)
            case _Either(nodes):
                self._add_either(nodes)
            case _Repeat():
                self._add_repeat(node)
            case _:
                self._step(node)

    def reached(self, states: set[int], *, begin: bool, end: bool) -> set[int]:
        """The states and all that follow on them without a character."""
        waiting, found = list(states), set(states)
        while waiting:
            number = waiting.pop()
            step = self.steps[number] if number < self.size else None
            onward: list[int] = step if isinstance(step, list) else []
            if isinstance(step, _Edge) and (end if step.end else begin):
                onward = [number + 1]
            fresh = [one for one in onward if one not in found]
            found.update(fresh)
            waiting += fresh
        return found

    def after(self, states: set[int], code: int) -> set[int]:
        """The states after a character."""
        found = set()
        for number in states:
            step = self.steps[number]
            if isinstance(step, _One) and any(low <= code <= high for low, high in step.ranges):
                found.add(number + 1)
        return found

    def _step(self, step: _One | _Edge | list[int]) -> None:
        if len(self.steps) == _MOST_STEPS:
            raise NotAPattern("it takes too many steps")
        self.steps.append(step)

    def _add_either(self, nodes: tuple[_Node, ...]) -> None:
        ways: list[int] = []
        ends: list[list[int]] = []
        self._step(ways)
        for node in nodes:
            ways.append(self.size)
            self.add(node)
            end: list[int] = []
            self._step(end)
            ends.append(end)
        for end in ends:
            end.append(self.size)

    def _add_repeat(self, node: _Repeat) -> None:
        for _ in range(node.least):
            before = self.size
            self.add(node.node)
            if self.size == before:
                return
        if node.most is None:
            ways: list[int] = [self.size + 1]
            place = self.size
            self._step(ways)
            self.add(node.node)
            self._step([place])
            ways.append(self.size)
            return
        skips: list[list[int]] = []
        for _ in range(node.most - node.least):
            skips.append([self.size + 1])
            self._step(skips[-1])
            self.add(node.node)
        for skip in skips:
            skip.append(self.size)


class _Reader:
    """Reads a pattern's text from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def whole(self) -> _Node:
        node = self._either()
        if self._at < len(self._text):
            raise NotAPattern("a bracket is closed that was not opened")
        return node

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> bool:
        found = bool(wanted) and self._text.startswith(wanted, self._at)
        self._at += len(wanted) if found else 0
        return found

    def _either(self) -> _Node:
        nodes = [self._row()]
        while self._take("|"):
            nodes.append(self._row())
        return nodes[0] if len(nodes) == 1 else _Either(tuple(nodes))

    def _row(self) -> _Node:
        nodes: list[_Node] = []
        while self._next() not in {"", "|", ")"}:
            nodes.append(self._repeated(self._atom()))
        return _Row(tuple(nodes))

    def _repeated(self, node: _Node) -> _Node:
        times = _TIMES.get(self._next())
        count = _COUNT.match(self._text, self._at)
        if times:
            self._at += 1
        elif count:
            self._at = count.end()
            least = int(count[1])
            times = least, int(count[3]) if count[3] else None if count[2] else least
        else:
            return node
        self._take("?")
        least, most = times
        if isinstance(node, _Edge) or (most is not None and most < least):
            raise NotAPattern("a repetition does not make sense")
        return _Repeat(node, least, most)

    def _atom(self) -> _Node:
        character = self._next()
        if character == "\\":
            return _One(self._escape(in_class=False))
        self._at += 1
        match character:
            case "(":
                return self._group()
            case "[":
                return _One(self._class())
            case ".":
                return _One(_without(_LINE_ENDS))
            case "^" | "$":
                return _Edge(end=character == "$")
        if character in _SYNTAX:
            raise NotAPattern(f"“{character}” stands where it means nothing")
        return _One(((ord(character), ord(character)),))

    def _group(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST or (self._next() == "?" and not self._take("?:")):
            raise NotAPattern("a group is of a kind that is not accepted")
        node = self._either()
        if not self._take(")"):
            raise NotAPattern("a group is not closed")
        self._depth -= 1
        return node

    def _class(self) -> Ranges:
        negated = self._take("^")
        found: list[tuple[int, int]] = []
        while not self._take("]"):
            first = self._in_class()
            if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                found.append(_range(first, self._in_class()))
            else:
                found += first
        return _without(tuple(found)) if negated else tuple(found)

    def _in_class(self) -> Ranges:
        character = self._next()
        if not character:
            raise NotAPattern("a class is not closed")
        if character == "\\":
            return self._escape(in_class=True)
        self._at += 1
        return ((ord(character), ord(character)),)

    def _escape(self, *, in_class: bool) -> Ranges:
        self._at += 1
        character = self._next()
        code = _CODE.match(self._text, self._at)
        if code:
            self._at = code.end()
            value = int(code[1] or code[2] or code[3], 16)
            return ((value, value),)
        self._at += 1
        if character.lower() in _CLASSES and character:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else _without(ranges)
        plain = _CONTROLS.get(character, character if character in _ESCAPED else "")
        if not plain or (character == "-" and not in_class):
            raise NotAPattern(f"“\\{character}” is not accepted")
        return ((ord(plain), ord(plain)),)


def _range(first: Ranges, last: Ranges) -> tuple[int, int]:
    (low, one), (other, high) = first[0], last[-1]
    if len(first) > 1 or len(last) > 1 or low != one or other != high or low > high:
        raise NotAPattern("a class has a range that is none")
    return low, high


def _without(ranges: Ranges) -> Ranges:
    found, begin = [], 0
    for low, high in sorted(ranges):
        if begin < low:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    return (*found, (begin, _LAST)) if begin <= _LAST else tuple(found)
