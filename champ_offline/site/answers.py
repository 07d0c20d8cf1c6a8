"""Answers of several places laid over each other.

Invariant: pure; every value keeps the file and line where it stands, and gets the key that it has
in the form.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node


def laid(parts: Iterable[Node], place: Node) -> Node:
    """Answers laid over each other: tables key by key, everything else whole.

    Keys are then as in an answers file, from the form's root; `place` is where they all belong.
    """
    found = Node(place.file, place.line, place.key, {})
    for part in parts:
        part.entries()
        found = _over(found, part)
    return _rooted(found, "")


def _over(under: Node, above: Node) -> Node:
    if not isinstance(under.content, dict) or not isinstance(above.content, dict):
        return above
    rows = dict(under.content)
    for name, node in above.content.items():
        rows[name] = _over(rows[name], node) if name in rows else node
    return Node(above.file, above.line, above.key, rows)


def _rooted(node: Node, key: str) -> Node:
    """The node with keys as they are in an answers file: from the form's root."""
    if isinstance(node.content, dict):
        rows = {n: _rooted(i, f"{key}.{n}" if key else n) for n, i in node.content.items()}
        return Node(node.file, node.line, key, rows)
    if isinstance(node.content, list):
        items = [_rooted(item, f"{key}[{index}]") for index, item in enumerate(node.content)]
        return Node(node.file, node.line, key, items)
    return Node(node.file, node.line, key, node.content)


def places(answers: Node) -> dict[str, str]:
    """The file and line of each answer, by its path in the form."""
    if isinstance(answers.content, dict):
        inner = map(places, answers.content.values())
        return {path: place for one in inner for path, place in one.items()}
    return {answers.key: f"{answers.file}:{answers.line}"}


def read_answers_file(named: Node, folder: Path) -> Node:
    """The file that an `answers_file` names; raises WrongValue, errors of `typed_yaml.read`."""
    found = typed_yaml.read(folder / named.text())
    return Node(found.file, found.line, found.key, found.content or {})
