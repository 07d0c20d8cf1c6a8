"""Media as they are plugged in: what each bundle is, read once, apart from those that hang."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import SeveralBundles
from champ_offline.bundle.media import bundle_folders
from champ_offline.events import ignore
from installer import sticks
from installer.language import translate as _
from installer.media_facts import Facts, Opened, facts
from installer.sticks import Found
from installer.tui.screens import media as screen
from tests.tui.conftest import Opened as OpenScreens
from tests.tui.sample_app import ZONE, Media
from tests.tui.scenes import settled
from tests.tui.screen import COLUMNS, LINES, Person

FIRST = "champ/greeter-1.0"


class Readings:
    """Which bundles were read, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        monkeypatch.setattr(screen, "facts", self.read)
        monkeypatch.setattr(screen, "_LOOK", 0.1)
        # Those of the machine on which the tests run are none of theirs.
        monkeypatch.setattr(sticks, "mounted", lambda _mounts: [])

    def read(self, opened: Opened, found: Found) -> Facts:
        self.names.append(found.folder.name)
        return facts(opened, found)


async def until(true: Callable[[], bool]) -> None:
    """Wait for it, for a while; what is asserted next says what is missing."""
    for _attempt in range(200):
        if true():
            return
        await asyncio.sleep(0.05)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    return Readings(monkeypatch)


@pytest.fixture
def stick(media: Media, tmp_path: Path) -> Path:
    shutil.copytree(media.stick, tmp_path / "stick")
    return tmp_path / "stick"


async def test_what_is_found_is_told_and_read_once(
    opened: OpenScreens, stick: Path, readings: Readings, spoken: str
) -> None:
    app = opened(stick)
    Appliance.open(app.desk.zone_folder()).import_media([stick / FIRST], ignore)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees(_("nothing new"), _("fits"))
        await person.reads("Release Engineering", _("For zones: {zones}").format(zones=ZONE))
        await person.press("down")
        await person.reads(_("it fits"), str(stick / "champ/greeter-2.0"))
        person.keep("found")
        await pilot.pause(1)
        assert readings.names == ["greeter-1.0", "greeter-2.0"]
        # Another pack of the second one, as a copy program would put it there.
        os.utime(stick / "champ/greeter-2.0/bundle.json")
        await person.sees(_("fits"))
        await until(lambda: len(readings.names) == 3)
        assert readings.names[2:] == ["greeter-2.0"]
        await settled(person)
        await person.press("r")
        await until(lambda: len(readings.names) == 5)
        assert readings.names[3:] == ["greeter-1.0", "greeter-2.0"]


async def test_a_stick_that_comes_goes_and_comes_again(
    opened: OpenScreens, stick: Path, readings: Readings, spoken: str
) -> None:
    away = stick.rename(stick.with_name("pocket"))
    stick.mkdir()
    app = opened(stick)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        none = _("No bundle was found. Plug in the stick and wait, or press f to type its folder.")
        await person.reads(none)
        (stick / "champ").symlink_to(away / "champ")
        await pilot.pause(0.5)
        await person.reads(none)  # a link leads nowhere
        (stick / "champ").unlink()
        (away / "champ").rename(stick / "champ")
        await person.sees("greeter-1.0", _("fits"))
        await person.press("down")
        shutil.move(stick / FIRST, away)
        await person.reads(_("Bundles found: {count}. Nothing is imported yet.").format(count=1))
        assert "> " not in person.text
        assert ">1 greeter-2.0" in person.text  # the marked one stays marked
        shutil.move(stick / "champ", away)
        await person.reads(none)
        assert "greeter" not in person.text


async def test_what_is_refused_says_why(
    opened: OpenScreens, strangers: Media, readings: Readings, spoken: str
) -> None:
    app = opened(strangers.stick)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees(_("refused"), "[trust.other-root]")
        person.keep("refused")
        assert "Release Engineering" not in person.text


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A stick that was pulled, and on which every look hangs until the test has ended."""
    pulled, ended = tmp_path / "pulled", threading.Event()

    def hang(medium: Path) -> list[Path]:
        if medium == pulled:
            ended.wait(60)
        return bundle_folders(medium)

    monkeypatch.setattr(sticks, "bundle_folders", hang)
    monkeypatch.setattr(sticks, "mounted", lambda _mounts: [(pulled, "vfat")])
    monkeypatch.setattr(screen, "_PATIENCE", 0.3)
    yield pulled
    ended.set()


async def test_a_stick_that_hangs_hinders_no_other_and_is_named(
    opened: OpenScreens, stick: Path, readings: Readings, hanging: Path, spoken: str
) -> None:
    app = opened(stick)
    before = threading.active_count()
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0", "greeter-2.0", _("fits"))
        silent = _("! {medium} does not answer yet. Wait, or pull it out.").format(medium=hanging)
        await person.reads(silent)
        person.keep("hanging")
        await pilot.pause(1)
        assert threading.active_count() < before + 8  # one look at it hangs, not one a second
        await person.press("1")
        await person.sees(_("Import this bundle"))
    # The screens ended although the look did not.


async def test_a_medium_of_which_nothing_can_be_told_is_named_with_why(
    opened: OpenScreens,
    stick: Path,
    readings: Readings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoken: str,
) -> None:
    full = tmp_path / "full"

    def several(medium: Path) -> list[Path]:
        if medium == full:
            raise SeveralBundles(path=medium, names="a, b")
        return bundle_folders(medium)

    monkeypatch.setattr(sticks, "bundle_folders", several)
    monkeypatch.setattr(sticks, "mounted", lambda _mounts: [(full, "vfat")])
    app = opened(stick)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0", f"[{SeveralBundles.id}]")


async def test_what_was_imported_meanwhile_is_not_new_any_more(
    opened: OpenScreens, stick: Path, readings: Readings, spoken: str
) -> None:
    app = opened(stick)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"media-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees(_("fits"))
        assert _("nothing new") not in person.text
        await person.press("1")
        await person.sees(_("Import this bundle"))
        Appliance.open(app.desk.zone_folder()).import_media([stick / FIRST], ignore)
        await person.press("escape")
        await person.sees(_("nothing new"))
