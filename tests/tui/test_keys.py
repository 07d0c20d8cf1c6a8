"""Keys alone: help and commands on every screen, every control by Tab, and nothing by colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.widget import Widget
from textual.widgets import Input

from installer import language
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.screens.catalog import CatalogScreen
from installer.tui.screens.findings import FindingsScreen
from installer.tui.screens.media import MediaScreen
from installer.tui.screens.overview import OverviewScreen
from installer.tui.widgets.commands import CommandsDialog
from installer.tui.widgets.dialogs import Dialog
from installer.tui.widgets.help import HelpDialog
from installer.tui.widgets.page import Page
from tests.tui.scenes import SCENES, Scene, keys, played, settled
from tests.tui.screen import Person
from tests.tui.stage import Stage, stage

STILL = [name for name in SCENES if not SCENES[name].apart]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture
def chinese() -> Iterator[None]:
    language.activate("zh")
    yield
    language.activate("en")


def kinds(base: type[Any]) -> Iterator[type[Any]]:
    """All classes of screens in the product."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("installer."):
            yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", [*kinds(Page), *kinds(Dialog)], ids=lambda kind: kind.__name__)
def test_every_screen_says_what_it_is_for_in_two_sentences(kind: type[Page], spoken: str) -> None:
    told = _(kind.PURPOSE)
    assert told.count("." if spoken == "en" else "。") == 2, told
    assert (told == kind.PURPOSE) is (spoken == "en")


@pytest.mark.parametrize("name", STILL)
async def test_help_opens_everywhere_and_goes_away_again(
    name: str, shared: Stage, chinese: None
) -> None:
    async with played(SCENES[name], shared) as person:
        before, screen = person.text, person.app.screen
        if isinstance(screen, HelpDialog):
            return
        await person.press("f1")
        await person.sees(_("Help"), _(getattr(screen, "PURPOSE", ""))[:20])
        assert isinstance(person.app.screen, HelpDialog)
        for description in labels(screen):
            assert description in dict(map(reversed, person.app.screen.keys))  # type: ignore[arg-type]
        await person.press("end")
        await person.sees("^Q ^C")
        await person.press("escape")
        await settled(person)
        assert person.app.screen is screen
        assert person.text == before


def labels(screen: object) -> list[str]:
    """What the key line of a screen says, of the screen and its widgets."""
    assert isinstance(screen, Page | Dialog)
    active = screen.active_bindings.values()
    return [
        _(one.binding.description)
        for one in active
        if one.node is not screen.app and one.binding.show and one.binding.description
    ]


async def test_a_question_mark_and_a_colon_that_are_typed_are_text(
    shared: Stage, spoken: str
) -> None:
    async with played(SCENES["zone"], shared) as person:
        await person.press("question_mark", "colon")
        assert isinstance(person.app.focused, Input)
        assert person.app.focused.value == "?:"
        assert f"[F1] {_('Help')}" in person.text
    async with played(SCENES["overview"], shared) as person:
        await person.press("question_mark")
        assert isinstance(person.app.screen, HelpDialog)
        await person.press("question_mark", "colon")
        assert isinstance(person.app.screen, CommandsDialog)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Check", FindingsScreen),
        ("To the catalog", CatalogScreen),
        ("Import from a stick", MediaScreen),
        ("To the overview", OverviewScreen),
    ],
)
async def test_commands_lead_from_anywhere(
    shared: Stage, name: str, kind: type[Page], spoken: str
) -> None:
    async with played(SCENES["revision"], shared) as person:
        await person.press("ctrl+p")
        await person.type(_(name).upper() if spoken == "en" else _(name))
        await person.press("enter")
        await settled(person)
        assert type(person.app.screen) is kind
        assert len(person.app.screen_stack) == (3 if kind is OverviewScreen else 4)


async def test_a_command_of_the_screen_does_what_its_key_does(shared: Stage, spoken: str) -> None:
    async with played(SCENES["overview"], shared) as person:
        await person.press("colon")
        await person.type("zzz")
        await person.sees(_("none: type something else"))
        await person.press("enter", "ctrl+u")
        await person.press("down", "down", "up", "up", "enter")
        await person.sees(_("History, the newest first:"))


async def test_the_language_is_changed_and_everything_is_in_the_other_one(
    shared: Stage, spoken: str
) -> None:
    name, other = {"en": ("中文", "zh"), "zh": ("English", "en")}[spoken]
    for scene, seen in (("revision", "Overview"), ("zone", "Open or make a zone")):
        language.activate(spoken)
        async with played(SCENES[scene], shared) as person:
            before = _(seen)
            await person.press("ctrl+p")
            await person.type(name)
            await person.press("enter")
            await settled(person)
            assert language.active() == other
            await person.sees(_(seen), _("Commands"))
            assert before not in person.text


def controls(app: Screens) -> set[Widget]:
    """What somebody with a mouse could click into."""
    every = app.screen.query("*").results(Widget)
    return {one for one in every if one.focusable and one.display and one.region}


@pytest.fixture
def without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def painted(person: Person) -> list[str]:
    """Every segment with a colour of its own."""
    found = []
    for strip in person.app.screen._compositor.render_strips():
        for text, style, _control in strip:
            for colour in (style.color, style.bgcolor) if style else ():
                if colour is not None and not colour.is_default:
                    found.append(f"{text!r} {style}")
    return found


def shape(person: Person) -> list[tuple[str, bool, bool]]:
    """What is left of the screen without colour: characters, what is reversed, what is bold."""
    return [
        (character, bool(style and style.reverse), bool(style and style.bold))
        for strip in person.app.screen._compositor.render_strips()
        for text, style, _control in strip
        for character in text
    ]


@pytest.mark.usefixtures("without_colour")
@pytest.mark.parametrize("name", STILL)
async def test_tab_reaches_every_control_and_shows_where_it_is_without_colour(
    name: str, shared: Stage
) -> None:
    async with played(SCENES[name], shared) as person:
        assert painted(person) == []
        for line in person.app.screen.query(Input):
            line.cursor_blink = False
        chain, shapes = len(person.app.screen.focus_chain), []
        seen, back = set(), set()
        for _turn in range(chain):
            seen.add(person.app.focused)
            shapes.append(shape(person))
            await person.press("tab")
        for _turn in range(chain):
            back.add(person.app.focused)
            await person.press("shift+tab")
        assert controls(person.app) <= seen & back
        pairs = [(one, two) for n, one in enumerate(shapes) for two in shapes[n + 1 :]]
        assert all(one != two for one, two in pairs)


async def test_with_colour_the_same_screens_need_none_either(shared: Stage) -> None:
    async with played(Scene(keys(lambda: "hello")), shared) as person:
        assert painted(person) == []
