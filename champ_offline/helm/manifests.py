"""Kubernetes objects as YAML text: split a stream, read objects, replace single values in place.

Invariant: text that is not meant to change comes through byte for byte; scalars are read as the
Kubernetes tools read them (YAML 1.1 booleans, but neither timestamps nor base 60).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from champ_offline.durable import yaml_problem
from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted, Reason, Unfit

Path: TypeAlias = tuple[str | int, ...]

HOOK = "helm.sh/hook"
# The separators of Helm's own release/util SplitManifests.
_SEPARATOR = re.compile(r"^---[ \t]*", re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_SHOWN = 200
_MOST_MERGED = 100_000
_DEEPEST = 200
# What stands before the first value of a line: blanks, and indicators with blanks behind them.
_MARGIN = re.compile(
    "(?:^|(?<=[\r\x85\u2028\u2029]))[ \t]*(?:[-?:!&][^ \t\n\r\x85\u2028\u2029]*[ \t]+)*",
    re.MULTILINE,
)
# PyYAML's constructors let through what they meet in a value that does not fit its tag.
_BROKEN = (yaml.YAMLError, ValueError, AttributeError, LookupError, RecursionError)


class NotAnObject(ChampError):
    """Rendered text is not YAML, or not a Kubernetes object."""

    id = "helm.not-an-object"
    exit_code = ExitCode.PREFLIGHT
    message = "{source} does not give a Kubernetes object: {reason}."
    remedy = "Check the answers; if they are right, report this to whoever packed the app."


class _Merges(yaml.constructor.SafeConstructor):
    """Merges (`<<`) that do not multiply."""

    _merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        own = len(node.value)
        super().flatten_mapping(node)
        self._merged += max(0, len(node.value) - own)
        if self._merged > _MOST_MERGED:
            raise Unfit(Phrase("it merges too many tables"))


class _Placed(_Merges, yaml.SafeLoader):
    """The parser that tells where in a text a value stands, block scalars and all."""


# The C parser is ten times as fast; it and Helm's own come from one C source.
_C_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_DUMPER = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
_TEXT_LOADER = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
# What it places otherwise: the end of a block scalar, and all behind a byte order mark.
_PLACED_OTHERWISE = re.compile("[|>\ufeff]")


class _Loader(_Merges, _C_LOADER):  # type: ignore[misc, valid-type]
    """The parser for values, with the scalars of sigs.k8s.io/yaml."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, form)
        for tag, form in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)
_Placed.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


@dataclass(frozen=True)
class Scalar:
    """A text value at `path` in a document, and the span of its characters there."""

    path: Path
    value: str
    start: int
    end: int


def split(stream: str) -> list[str]:
    """The documents of a YAML stream as text, empty and comment-only ones left out."""
    parts = (part.lstrip() for part in _SEPARATOR.split(stream.lstrip()))
    return [part for part in parts if _has_content(part)]


def read(text: str, source: str) -> Any:  # noqa: ANN401 (any YAML value)
    """One document as plain values; raises NotAnObject."""
    try:
        _refuse_deep(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except _BROKEN as error:
        raise NotAnObject(source=source, reason=_wrong(error)) from error


def texts(text: str, source: str) -> list[Any]:
    """All documents of a stream with every scalar as the text that stands there.

    For looking through what may be anything: a version `1.20` stays what it is, tags mean nothing.
    Aliases give one and the same list or table again. Raises NotAnObject.
    """
    try:
        _refuse_deep(text)
        return list(yaml.load_all(text, Loader=_TEXT_LOADER))
    except _BROKEN as error:
        raise NotAnObject(source=source, reason=_wrong(error)) from error


def load(text: str, source: str) -> dict[str, Any]:
    """One document as an object with apiVersion, kind and metadata.name; raises NotAnObject."""
    found = read(text, source)
    if not isinstance(found, dict) or not all(
        isinstance(found.get(key), str) for key in ("apiVersion", "kind")
    ):
        raise NotAnObject(source=source, reason=Phrase("apiVersion or kind is missing"))
    metadata = found.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise NotAnObject(source=source, reason=Phrase("metadata.name is missing"))
    for key in ("annotations", "labels"):
        if not _is_flat(metadata.get(key)):
            raise NotAnObject(
                source=source, reason=Phrase("metadata.{key} is no table of texts", key=key)
            )
    return found


def _wrong(error: Exception) -> Reason:
    """What is wrong with a text: of YAML in our words, else as Python said it."""
    if isinstance(error, Unfit):
        return error.reason
    problem = getattr(error, "problem", None)
    if problem or not str(error):
        return yaml_problem.told(problem)
    return Quoted(str(error)[:_SHOWN])


def annotations_of(item: dict[str, Any]) -> dict[str, str]:
    """The annotations of an object."""
    metadata = item.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return {str(key): str(value) for key, value in (found or {}).items()}


def is_hook(item: dict[str, Any]) -> bool:
    """Whether Helm runs the object as a hook instead of keeping it in the release."""
    return HOOK in annotations_of(item)


def is_hook_text(text: str, source: str) -> bool:
    """The same of a document as text; raises NotAnObject where it has to be read for that."""
    return may_hold(text, HOOK) and is_hook(load(text, source))


def may_hold(text: str, word: str) -> bool:
    """Whether a document may have the word in a key or a value; in doubt it may.

    In double quotes a word can be written with escapes (YAML 1.1, section 5.7), over lines, and so
    otherwise than it reads.
    """
    return word in text or "\\" in text


def scalars(text: str, source: str) -> Iterator[Scalar]:
    """Every text value of a document with its place; raises NotAnObject."""
    try:
        _refuse_deep(text)
        exact = _PLACED_OTHERWISE.search(text)
        node = yaml.compose(text, Loader=_Placed if exact else _Loader)
    except _BROKEN as error:
        raise NotAnObject(source=source, reason=_wrong(error)) from error
    # A value met again through an alias is written once, where its anchor is.
    seen: set[int] = set()
    yield from _walk(node, (), text, seen)


def replace(text: str, changes: Sequence[tuple[Scalar, str]]) -> str:
    """`text` with each scalar's characters replaced by a quoted value; all else is untouched."""
    for scalar, value in sorted(changes, key=lambda change: change[0].start, reverse=True):
        old = text[scalar.start : scalar.end]
        kept = _PROPERTIES.match(old)
        tail = "\n" if old.endswith("\n") else ""
        new = (kept[0] if kept else "") + json.dumps(value) + tail
        text = text[: scalar.start] + new + text[scalar.end :]
    return text


def dump(item: object) -> str:
    """An object as YAML for reading and comparing: sorted keys, block style."""
    how: dict[str, Any] = {"sort_keys": True, "allow_unicode": True, "width": 1000}
    return str(yaml.dump(item, Dumper=_DUMPER, **how))


def _refuse_deep(text: str) -> None:
    """Raise Unfit for what is nested so deeply that the C composer would overrun its stack.

    Its events come one by one, without any nesting of calls.
    """
    if most_nested(text) <= _DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_TEXT_LOADER):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise Unfit(Phrase("it is nested too deeply"))
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1


def most_nested(text: str) -> int:
    """How deeply values of a document can be nested at most, told without parsing it.

    A block begins further to the right than the one around it, but for a list in a table (YAML
    1.1, section 9.2), behind nothing but indicators; whatever else is nested begins with a bracket,
    and may hold a pair without brackets (section 7.4.1).
    """
    margin = max(map(len, _MARGIN.findall(text)), default=0)
    return 2 * (margin + 1 + text.count("[") + text.count("{"))


def _is_flat(table: object) -> bool:
    """Whether it is a table without lists and tables in it, or nothing at all."""
    values = table.values() if isinstance(table, dict) else ()
    nested = any(isinstance(value, dict | list | set | tuple) for value in values)
    return not nested and isinstance(table, dict | None)


def _has_content(part: str) -> bool:
    lines = (line.strip() for line in part.splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _walk(node: yaml.Node | None, path: Path, text: str, seen: set[int]) -> Iterator[Scalar]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if node.tag == "tag:yaml.org,2002:str":
            yield Scalar(path, node.value, node.start_mark.index, node.end_mark.index)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _walk(item, (*path, number), text, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*path, str(key.value)), text, seen)
