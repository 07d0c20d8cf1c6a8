"""Every image that a rendered object speaks of, wherever in it: ADR 0018 has the rules.

Invariant: pure; what a plan holds to digests (`images.positions`) is always among the mentions, and
each other text of the object has been read, also inside YAML, JSON and base64 that it embeds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.errors import Phrase
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document
from champ_offline.helm.manifests import NotAnObject, Path
from champ_offline.release.images import pairs as image_pairs
from champ_offline.release.images.digests import is_position, positions
from champ_offline.release.images.pairs import Hub
from champ_offline.release.images.text import is_image_key, is_reference, references

_DEFINITION = "CustomResourceDefinition"
_INSIDE = "»"
_DEEPEST = 6


@dataclass(frozen=True, order=True)
class Mention:
    """One image text in one object; `held`: a plan would hold it to a digest.

    `path` is like `spec.containers[0].image`; what follows "»" lies in text embedded there.
    """

    kind: str
    name: str
    path: str
    reference: str
    held: bool = False


def mentions(document: Document, locked: Container[str]) -> tuple[Mention, ...]:
    """All of a document's, sorted; `locked` as for `image_text.references`. Raises NotAnObject."""
    (item,) = manifests.texts(document.text, document.source)[:1] or ({},)
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
        raise NotAnObject(source=document.source, reason=Phrase("it is no table with metadata"))
    kind, name = str(item.get("kind", "")), str(item["metadata"].get("name", ""))
    walk = _Walk(locked)
    if kind == _DEFINITION:
        walk.defaults(item, ())
    else:
        for scalar in positions(document):
            walk.held[scalar.path] = scalar.value
        walk.value(_decoded(item, kind), (), named=False)
    held = {Mention(kind, name, shown(path), text, held=True) for path, text in walk.held.items()}
    free = {Mention(kind, name, shown(path), text) for path, text in walk.found}
    return tuple(sorted(held | free))


def shown(path: Path) -> str:
    """A path for reading."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == _INSIDE:
            text += f" {_INSIDE} "
        else:
            text += step if not text or text.endswith(" ") else f".{step}"
    return text


class _Walk:
    """`held` are the places that need not be read again, `found` what was read elsewhere."""

    def __init__(self, locked: Container[str]) -> None:
        self._locked = locked
        self.held: dict[Path, str] = {}
        self.found: list[tuple[Path, str]] = []
        # Aliases lead to one and the same table: walked again they would be a bomb.
        self._seen: dict[int, object] = {}

    def value(self, value: object, path: Path, *, named: bool, hub: Hub | None = None) -> None:
        """Read a value; `named`: its key speaks of an image, `hub`: where images around it are."""
        if isinstance(value, str):
            if path not in self.held:
                self._text(value, path, named=named)
        elif id(value) not in self._seen:
            self._seen[id(value)] = value
            if isinstance(value, Mapping):
                self._table(value, path, hub)
            elif isinstance(value, list):
                self._list(value, path, named=named, hub=hub)

    def defaults(self, value: object, path: Path) -> None:
        """Of a definition only what it fills in; its descriptions are full of examples."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                self.defaults(item, (*path, number))
        elif isinstance(value, Mapping) and id(value) not in self._seen:
            self._seen[id(value)] = value
            for key, item in value.items():
                if key == "default" and path:
                    self.value(item, (*path, key), named=is_image_key(str(path[-1])))
                else:
                    self.defaults(item, (*path, str(key)))

    def _table(self, table: Mapping[str, Any], path: Path, hub: Hub | None) -> None:
        hub = image_pairs.hub(table) or hub
        joined = image_pairs.joined(table, path, hub)
        for key, text in joined.items():
            if (*path, key) not in self.held:
                self.found.append(((*path, key), text))
        for key, item in table.items():
            for found in references(str(key), named=False, locked=self._locked):
                self.found.append(((*path, str(key)), found))
            if key in joined:
                continue
            variable = str(table.get("name", "")) if key == "value" else ""
            self.value(item, (*path, str(key)), named=is_image_key(variable or str(key)), hub=hub)

    def _list(self, items: list[Any], path: Path, *, named: bool, hub: Hub | None) -> None:
        before = ""
        for number, item in enumerate(items):
            flagged = before.startswith("-") and "=" not in before and is_image_key(before)
            self.value(item, (*path, number), named=named or flagged, hub=hub)
            before = item if isinstance(item, str) else ""

    def _text(self, text: str, path: Path, *, named: bool) -> None:
        inner = _embedded(text) if path.count(_INSIDE) < _DEEPEST else []
        for number, document in enumerate(inner):
            place = (number,) if len(inner) > 1 else ()
            self.value(document, (*path, _INSIDE, *place), named=named)
        if inner:
            return
        if is_position(path) and is_reference(text):
            self.found.append((path, text))
            return
        for found in references(text, named=named, locked=self._locked):
            self.found.append((path, found))


def _embedded(text: str) -> list[Any]:
    """The lists and tables that a text holds as JSON or YAML; none where it is only text."""
    if not text.lstrip().startswith(("{", "[")) and "\n" not in text:
        return []
    try:
        # YAML refuses the tabs that JSON allows.
        found = [json.loads(text, parse_int=str, parse_float=str)]
    except (ValueError, RecursionError):
        try:
            found = manifests.texts(text, "")
        except NotAnObject:
            return []
    return found if all(isinstance(item, dict | list) for item in found if item) else []


def _decoded(item: dict[str, Any], kind: str) -> dict[str, Any]:
    """The object with what is base64 in it as text, where it is text."""
    key = {"Secret": "data", "ConfigMap": "binaryData"}.get(kind, "")
    if not isinstance(item.get(key), dict):
        return item
    return {**item, key: dict(_plain(item[key]))}


def _plain(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        try:
            yield name, base64.b64decode(str(value), validate=True).decode()
        except ValueError:  # not base64, or not text
            yield name, ""
