"""No English inside Chinese: what errors give as words can be translated, or says that it cannot.

The type checker holds the field `reason` (`errors.Reason`); here are all other fields, and what
may be called somebody else's words.
"""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from champ_offline import errors
from champ_offline.errors import ChampError, Phrase, Quoted, Reason, Said, Several
from tests.architecture import messages
from tests.architecture.source import Source, constant_text, product_errors, sources

# Two words, or one that begins no name: what a person would read as a sentence's part.
WORDS = re.compile(r"[A-Za-z]{2,}[ ’'][A-Za-z]{2,}|[A-Za-z]{3,} [{(“]")
# Names are not translated: of components, and of what must be typed as it is.
NAMES = frozenset({"main, -updates, -security"})
MARKED = {"Phrase", "Quoted", "Said", "system_said", "Several", "wrong_in"}


def test_a_reason_is_never_a_plain_text() -> None:
    hints = get_type_hints(ChampError.__init__, vars(errors))
    assert hints["reason"] == Reason | None
    assert set(get_args(Reason)) == {Phrase, Quoted, Said, ChampError, Several}
    assert get_type_hints(errors.Because.__init__, vars(errors))["reason"] == Reason


def test_no_field_of_an_error_is_english_alone() -> None:
    known = {error.__name__ for error in product_errors()}
    told = [
        place for source in sources("champ_offline", "installer") for place in plain(source, known)
    ]
    assert told == [], "make it a Phrase, so that it is translated"


def test_nobody_else_says_words_of_ours() -> None:
    told = [
        source.at(call)
        for source in sources("champ_offline", "installer")
        for call in source.calls()
        if isinstance(call.func, ast.Name) and call.func.id == "Quoted" and call.args
        if english(call.args[0])
    ]
    assert told == [], "Quoted is what came from outside"


def test_an_error_within_an_error_is_not_made_english_text() -> None:
    known = {error.__name__ for error in product_errors()}
    made = [
        source.at(call)
        for source in sources("champ_offline", "installer")
        for call in source.calls()
        if (getattr(call.func, "id", "") or getattr(call.func, "attr", "")) in known
        if any(
            ast.unparse(one.value).startswith(("str(error", "f'{error")) for one in call.keywords
        )
    ]
    assert made == [], "give the error itself, or Phrase('{error}', error=error)"


def test_every_phrase_is_a_text_of_the_catalog() -> None:
    catalog = messages.entries(messages.catalog())
    given = [text for text in messages.phrases() if not catalog.get(text)]
    assert given == []
    assert len(messages.phrases()) > 300


def test_what_the_system_says_is_known_by_its_number() -> None:
    for number, name in errno.errorcode.items():
        told = errors.system_said(OSError(number, os.strerror(number)))
        assert str(told) == os.strerror(number), name
    for number in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.ENOENT, errno.EPERM):
        assert isinstance(errors.system_said(OSError(number, "")), Phrase)
    assert errors.system_said(OSError("no number")) == Quoted("no number")


@pytest.mark.parametrize(
    "line",
    [
        'raise Broken(reason="it is not there")',
        'raise Broken(what=f"{name} was edited since")',
        'raise Broken(reason="none at all" if found else why)',
        'raise Broken(reason=why or "no reason given")',
        'raise Broken(said=str("no room") + why)',
    ],
)
def test_english_in_a_field_is_found(line: str) -> None:
    source = Source(Path("x.py"), line, ast.parse(line))
    assert list(plain(source, {"Broken"})) == ["x.py:1"]


@pytest.mark.parametrize(
    "line",
    [
        'raise Broken(reason=Phrase("it is not there"))',
        "raise Broken(reason=system_said(error), path=path)",
        'raise Broken(mode=f"{mode:04o}", role="timestamp", name=f"{a} {b}")',
        'raise Other(reason="not an error of ours")',
    ],
)
def test_what_may_stand_in_a_field_is_left_alone(line: str) -> None:
    source = Source(Path("x.py"), line, ast.parse(line))
    assert list(plain(source, {"Broken"})) == []


def plain(source: Source, known: set[str]) -> Iterator[str]:
    """Where an error of `known` gets a field with English words that nothing marks."""
    for call in source.calls():
        name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
        if name in known and any(english(word.value) for word in call.keywords):
            yield source.at(call)


def english(node: ast.expr) -> bool:
    """Whether a value has words of ours in it, outside of what marks them."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        return name not in MARKED and any(map(english, [*node.args]))
    if isinstance(node, ast.JoinedStr):
        return bool(WORDS.search("".join(constant_text(part) or "{" for part in node.values)))
    if (text := constant_text(node)) is not None:
        return text not in NAMES and bool(WORDS.search(text))
    inner = (ast.BoolOp, ast.IfExp, ast.BinOp, ast.Subscript, ast.Dict, ast.Tuple, ast.List)
    return isinstance(node, inner) and any(
        english(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)
    )
