"""The catalog where one of its apps is of a later release's format."""

from __future__ import annotations

from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.catalog.entry import AppFormatNewer
from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.app import Screens
from tests.tui.sample_app import SUMMARY, TITLE, ZONE, make_media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


async def test_an_app_that_needs_a_newer_champ_is_shown_and_cannot_be_chosen(
    tmp_path: Path, spoken: str
) -> None:
    media = make_media(tmp_path, newer=("2.0",))
    zone = Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for version in ("1.0", "2.0"):
        zone.import_media([media.stick / "champ" / f"greeter-{version}"], ignore)
    screens = Screens(World().desk(tmp_path / "zone", None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"catalog-{spoken}")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees(TITLE[spoken], SUMMARY[spoken], _("needs a newer champ"))
        text = person.keep("both")
        assert f"[Enter] {_('All about it')}" in text
        await person.press("2")
        assert SUMMARY[spoken] in person.text
        await person.press("down")
        await person.sees(AppFormatNewer.id)
        text = person.keep("unusable")
        assert f"[Enter] {_('All about it')}" not in text
        await person.press("enter")
        assert AppFormatNewer.id in person.text
        await person.press("up", "enter")
        await person.sees("greeter 1.0", _("In this zone"))
        await person.press("enter")
        await person.sees(_("Release name"))
