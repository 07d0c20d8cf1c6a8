"""The hand-over report from the screens: asked for in three lines, written as a task."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.screens.report import wrong
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


@pytest.fixture
def screens(zone: Path, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Screens:
    Appliance.open(zone).import_media([media.stick / "champ" / "greeter-1.0"], ignore)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Screens(World().desk(zone, None, media.stick))


async def test_a_report_is_written_and_said_where(screens: Screens, spoken: str) -> None:
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"report-{spoken}")
        await person.sees(ZONE, f"[h] {_('Hand-over report')}")
        await person.press("h")
        await person.sees(f"champ-report-{ZONE}-", _("Write it"))
        person.keep("report")
        await person.press("f2")
        await person.sees(_("To the overview"))
        [file] = Path.cwd().iterdir()
        told = _("The hand-over report is in {path} ({size}). Open it in a browser to print it.")
        await person.reads(told.partition("{")[0], str(file), told.rpartition("}")[2])
        person.keep("written")
    assert file.stat().st_mode & 0o777 == 0o600
    page = file.read_text(encoding="utf-8")
    assert 'lang="{}"'.format({"en": "en", "zh": "zh-CN"}[spoken]) in page
    assert "greeter" in page
    (task,) = screens.desk.appliance().tasks.all()
    assert task.words[4:6] == ("report", "--out")
    assert len(str(task.ending)) < 2000


async def test_another_language_and_time_reach_the_command(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' tasks share the screens' language, so the words are looked at and not run."""
    asked: list[tuple[str, ...]] = []

    def start(_zone: Path, words: tuple[str, ...]) -> int:
        asked.append(tuple(words))
        return screens.desk.appliance().tasks.ask(words)

    monkeypatch.setattr(screens.desk.background, "start", start)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, "report-en")
        await person.sees(ZONE)
        await person.press("ctrl+p")
        await person.type("hand-over")
        await person.press("enter")
        await person.sees("champ-report-")
        await person.press("space", "tab")
        await person.type("7")
        await person.sees("中文")
        await person.press("tab", "ctrl+u")
        await person.type("paper.html")
        await person.press("enter")
        await person.sees("Task")
    [words] = asked
    paper = str(Path.cwd() / "paper.html")
    assert words == (
        "--lang", "zh", "--output", "table", "report", "--out", paper, "--last", "7"
    )  # fmt: skip


async def test_what_cannot_be_is_said_before_anything_is_asked(
    screens: Screens, spoken: str
) -> None:
    Path("there.html").write_text("kept")
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"report-{spoken}")
        await person.sees(ZONE)
        await person.press("h")
        await person.sees(f"champ-report-{ZONE}-")
        await person.press("tab", "tab", "ctrl+u")
        await person.type("there.html")
        await person.press("f2")
        there = Path.cwd() / "there.html"
        await person.reads(_("{path} is there already. Type another name.").format(path=there))
        person.keep("refused")
    assert Path("there.html").read_text() == "kept"
    assert screens.desk.appliance().tasks.all() == ()


def test_every_wrong_answer_has_its_sentence(tmp_path: Path) -> None:
    file = tmp_path / "new.html"
    assert wrong("", "new.html", file) == wrong("36500", "new.html", file) == ""
    for days in ("0", "36501", "-1", "soon", "1.5"):
        assert "from 1 to 36500" in wrong(days, "new.html", file)
    assert wrong("", "", tmp_path) == "Type the file that shall be written."
    assert "There is no folder" in wrong("", "x", tmp_path / "nowhere" / "new.html")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert "is there already" in wrong("", "link", tmp_path / "link")
