"""Saved data on the screens: saved, read again, brought back and let go of."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from installer.language import translate as _
from installer.quantities import size
from installer.tui.app import Screens
from installer.tui.proposals import Install
from installer.words import word
from tests.cli.test_data import NOTES, Notes
from tests.tui.sample_app import ZONE, make_media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World
from tests.tui.test_changes import ANSWERS


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def screens(tmp_path: Path, notes: Notes) -> Screens:
    """A release whose app says how its data is saved."""
    media = make_media(tmp_path, ("1.0",), table=NOTES)
    zone, kubeconfig, world = tmp_path / "zone", tmp_path / "kubeconfig", World()
    kubeconfig.write_text("{}")
    Appliance.create(zone, ZONE, media.root, media.fingerprint)
    Appliance.open(zone).import_media([media.stick / "champ/greeter-1.0"], ignore)
    world.cluster.computer.programs |= {"dump": notes.dump, "load": notes.load}
    screens = Screens(world.desk(zone, kubeconfig, media.stick))
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    appliance = screens.desk.appliance()
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    return screens


async def opened(person: Person) -> None:
    await person.sees(ZONE, "pacs")
    await person.press("1")
    await person.sees(_("History, the newest first:"), f"[d] {_('Saved data')}")
    await person.press("d")
    await person.sees(_("Save now"))


async def saved(person: Person) -> None:
    await opened(person)
    await person.press("s")
    told = _("Backup {number} of {release} {version}: {state}, {size}")
    text = told.format(number=1, release="pacs", version="1.0", state=word("whole"), size=size(5))
    await person.reads(text, _("To the overview"))
    person.keep("saved")
    await person.press("enter")
    await opened(person)
    await person.sees(word("whole"), size(5))


async def test_data_is_saved_and_brought_back(screens: Screens, notes: Notes, spoken: str) -> None:
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"backups-{spoken}")
        await opened(person)
        await person.reads(_("none: press s to save what the release keeps now"))
        assert _("Bring the marked one back") not in person.text
        person.keep("none")
        await person.press("escape", "escape")
        await saved(person)
        person.keep("backups")
        notes.text = b"spoilt"
        await person.press("b")
        await person.reads(
            _("This replaces the data of {name} by what was saved.").format(name="pacs")
        )
        await person.type("wrong")
        await person.press("enter")
        await person.reads(_("That is not the name: {name}").format(name="pacs"))
        person.keep("restore")
        await person.press("ctrl+u")
        await person.type("pacs")
        await person.press("enter")
        await person.reads(
            _("Backup {backup} is back in {release}.").format(backup=1, release="pacs")
        )
        person.keep("restored")
    assert notes.text == b"first"
    found = screens.desk.appliance().releases.backups.listed("pacs", "pacs")
    assert [one.number for one in found] == [1, 2]


async def test_a_backup_is_read_again_and_let_go_of(screens: Screens, spoken: str) -> None:
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"backups-{spoken}")
        await saved(person)
        await person.press("enter")
        await person.sees("sha256:", "notes")
        person.keep("details")
        await person.press("escape")
        await person.press("v")
        told = _("Backup {number} of {release}: every byte is as it was saved ({size}).")
        await person.reads(told.format(number=1, release="pacs", size=size(5)))
        await person.press("enter")
        [one] = screens.desk.appliance().releases.backups.listed("pacs", "pacs")
        BlobStore(screens.desk.zone_folder() / "store").path(one.parts[0].digest).unlink()
        await opened(person)
        await person.press("v")
        damaged = _("Backup {number} of {release} is damaged: {damaged}.")
        await person.reads(damaged.format(number=1, release="pacs", damaged="notes"))
        person.keep("damaged")
        await person.press("enter")
        await opened(person)
        await person.press("x")
        await person.reads(_("This lets go of saved data of {name}.").format(name="pacs"))
        await person.type("pacs")
        await person.press("enter")
        await person.reads(_("none: press s to save what the release keeps now"))
    assert screens.desk.appliance().releases.backups.listed("pacs", "pacs") == ()
    assert screens.desk.appliance().audit.rows()[-1].act == "data.remove"
