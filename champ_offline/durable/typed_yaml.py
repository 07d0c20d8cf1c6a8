"""YAML that a person types, read with the line of every value; errors name file, line and key.

Invariant: what comes out are plain scalars, lists and text-keyed tables of bounded size and depth;
duplicate keys, aliases (so no expansion bombs), tags and more than one document are refused.

Use:

    root = typed_yaml.read(path).table("format", "name", "timezone", "images")  # unknown: refused
    root["format"].integer(1, 1)                 # a key that must be there: MissingKey if not
    name = root["name"].text(NAME_PATTERN, "a name such as orthanc")
    zone = root.get("timezone", "Etc/UTC").text()            # a default, checked like a value
    for image in root.get("images", []).items():             # list of nodes
        row = image.table("name", "source")
        if row["source"].text() not in KNOWN:
            raise row["source"].refuse("a source that is known")     # WrongValue, at its line
    for version, node in root["versions"].entries():         # a table with free keys
        ...

    read(path, limit=1 MiB) -> Node       FileUnreadable, NotYaml, TooLarge, DuplicateKey
    parse(data, file, limit) -> Node      the same for bytes; `file` only stands in errors
    Node.table(*known) -> Table           UnknownKey, WrongValue
    Node.strangers(*known)                an UnknownKey for each, to be raised by the caller
    Node.entries() -> list[(str, Node)]   Node.items() -> list[Node]     Node.texts() -> list[str]
    Node.text(pattern, expected) -> str   Node.choice(*allowed) -> str
    Node.integer(lowest, highest) -> int  Node.boolean() -> bool
    Node.plain() -> object                None, bool, int, float, str, list, dict, all the way down
    Node.refuse(expected, **fields) -> WrongValue   to be raised by the caller; fields fill in the
                                          words of `expected`, which are translated
    Table[key] -> Node (MissingKey)       Table.get(key, default) -> Node    key in Table

Scalars follow YAML 1.2's core schema (section 10.3.2), not 1.1: `no`, `on`, `22:30` and
`2026-01-01` are text. Stricter than it: numbers with a leading zero (0755) or of more than 18
digits stay text, so a telephone area code or a record number never loses a digit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from champ_offline.durable import yaml_problem
from champ_offline.errors import ChampError, ExitCode, Phrase, system_said

Scalar: TypeAlias = bool | int | float | str | None
_Content: TypeAlias = "Scalar | list[Node] | dict[str, Node]"

LIMIT = 1024 * 1024
DEEPEST = 32
_SHOWN = 60
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]+([eE][-+]?[0-9]+)?|(?<=[0-9])[eE][-+]?[0-9]+)")
_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class FileUnreadable(ChampError):
    """The file is not there, or this user may not read it."""

    id = "yaml.file-unreadable"
    exit_code = ExitCode.NOT_FOUND
    message = "{file} cannot be read: {reason}."
    remedy = "Check the path and the file's permissions."


class TooLarge(ChampError):
    """The file is larger than any such document may be."""

    id = "yaml.too-large"
    exit_code = ExitCode.USAGE
    message = "{file} has more than {limit} bytes."
    remedy = "Check that this is the file you meant."


class NotYaml(ChampError):
    """The text is not YAML, or uses a part of YAML that is not accepted here."""

    id = "yaml.not-yaml"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}: {reason}."
    remedy = (
        "Correct the line; YAML is indented with spaces, and aliases and tags are not accepted."
    )


class DuplicateKey(ChampError):
    """A table has one key twice; which of the two was meant cannot be known."""

    id = "yaml.duplicate-key"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}: “{key}” stands here a second time."
    remedy = "Keep one of the two."


class UnknownKey(ChampError):
    """A table has a key that means nothing there."""

    id = "yaml.unknown-key"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}: “{key}” is not known here."
    remedy = "Known here: {known}."


class MissingKey(ChampError):
    """A table lacks a key that it must have."""

    id = "yaml.missing-key"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}: “{key}” is missing."
    remedy = "Add it."


class WrongValue(ChampError):
    """A value is of another type or form than its key needs."""

    id = "yaml.wrong-value"
    exit_code = ExitCode.USAGE
    message = "{file}, line {line}, “{key}”: {expected} is expected, found {found}."
    remedy = "Correct the value."


@dataclass(frozen=True)
class Node:
    """One value with its place; `key` is its path from the top, such as `images[0].name`."""

    file: str
    line: int
    key: str
    content: _Content

    def refuse(self, expected: str, /, **fields: object) -> WrongValue:
        """The error that this value is not `expected`, a phrase's template; to be raised."""
        wanted, key = Phrase(expected, **fields), self.key or Phrase("the whole document")
        return WrongValue(
            file=self.file, line=self.line, key=key, expected=wanted, found=self._shown()
        )

    def table(self, *known: str) -> Table:
        """The value as a table with no other keys than `known`; raises UnknownKey, WrongValue."""
        for stranger in self.strangers(*known):
            raise stranger
        return Table(self, dict(self.entries()))

    def strangers(self, *known: str) -> Iterator[UnknownKey]:
        """An error for each key of the table that is none of `known`; raises WrongValue."""
        for name, node in self.entries():
            if name not in known:
                yield UnknownKey(
                    file=self.file, line=node.line, key=node.key, known=", ".join(known)
                )

    def entries(self) -> list[tuple[str, Node]]:
        """The value as a table with free keys, in document order; raises WrongValue."""
        if not isinstance(self.content, dict):
            raise self.refuse("a table (key: value)")
        return list(self.content.items())

    def items(self) -> list[Node]:
        """The value as a list; raises WrongValue."""
        if not isinstance(self.content, list):
            raise self.refuse("a list")
        return list(self.content)

    def texts(self, pattern: re.Pattern[str] | None = None, expected: str = "text") -> list[str]:
        """The value as a list of texts; raises WrongValue."""
        return [item.text(pattern, expected) for item in self.items()]

    def text(self, pattern: re.Pattern[str] | None = None, expected: str = "text") -> str:
        """The value as text that matches `pattern` in full; raises WrongValue."""
        if not isinstance(self.content, str):
            quoted = isinstance(self.content, (bool, int, float))
            if quoted:
                raise self.refuse("{expected} (in quotes)", expected=Phrase(expected))
            raise self.refuse(expected)
        if pattern is not None and pattern.fullmatch(self.content) is None:
            raise self.refuse(expected)
        return self.content

    def choice(self, *allowed: str) -> str:
        """The value as one of the allowed texts; raises WrongValue."""
        if self.content not in allowed:
            raise self.refuse("one of {choices}", choices=", ".join(allowed))
        return self.text()

    def integer(self, lowest: int, highest: int) -> int:
        """The value as a whole number within both limits, included; raises WrongValue."""
        value = self.content
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            if lowest == highest:
                raise self.refuse("exactly {value}", value=lowest)
            raise self.refuse(
                "a whole number from {lowest} to {highest}", lowest=lowest, highest=highest
            )
        return value

    def boolean(self) -> bool:
        """The value as true or false; raises WrongValue."""
        if not isinstance(self.content, bool):
            raise self.refuse("true or false")
        return self.content

    def plain(self) -> object:
        """The value with everything in it as plain Python objects."""
        if isinstance(self.content, dict):
            return {name: node.plain() for name, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content

    def _shown(self) -> str:
        if isinstance(self.content, (dict, list)):
            return Phrase("a table") if isinstance(self.content, dict) else Phrase("a list")
        if isinstance(self.content, str):
            return f"“{self.content[:_SHOWN]}”"
        return Phrase("nothing") if self.content is None else str(self.content).lower()


@dataclass(frozen=True)
class Table:
    """The rows of a table whose keys have been checked."""

    node: Node
    rows: dict[str, Node]

    def __getitem__(self, key: str) -> Node:
        """The value of a key that must be there; raises MissingKey."""
        if key not in self.rows:
            raise MissingKey(file=self.node.file, line=self.node.line, key=_join(self.node, key))
        return self.rows[key]

    def get(self, key: str, default: Scalar | Sequence[str] | dict[str, str]) -> Node:
        """The value of a key, or a node with the default at the table's own line."""
        return self.rows.get(key) or _wrap(self.node, _join(self.node, key), default)

    def __contains__(self, key: str) -> bool:
        return key in self.rows


def read(path: Path, limit: int = LIMIT) -> Node:
    """Read a file; raises FileUnreadable, TooLarge, NotYaml, DuplicateKey."""
    return parse(content(path, limit), str(path), limit)


def content(path: Path, limit: int = LIMIT) -> bytes:
    """The bytes of a file, one more than `limit` at most; raises FileUnreadable."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise FileUnreadable(file=path, reason=system_said(error)) from error


def parse(data: bytes, file: str, limit: int = LIMIT) -> Node:
    """Read bytes; `file` names them in errors. Raises TooLarge, NotYaml, DuplicateKey."""
    if len(data) > limit:
        raise TooLarge(file=file, limit=limit)
    try:
        return _Composer(file, data).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise NotYaml(file=file, line=line, reason=yaml_problem.told(error.problem)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NotYaml(
            file=file, line=1, reason=Phrase("it holds bytes that are not text")
        ) from error


class _Composer:
    """Builds nodes from PyYAML's events; its own composer and constructor know no limits."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        # The bytes are decoded here: PyYAML would also take UTF-16, which nobody types by intent.
        text = data.decode("utf-8-sig")
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def document(self) -> Node:
        next(self.events)  # the start of the stream
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(self.file, 1, "", None)
        node = self.node(next(self.events), "", 0)
        next(self.events)  # the end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self.refused(event, "a second document starts here")
        return node

    def node(self, event: yaml.Event, key: str, depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refused(event, "anchors and aliases are not accepted")
        if getattr(event, "tag", None):
            raise self.refused(event, "tags are not accepted")
        if depth > DEEPEST:
            raise self.refused(event, "values are nested deeper than {levels} levels")
        if isinstance(event, yaml.ScalarEvent):
            content: _Content = _scalar(event.value) if event.implicit[0] else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            content = self.sequence(key, depth)
        else:
            content = self.mapping(key, depth)
        return Node(self.file, line, key, content)

    def sequence(self, key: str, depth: int) -> list[Node]:
        found: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.node(event, f"{key}[{len(found)}]", depth + 1))
        return found

    def mapping(self, key: str, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self.node(event, key, depth + 1).content
            if not isinstance(name, str):
                raise self.refused(event, "a key that is not text must be written in quotes")
            path, line = f"{key}.{name}" if key else name, _line(event)
            if name in found:
                raise DuplicateKey(file=self.file, line=line, key=path)
            value = self.node(next(self.events), path, depth + 1)
            # A value's place is its key's line: that is where a person looks.
            found[name] = Node(self.file, line, path, value.content)
        return found

    def refused(self, event: yaml.Event, reason: str) -> NotYaml:
        told = Phrase(reason, levels=DEEPEST)
        return NotYaml(file=self.file, line=_line(event), reason=told)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _join(parent: Node, key: str) -> str:
    return f"{parent.key}.{key}" if parent.key else key


def _wrap(parent: Node, key: str, value: Scalar | Sequence[str] | dict[str, str]) -> Node:
    content: _Content
    if isinstance(value, dict):
        content = {k: Node(parent.file, parent.line, f"{key}.{k}", v) for k, v in value.items()}
    elif isinstance(value, Sequence) and not isinstance(value, str):
        content = [Node(parent.file, parent.line, key, item) for item in value]
    else:
        content = value
    return Node(parent.file, parent.line, key, content)
