"""The audit chain on the screen: long, searched, verified, and said when it does not stand."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.journal.audit import Entry
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.widgets.long_rows import PAGE
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World

MANY = 3 * PAGE + 7
KEEP = "DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept;"


def record(zone: Path, count: int) -> None:
    rows = (
        Entry("ci", "registry.blob.push", f"team/app{n}", {"n": n}) for n in range(2, count + 1)
    )
    Appliance.open(zone).audit.record(*rows)


@asynccontextmanager
async def looking(zone: Path, media: Media, spoken: str) -> AsyncIterator[Person]:
    """Somebody before a long chain, of which the newest rows are seen."""
    record(zone, MANY)
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"audit-{spoken}")
        await person.sees(ZONE)
        await person.press("a")
        await person.sees(_("Rows: {count}").format(count=MANY), f"team/app{MANY}")
        yield person


async def test_rows_are_fetched_as_they_come_into_view(
    zone: Path, media: Media, spoken: str
) -> None:
    async with looking(zone, media, spoken) as person:
        person.keep("audit")
        await person.press("end")
        await person.sees("zone.init", "team/app2 "[:-1])
        await person.press("enter")
        await person.sees("SHA-256", "fingerprint")
        person.keep("row")
        await person.press("escape", "home")
        await person.sees(f"team/app{MANY}")
        for _page in range(PAGE // 10):
            await person.press("pagedown")
        await person.sees(f"team/app{MANY - PAGE + 1}")


async def test_rows_are_searched(zone: Path, media: Media, spoken: str) -> None:
    async with looking(zone, media, spoken) as person:
        await person.press("slash")
        await person.sees(_("Rows with which text? Empty for all."))
        await person.type("APP55")
        await person.press("enter")
        await person.sees("team/app559", _("with “{text}”").format(text="APP55"))
        assert "team/app560" not in person.keep("found")
        await person.press("slash", *["backspace"] * 5)
        await person.type("nowhere at all")
        await person.press("enter")
        await person.sees(_("No row has that."))
        person.keep("nothing")


async def test_a_chain_that_stands_and_one_that_does_not(
    zone: Path, media: Media, spoken: str
) -> None:
    async with looking(zone, media, spoken) as person:
        await person.press("v")
        await person.reads(
            _("The chain stands: every row is as it was written. Note the head elsewhere.")
        )
        person.keep("stands")
        with closing(sqlite3.connect(zone / "champ.db")) as connection:
            connection.executescript(KEEP)
            connection.execute("UPDATE audit SET actor = 'x' WHERE seq = ?", (MANY,))
            connection.commit()
        await person.press("v")
        await person.sees("journal.audit-broken")
        person.keep("broken")
        await person.press("enter", "r")
        await person.sees(_("Rows: {count}").format(count=MANY))
        await person.press("enter")
        await person.sees(_("! This row was changed after it was written."))
