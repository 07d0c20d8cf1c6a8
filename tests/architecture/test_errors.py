"""Errors are interface: stable ids, exit codes, texts whose fields every raise gives."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter

import click

from champ_offline.errors import ChampError, ExitCode
from champ_offline.preflight.checks import SORTS
from installer.cli.main import command_line
from tests.architecture.documents import MEANINGS, documents, exit_codes
from tests.architecture.source import ROOT, product_errors, sources

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
QUOTED, LINE = re.compile(r"`(champ\s[^`]*)`"), re.compile(r"(?m)^(champ .*)$")
VERB = re.compile(r"[a-z][a-z-]*")
ENDS = (".", "?", "!", ")", "`")


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_ids_are_unique_and_well_formed() -> None:
    counted = Counter(error.id for error in product_errors())
    assert [name for name, count in counted.items() if count > 1 or not ID.fullmatch(name)] == []


def test_every_error_has_an_exit_code_and_two_sentences() -> None:
    for error in product_errors():
        assert isinstance(error.exit_code, ExitCode), error
        assert error.exit_code is not ExitCode.OK, error
        assert error.message.endswith(ENDS), error
        assert error.remedy.endswith(ENDS), error


def test_fields_are_plain_names() -> None:
    names = {name for e in product_errors() for name in fields(e.message) | fields(e.remedy)}
    assert [name for name in names if not name.isidentifier()] == []


def test_every_raise_gives_the_fields_of_its_texts() -> None:
    known = {error.__name__: error for error in product_errors()}
    wrong = [
        f"{source.at(call)} {call.func.id} lacks {lacking}"
        for source in sources("champ_offline", "installer")
        for call in source.calls()
        if isinstance(call.func, ast.Name) and call.func.id in known
        if (lacking := _lacking(known[call.func.id], call))
    ]
    assert wrong == []


def test_every_command_that_is_named_is_one_the_parser_has() -> None:
    told = [(e.id, f"{e.message} {e.remedy}") for e in product_errors()]
    told += [(one.id, one.remedy) for _, one in SORTS.items()]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = [(where, one) for where, text in told for one in QUOTED.findall(text)]
    named += [
        (page.name, one)
        for page in pages
        for pattern in (QUOTED, LINE)
        for one in pattern.findall(page.read_text("utf-8"))
    ]
    assert len(named) > len(pages)
    assert [one for one in named if not _is_verb(one[1])] == []


def test_a_command_that_the_parser_has_not_is_found() -> None:
    assert _is_verb("champ --zone zone registry doctor HOST")
    assert not _is_verb("champ node doctor")
    assert not _is_verb("champ --zone zone nonsense")


def test_generated_documents_are_current() -> None:
    outdated = [p.name for p, text in documents().items() if p.read_text("utf-8") != text]
    assert outdated == [], "run `make docs`"


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)
    assert exit_codes() in (ROOT / "README.md").read_text("utf-8")


def _is_verb(text: str) -> bool:
    """Whether the words after `champ` are verbs, as far as they are words of it at all."""
    at: click.Command = command_line(lambda *_: 0)
    words = iter(text.split()[1:])
    for word in words:
        if word.startswith("--"):
            next(words, "")  # its value: the whole command's options that texts name have one
        elif not isinstance(at, click.Group) or not VERB.fullmatch(word):
            break
        elif (found := at.get_command(click.Context(at), word)) is None:
            return False
        else:
            at = found
    return True


def _lacking(error: type[ChampError], call: ast.Call) -> set[str]:
    given = {word.arg for word in call.keywords}
    # `**fields` cannot be read here, and a class with an __init__ of its own fills them itself.
    if None in given or "__init__" in error.__dict__:
        return set()
    return (fields(error.message) | fields(error.remedy)) - {name for name in given if name}
