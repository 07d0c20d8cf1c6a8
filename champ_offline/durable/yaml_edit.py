"""Change single values in YAML that a person typed; all its other characters stay.

Invariant: pure. Comments, order, indentation and line ends are kept: a value is exchanged in its
place, a key that is missing is put behind the last one of its table. What that makes of the whole
is for the caller to read again before it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeAlias

import yaml

from champ_offline.errors import ChampError, ExitCode

Path: TypeAlias = tuple[str, ...]
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class NotEditable(ChampError):
    """A value cannot be put into a text without changing more of it than that value."""

    id = "yaml.not-editable"
    exit_code = ExitCode.USAGE
    message = "Nothing was written: in {file} the value of “{key}” cannot be put near line {line}."
    remedy = "Change it there by hand; a list or a table over several lines is left to people."


def put(text: str, file: str, values: Mapping[Path, str]) -> str:
    """`text` with the value at each path (keys from the top) being that flow-style YAML.

    `text` is what `typed_yaml` reads; `file` names it in errors. Raises NotEditable.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits = [_edit(text, file, root, path, value) for path, value in values.items()]
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edit(
    text: str, file: str, root: yaml.Node | None, path: Path, value: str
) -> tuple[int, int, str]:
    """From where to where stands what, to be exchanged for the third."""
    node, left = root, path
    while left and isinstance(node, yaml.MappingNode):
        inner = next((item for key, item in node.value if key.value == left[0]), None)
        if inner is None:
            return _added(text, node, _pair(left, value))
        node, left = inner, left[1:]
    single = isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False)
    if node is None or left or not single:
        line = node.start_mark.line + 1 if node else 1
        raise NotEditable(file=file, line=line, key=".".join(path))
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # `key:` with nothing behind it
        return start, end, f" {value}"
    old = text[start:end]
    return start, end, value + old[len(old.rstrip("\r\n")) :]


def _added(text: str, table: yaml.MappingNode, pair: str) -> tuple[int, int, str]:
    if table.flow_style:
        at = table.value[-1][1].end_mark.index if table.value else table.start_mark.index + 1
        return at, at, f", {pair}" if table.value else pair
    at = text.find("\n", _end(text, table))
    at = len(text) if at < 0 else at
    newline = "\r\n" if text[:at].endswith("\r") else "\n"
    at -= len(newline) - 1
    return at, at, newline + " " * table.start_mark.column + pair


def _end(text: str, node: yaml.Node) -> int:
    """Where its last character stands: a block ends, for YAML, where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = node.end_mark.index
    return len(text[:end].rstrip()) if getattr(node, "style", None) in {"|", ">"} else int(end)


def _pair(path: Path, value: str) -> str:
    key, *inner = (one if _PLAIN_KEY.fullmatch(one) else json.dumps(one) for one in path)
    for one in reversed(inner):
        value = f"{{{one}: {value}}}"
    return f"{key}: {value}"
