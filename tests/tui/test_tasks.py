"""An import is a task: it can be stopped, left and come back to, and seen from another session."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.intake import Imported
from champ_offline.events import StepStarted, Subscriber
from champ_offline.trust.overrides import Overrides
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.desk import Desk
from installer.words import word
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import SimulatedAppliance, World


@pytest.fixture
def standing_still(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """An import stands still in the middle; the event lets it go on."""
    take, go_on = Appliance.import_media, threading.Event()

    def slow(
        self: Appliance, media: Sequence[Path], notify: Subscriber, overrides: Overrides
    ) -> Imported:
        notify(StepStarted("read", "images.tar"))
        deadline = time.monotonic() + 20
        while not go_on.is_set() and time.monotonic() < deadline:
            time.sleep(0.02)
        return take(self, media, notify, overrides)

    monkeypatch.setattr(SimulatedAppliance, "import_media", slow)
    return go_on


async def begin_import(person: Person) -> None:
    await person.sees(ZONE)
    await person.press("i")
    await person.sees("greeter-1.0")
    await person.press("1")
    await person.sees(_("it fits"))
    await person.press("i")
    await person.sees("images.tar", _("Leave; it goes on"))


async def test_an_import_can_be_stopped(
    zone: Path, media: Media, standing_still: threading.Event, spoken: str
) -> None:
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await begin_import(person)
        person.keep("importing")
        await person.press("s")
        await person.sees(_("Stop the import? The zone stays as it is."))
        await person.press("2")
        await person.sees(_("Nothing was imported. The zone is as it was before."))
        person.keep("stopped")
    assert not standing_still.is_set()
    assert screens.desk.appliance().summary().blobs == 0


async def test_an_import_goes_on_when_it_is_left_and_is_come_back_to(
    zone: Path, media: Media, standing_still: threading.Event, spoken: str
) -> None:
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"tasks-{spoken}")
        await begin_import(person)
        await person.press("escape")
        await person.sees(_("At work: {task}").split("{")[0], "import", "greeter-1.0")
        person.keep("overview-at-work")
        await person.press("t")
        await person.sees("images.tar", f"{_('Task')} 1")
        person.keep("task")
        standing_still.set()
        await person.sees("greeter 1.0", _("To the overview"))
        person.keep("task-ended")
        await person.press("enter")
        await person.sees("greeter 1.0")
        await person.press("t")
        await person.sees(word("ended"), "import")
        person.keep("tasks")
        await person.press("1")
        await person.sees("greeter 1.0", f"{_('Task')} 1")
    assert screens.desk.appliance().summary().blobs > 0


async def test_an_import_goes_on_without_the_screens_and_another_session_sees_it(
    zone: Path, media: Media, standing_still: threading.Event
) -> None:
    world = World()
    screens = Screens(world.desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, "tasks-en")
        await begin_import(person)
        await person.press("ctrl+q")
    beside = Screens(Desk(zone, None, media.stick, world.open, screens.desk.background))
    async with beside.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(beside, pilot, "tasks-en")
        await person.sees("At work: 1", "import")
        await person.press("t")
        await person.sees("images.tar", "Time so far")
        standing_still.set()
        await person.sees("greeter 1.0", "To the overview")
    assert beside.desk.appliance().summary().blobs > 0
