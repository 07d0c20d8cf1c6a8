"""champ(1): rendered without a warning, complete, and the same in both languages."""

from __future__ import annotations

import re
import subprocess

import click
import pytest

from champ_offline.errors import ExitCode
from installer.cli.main import command_line
from installer.cli.verbs import VERBS
from installer.language import LANGUAGES
from tests.architecture import manual, manual_texts

WIDTH = 80


def rendered(language: str) -> tuple[str, str]:
    """The page as a terminal of 80 columns shows it, and what groff warns of."""
    done = subprocess.run(
        ["groff", "-ww", "-Kutf8", "-Tutf8", "-man", "-P-cbou", f"-rLL={WIDTH}n"],
        input=manual.made(language), capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout, done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_groff_warns_of_nothing(language: str) -> None:
    shown, warned = rendered(language)
    assert warned == ""
    assert len(shown.splitlines()) > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verb_and_option_is_on_the_page(language: str) -> None:
    shown = " ".join(rendered(language)[0].split())
    context = click.Context(command_line(lambda _zone: 0), info_name="champ")
    acts = list(manual._verbs(context))
    assert len(acts) > len(VERBS)
    for command, inner in acts:
        assert f" {inner.command_path} {inner.command_path} " in shown
        for one in command.params:
            if isinstance(one, click.Option) and not one.hidden:
                assert one.opts[0] in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_exit_code_is_on_the_page(language: str) -> None:
    text = manual.made(language)
    for code in ExitCode:
        assert f"\\fB{int(code)}\\fR\n" in text


def test_both_languages_have_the_same_form() -> None:
    pages = [manual.made(language).splitlines() for language in LANGUAGES]
    english, chinese = (
        [line.split()[0] for line in page if line.startswith(".")] for page in pages
    )
    assert english == chinese


def test_the_chinese_page_is_chinese() -> None:
    shown, _ = rendered("zh")
    for heading in manual_texts.HEADINGS["en"].values():
        assert not re.search(rf"^{heading}$", shown, re.MULTILINE)
    explained = re.findall(r"^ {14}(\S.*)$", shown, re.MULTILINE)
    assert explained
    assert sum(bool(re.search("[\u4e00-\u9fff]", line)) for line in explained) > 0.9 * len(
        explained
    )


def test_texts_are_there_in_every_language() -> None:
    rows = [*manual_texts.CODES.values(), *manual_texts.ENVIRONMENT.values()]
    rows += [*manual_texts.FILES.values(), manual_texts.NAME, manual_texts.SEE_ALSO]
    rows += [told for told, _ in manual_texts.EXAMPLES]
    for row in rows:
        assert set(row) == set(LANGUAGES)
        assert all(row.values())
    assert len({len(paragraphs) for paragraphs in manual_texts.DESCRIPTION.values()}) == 1
