"""The translation catalog's tools: what must be translated, what is missing, compiling.

`python -m tests.architecture.messages` brings champ.po in line with the code, compiles champ.mo and
lists what has no translation yet. Invariant: the catalog is the product's texts plus those of
click's sentences that a user of `champ` can meet, and nothing else.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from champ_offline.preflight.checks import SORTS
from installer.language import DOMAIN, LOCALE
from installer.report.page import environment
from tests.architecture.source import ROOT, Source, constant_text, product_errors, sources

FOLDER = LOCALE / "zh_CN" / "LC_MESSAGES"
PO = FOLDER / f"{DOMAIN}.po"
MO = FOLDER / f"{DOMAIN}.mo"
# Which argument of which calls is such a phrase: of `errors.Phrase`, and of `typed_yaml`'s nodes.
_PHRASE_AT = {"Phrase": 0, "refuse": 0, "refused": 1, "text": 1, "texts": 1, "fits": 3}
_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
# What a template may hold besides: tags with their attributes, entities.
_MARKUP = re.compile(r"<[^<>]*>|&\w+;")
_MARKERS = frozenset({"_", "translate", "mark"})


def marked_texts() -> set[str]:
    """All texts that the front-ends mark with `_()`, `translate()` or `mark()`."""
    found = template_texts()
    for source in sources("installer"):
        for call in source.calls():
            if isinstance(call.func, ast.Name) and call.func.id in _MARKERS and call.args:
                text = constant_text(call.args[0])
                found |= {text} if text else set()
    return found


def templates() -> dict[str, nodes.Template]:
    """The front-ends' templates by name, parsed."""
    made = environment()
    return {
        path.name: made.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "installer").rglob("*.j2"))
    }


def template_texts() -> set[str]:
    """All texts that templates mark with `_()`; raises ValueError for one that is put together."""
    found = set()
    for name, template in templates().items():
        for call in template.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_":
                text = call.args[0]
                if not isinstance(text, nodes.Const):
                    raise ValueError(f"{name}:{call.lineno}")
                found.add(str(text.value))
    return found


def unmarked_texts() -> list[str]:
    """Words that stand in templates outside of `_()`: in pages, and in texts of expressions."""
    found = []
    for name, template in templates().items():
        told = "".join(one.data for one in template.find_all(nodes.TemplateData))
        found += [f"{name}: {word}" for word in _LETTERS.findall(_MARKUP.sub(" ", told))]
        joined = (part for one in template.find_all(nodes.Concat) for part in one.nodes)
        values = [one.value for one in joined if isinstance(one, nodes.Const)]
        found += [f"{name}: {value}" for value in values if _LETTERS.search(str(value))]
    return found


def error_texts() -> set[str]:
    errors = product_errors()
    return {error.message for error in errors} | {error.remedy for error in errors}


def phrases() -> set[str]:
    """The words of the library that stand as a field within its errors' sentences."""
    return {text for text in map(_text_of, _given_phrases()) if text}


def composed_phrases() -> list[str]:
    """Where such words are put together before they can be translated."""
    return [
        source.at(argument)
        for source, argument in _given_phrases()
        if isinstance(argument, ast.JoinedStr | ast.BinOp)
    ]


def _given_phrases() -> Iterator[tuple[Source, ast.expr]]:
    for source in sources("champ_offline", "installer"):
        if not {"Phrase", "typed_yaml"} & set(_WORD.findall(source.text)):
            continue
        for call in source.calls():
            name = str(getattr(call.func, "attr", "") or getattr(call.func, "id", ""))
            place = _PHRASE_AT.get(name)
            if place is not None and len(call.args) > place:
                yield source, call.args[place]


def _text_of(given: tuple[Source, ast.expr]) -> str | None:
    source, argument = given
    if isinstance(argument, ast.Name):
        return source.constants().get(argument.id)
    return constant_text(argument)


def concern_texts() -> set[str]:
    return {text for sort in SORTS.values() for text in (sort.what, sort.why, sort.remedy)}


@cache
def click_texts() -> frozenset[str]:
    """All sentences that click itself translates; the singular of those with a plural."""
    found = set()
    for path in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in {"_", "ngettext"} and (text := constant_text(node.args[0])):
                found.add(text)
    return frozenset(found)


def needed() -> set[str]:
    return marked_texts() | error_texts() | concern_texts() | phrases()


def catalog() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN", domain=DOMAIN)


def singular(identifier: str | tuple[str, ...] | list[str]) -> str:
    return identifier if isinstance(identifier, str) else identifier[0]


def entries(found: Catalog) -> dict[str, object]:
    """Message id (singular) -> translation, without the header."""
    named: dict[str, object] = {}
    for message in found:
        if message.id:
            named[singular(message.id)] = message.string
    return named


def compiled(found: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, found)
    return buffer.getvalue()


def untranslated(found: Catalog) -> list[str]:
    return sorted(text for text, string in entries(found).items() if not _whole(string))


def _whole(translation: object) -> bool:
    if isinstance(translation, tuple | list):
        return bool(translation) and all(translation)
    return bool(translation)


def bring_in_line() -> Catalog:
    """Add what is new, empty; drop what is gone; write both files."""
    found, wanted = catalog(), needed()
    for text in set(entries(found)) - wanted - click_texts():
        found.delete(text)
    for text in wanted - set(entries(found)):
        found.add(text)
    with PO.open("wb") as file:
        write_po(file, found, width=0, sort_output=True)
    MO.write_bytes(compiled(found))
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["--compile"]:
        MO.write_bytes(compiled(catalog()))
        sys.exit()
    missing = untranslated(bring_in_line())
    sys.stdout.writelines(f"no translation: {text}\n" for text in missing)
    sys.exit(1 if missing else 0)
