"""The ASCII look: no screen has a sign that terminals draw differently wide, in either language."""

from __future__ import annotations

import io
from collections.abc import Iterator
from unicodedata import east_asian_width

import pytest
from rich.segment import Segment
from textual.app import ComposeResult
from textual.color import Color
from textual.widgets import Checkbox, DataTable, Input, LoadingIndicator, ProgressBar, Static

from installer import language, look
from installer.decided import DecidedBy
from installer.look import Look, is_bare, needs_sign, one_column, spelled
from installer.terminal_text import width
from installer.tui.ascii_lines import AsciiLines
from installer.tui.preparing import QUESTION, charset, wants_chinese
from installer.tui.terminal import suited
from installer.tui.widgets.page import Page
from tests.architecture.messages import catalog
from tests.tui.scenes import SCENES, Scene, played, pushed, settled
from tests.tui.screen import Person
from tests.tui.stage import Stage, stage

BOX = "".join(map(chr, [*range(0x2190, 0x2200), *range(0x2500, 0x2600), *range(0x2800, 0x2900)]))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


def drawn(person: Person) -> str:
    """All characters of the screen, and each one is looked at."""
    person.in_ascii_alone()
    return person.text


@pytest.mark.parametrize("name", [name for name in SCENES if not SCENES[name].apart])
async def test_every_screen_is_drawn_without_them(name: str, shared: Stage, spoken: str) -> None:
    async with played(SCENES[name], shared) as person:
        text = drawn(person)
        assert not [one for one in text if east_asian_width(one) == "A"]
        await person.pilot.resize_terminal(120, 40)
        await settled(person)
        drawn(person)
        assert spoken == "en" or not text.isascii()
        assert spoken == "zh" or text.isascii() or "\xa0" in text


@pytest.mark.parametrize("name", [name for name in SCENES if SCENES[name].apart])
async def test_so_are_those_that_change_the_zone(
    name: str, tmp_path_factory: pytest.TempPathFactory, spoken: str
) -> None:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        async with played(SCENES[name], made) as person:
            assert drawn(person)


class Everything(Page):
    """What comes with Textual, in its own dress."""

    def body(self) -> ComposeResult:
        """Widgets that draw boxes, blocks, bars and bullets."""
        yield Static(BOX + "“…—·×±°→●✓”", markup=False)
        yield Checkbox("check", value=True)
        yield ProgressBar(100)
        yield Input("secret", password=True)
        yield LoadingIndicator()
        table: DataTable[str] = DataTable()
        table.styles.border = ("heavy", "red")
        table.add_columns("one", "two")
        yield table

    def on_mount(self) -> None:
        """A notification, with what a person may have named it."""
        self.notify("…—×", title="■")


async def everything(in_look: Look, stage: Stage) -> str:
    look.activate(in_look)
    async with played(Scene(pushed(lambda _stage: Everything())), stage) as person:
        person.in_ascii_alone()
        return person.text


async def test_whatever_a_widget_draws_becomes_a_sign_and_only_there(shared: Stage) -> None:
    plain = await everything(Look.ASCII, shared)
    rich = await everything(Look.RICH, shared)
    assert "******" in plain
    assert plain.isascii()
    assert any(needs_sign(one) for one in rich)


def test_letters_of_texts_from_outside_stay() -> None:
    assert one_column("Clínica Привет 医院（东）│") == "Clínica Привет 医院（东）|"
    assert one_column("“a…b”") == '"a~b"'


def test_a_line_keeps_its_columns() -> None:
    every = [chr(point) for point in range(0xA0, 0x3000)]
    for character in every:
        assert width(one_column(character)) == width(character), character
        assert not needs_sign(one_column(character))
    segments = AsciiLines().apply([Segment("│ 中 │")], Color(0, 0, 0))
    look.activate(Look.RICH)
    assert segments == [Segment("| 中 |")]
    assert AsciiLines().apply([Segment("│")], Color(0, 0, 0)) == [Segment("│")]


def test_every_text_of_the_catalog_can_be_spelled() -> None:
    for message in catalog():
        for text in (str(message.id), str(message.string)):
            left = [one for one in spelled(text) if needs_sign(one)]
            assert left == [], text


@pytest.mark.usefixtures("spoken")
def test_the_looks_differ_and_the_rich_one_leaves_texts_alone() -> None:
    text = "“{name}” is neither a bundle nor an image of this zone."
    assert '"{name}"' in language.translate(text)
    look.activate(Look.RICH)
    assert "“{name}”" in language.translate(text)


@pytest.mark.parametrize(
    "term", ["linux", "vt100", "vt102", "vt220", "dumb", "ansi", "", "unknown"]
)
def test_bare_terminals_get_ascii_unmeasured(term: str) -> None:
    def never() -> int:
        raise AssertionError

    assert is_bare({"TERM": term})
    for own in (None, Look.RICH):
        found = suited({"TERM": term}, "UTF-8", never, bare=True, own=own)
        assert found == (Look.ASCII, DecidedBy.TERMINAL)


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "tmux-256color", "linuxvt", "vte"])
def test_others_are_measured(term: str) -> None:
    environ = {"TERM": term}
    assert not is_bare(environ)
    for columns, wanted in ((3, Look.RICH), (6, Look.ASCII), (4, Look.ASCII), (None, Look.ASCII)):
        found = suited(environ, "UTF-8", lambda c=columns: c, bare=False)  # type: ignore[misc]
        assert found == (wanted, DecidedBy.TERMINAL)


def test_another_character_set_gets_ascii_unmeasured() -> None:
    def never() -> int:
        raise AssertionError

    for name in ("GBK", "GB18030", "ISO-8859-1", "ANSI_X3.4-1968"):
        for own in (None, Look.RICH):
            found = suited({"TERM": "xterm"}, name, never, bare=False, own=own)
            assert found == (Look.ASCII, DecidedBy.TERMINAL)


def test_what_was_set_is_not_measured() -> None:
    def never() -> int:
        raise AssertionError

    for own in Look:
        found = suited({"TERM": "xterm"}, "UTF-8", never, bare=False, own=own)
        assert found == (own, DecidedBy.OWN)
    found = suited({"TERM": "linux"}, "GBK", never, bare=True, own=Look.ASCII)
    assert found == (Look.ASCII, DecidedBy.OWN)


def test_the_locales_name_says_its_character_set() -> None:
    def system() -> str:
        return "the system's"

    assert charset({"LANG": "zh_CN.GBK"}, system) == "GBK"
    assert charset({"LANG": "zh_CN.GBK", "LC_ALL": "C.UTF-8"}, system) == "UTF-8"
    assert charset({"LANG": "de_DE.utf8@euro"}, system) == "utf8"
    assert charset({"LANG": "zh_CN"}, system) == "the system's"
    assert suited({"TERM": "xterm"}, "utf8", lambda: 3, bare=False)[0] is Look.RICH


@pytest.mark.parametrize(
    ("typed", "chinese"),
    [("\n", False), ("1\n", False), ("2\n", True), ("x\n\x1b\n2\n", True), ("", False)],
)
def test_basic_or_rich_is_asked_in_ascii_and_enter_means_basic(typed: str, chinese: bool) -> None:
    said = io.StringIO()
    assert wants_chinese(io.StringIO(typed), said) is chinese
    assert said.getvalue().isascii()
    assert max(map(len, QUESTION.split("\n"))) < 80
