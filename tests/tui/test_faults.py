"""What goes wrong is a dialog with sentence, remedy and id; the zone stays as it was."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from champ_offline.appliance import Appliance
from champ_offline.trust.errors import OtherRoot
from champ_offline.trust.roots import fingerprint
from installer.language import translate as _
from installer.tui.app import Screens
from tests.tui.conftest import Opened
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import SimulatedAppliance, World
from tests.unit.trust.signing import Holder, first_root


async def test_a_spoiled_bundle_is_refused_and_the_store_stays_empty(
    opened: Opened, media: Media, tmp_path: Path, spoken: str
) -> None:
    stick = tmp_path / "spoiled"
    shutil.copytree(media.stick, stick)
    volume = next((stick / "champ/greeter-1.0").glob("*.tar"))
    data = bytearray(volume.read_bytes())
    data[-5000] ^= 1
    volume.write_bytes(data)
    screens = opened(stick)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0")
        await person.press("1")
        await person.sees(_("it fits"))
        await person.press("i")
        await person.sees(_("This did not work"), "media.volume-corrupt")
        person.keep("spoiled")
        await person.press("enter")
        await person.sees(_("Nothing was imported. The zone is as it was before."), volume.name)
        person.keep("spoiled-after")
    assert screens.desk.appliance().summary().blobs == 0


async def test_a_bundle_of_strangers_cannot_be_imported(
    opened: Opened, strangers: Media, spoken: str
) -> None:
    screens = opened(strangers.stick)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0")
        await person.press("1")
        await person.sees(_("This did not work"), "trust.")
        person.keep("strangers")
        await person.press("enter")
        await person.sees(_("This bundle is refused. Nothing was changed."))
        await person.press("i")
        text = person.keep("strangers-after")
        assert "greeter-1.0" in text.replace("\n ", "")
        assert _(OtherRoot.remedy)[:20] in text
        assert _("Import this bundle") not in person.text


async def test_an_expired_bundle_is_accepted_with_a_reason_that_the_zone_keeps(
    tmp_path: Path, spoken: str
) -> None:
    old = make_media(tmp_path, ("1.0",), timedelta(days=400))
    Appliance.create(tmp_path / "zone", ZONE, old.root, old.fingerprint)
    screens = Screens(World().desk(tmp_path / "zone", None, old.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0")
        await person.press("1")
        await person.sees(_("This did not work"), "trust.expired", "--accept-expired")
        person.keep("expired")
        await person.press("enter")
        await person.sees(_("Accept with a reason"))
        await person.press("i")
        await person.press("a")
        await person.press("enter")
        await person.sees(_("Say in a few words why."))
        await person.type("confirmed by telephone")
        person.keep("expired-reason")
        await person.press("enter")
        await person.sees(_("Overridden"))
        person.keep("expired-accepted")
        await person.press("i")
        await person.sees("greeter 1.0", _("To the catalog"))
    (record,) = Appliance.open(tmp_path / "zone").trust_view().overrides
    assert (record.kind, record.reason) == ("expired", "confirmed by telephone")


async def test_without_a_zone_a_folder_is_asked_for_and_a_zone_can_be_made(
    tmp_path: Path, media: Media, spoken: str
) -> None:
    screens = Screens(World().desk(None, None, None))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(_("Zone folder"))
        person.keep("no-zone")
        await person.type(str(tmp_path / "new"))
        await person.press("enter")
        await person.sees("zone.not-a-zone")
        await person.press("enter", "tab")
        await person.type("clinic")
        await person.press("tab")
        await person.type(str(media.root))
        await person.press("tab")
        await person.type("0000")
        await person.press("f2")
        await person.sees("trust.")
        await person.press("enter", *["backspace"] * 4)
        await person.type(media.fingerprint)
        person.keep("new-zone")
        await person.press("f2")
        await person.sees(_("Overview"), "clinic")
    assert Appliance.open(tmp_path / "new").name == "clinic"


async def test_a_zone_is_made_with_an_expired_root_where_a_reason_is_given(
    tmp_path: Path, spoken: str
) -> None:
    data = first_root([Holder("Anna")], datetime(2010, 5, 1, tzinfo=UTC))
    (tmp_path / "old.json").write_bytes(data)
    screens = Screens(World().desk(None, None, None))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(_("Zone folder"))
        assert "[F3]" not in person.text
        for text in (tmp_path / "new", "clinic", tmp_path / "old.json", fingerprint(data)):
            await person.type(str(text))
            await person.press("tab")
        await person.press("f2")
        await person.sees(_("This did not work"), "trust.root-expired", "2020-04-28")
        assert not (tmp_path / "new").exists()
        await person.press("enter")
        await person.sees(_("Accept with a reason"))
        person.keep("expired-root")
        await person.press("f3", "enter")
        await person.sees(_("Say in a few words why."))
        await person.type("the clock cannot be set")
        person.keep("expired-root-reason")
        await person.press("enter")
        await person.sees(_("Overview"), "clinic")
    (record,) = Appliance.open(tmp_path / "new").trust_view().overrides
    assert (record.kind, record.reason) == ("expired", "the clock cannot be set")


async def test_a_cluster_that_does_not_answer_is_noted_and_said(
    opened: Opened, media: Media, spoken: str
) -> None:
    world = World()
    screens = opened(media.stick, world)
    screens.desk.appliance().import_media([media.stick / "champ/greeter-1.0"], lambda _event: None)
    world.cluster.reachable = False
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees("greeter")
        await person.press("1")
        await person.sees(_("Install or change it"))
        await person.press("enter")
        await person.sees(_("Release name"))
        await person.press("f2")
        await person.sees("hello")
        await person.press("tab")
        await person.type("North")
        await person.press("f2")
        await person.sees("cluster.unreachable")
        person.keep("unreachable")
        await person.press("enter")
        await person.sees(_("There is no plan. Nothing was changed."))
        await person.press("escape")
        await person.sees("North")


async def test_a_release_name_that_kubernetes_refuses_is_said_under_the_lines(
    opened: Opened, media: Media
) -> None:
    screens = opened(media.stick)
    screens.desk.appliance().import_media([media.stick / "champ/greeter-1.0"], lambda _event: None)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, "faults-en")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees("greeter")
        await person.press("1")
        await person.sees("Install or change it")
        await person.press("enter")
        await person.sees("Release name")
        await person.type("../X")
        await person.press("f2")
        await person.sees("! ", "cannot name a release")
        person.keep("bad-name")


async def test_what_nobody_foresaw_ends_the_screens_without_a_traceback(
    opened: Opened,
    media: Media,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(_self: Appliance) -> object:
        raise ZeroDivisionError("a fault of this program")

    monkeypatch.setattr(SimulatedAppliance, "summary", broken)
    screens = opened(media.stick)
    with pytest.raises(Exception, match="a fault of this program"):
        async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
            await Person(screens, pilot, "faults-en").sees("never there")
    assert isinstance(screens.unforeseen, ZeroDivisionError)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


async def test_an_import_waits_for_the_next_medium_and_goes_on(
    opened: Opened, media: Media, spoken: str, tmp_path: Path
) -> None:
    stick = shutil.copytree(media.stick / "champ/greeter-1.0", tmp_path / "stick/champ/greeter-1.0")
    volume = next(stick.glob("*.tar"))
    volume.rename(tmp_path / "elsewhere.tar")
    screens = opened(tmp_path / "stick")
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"faults-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0")
        await person.press("1")
        await person.sees(_("it fits"))
        await person.press("i")
        await person.sees(volume.name, "Esc")
        person.keep("next-medium")
        (tmp_path / "elsewhere.tar").rename(volume)
        await person.sees(_("To the catalog"))
        person.keep("next-medium-came")
    assert screens.desk.appliance().summary().blobs > 0


async def test_an_import_goes_on_from_a_folder_that_is_named(tmp_path: Path, spoken: str) -> None:
    made = make_media(tmp_path, ("1.0",), volume=400 * 1024)
    other = shutil.copytree(made.stick, tmp_path / "other")
    for stick, number in ((made.stick, "0002"), (other, "0001")):
        next(stick.rglob(f"*.{number}.tar")).unlink()
    Appliance.create(tmp_path / "zone", ZONE, made.root, made.fingerprint)
    screens = Screens(World().desk(tmp_path / "zone", None, made.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"folder-{spoken}")
        await open_bundle(person)
        await person.press("i")
        await person.sees("0002.tar", _("Name another folder"))
        text = person.keep("waiting")
        assert "\n > " not in text
        await leave_and_come_back(person)
        await person.press("f", *["backspace"] * len(str(made.stick)))
        await person.type(str(tmp_path / "app"))
        await person.press("enter")
        told = _("! There is no part of this bundle in {path}. The import still waits.")
        await person.sees(told.format(path="")[-6:], "0002.tar")
        person.keep("other-folder")
        await person.press("f", *["backspace"] * len(str(made.stick)))
        await person.type(str(other))
        await person.press("enter")
        await person.sees(_("To the catalog"))
        person.keep("folder-taken")
    assert Appliance.open(tmp_path / "zone").summary().waiting == 0


async def test_a_folder_without_a_bundle_leaves_no_stick_chosen(
    tmp_path: Path, spoken: str
) -> None:
    made = make_media(tmp_path, ("1.0",))
    Appliance.create(tmp_path / "zone", ZONE, made.root, made.fingerprint)
    screens = Screens(World().desk(tmp_path / "zone", None, made.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"mistyped-{spoken}")
        await person.sees(ZONE)
        await person.press("i")
        await person.sees("greeter-1.0")
        refused = {tmp_path / "mistyped": "trust.no-such-folder", made.root: "media.no-bundle"}
        for wrong, error in refused.items():
            await person.press("f", *["backspace"] * len(str(made.stick)))
            await person.type(str(wrong))
            await person.press("enter")
            await person.sees(error)
            await person.press("escape")
            await person.reads(_("Press r to look again."))
            assert "greeter-1.0" not in person.keep(wrong.name)
        await person.press("r")
        await person.sees("greeter-1.0")


async def test_the_bundle_in_a_folder_that_is_typed_is_the_marked_one(tmp_path: Path) -> None:
    made = make_media(tmp_path, ("1.0", "2.0"))
    first = shutil.copytree(made.stick / "champ/greeter-1.0", tmp_path / "first/champ/greeter-1.0")
    other = shutil.copytree(made.stick / "champ/greeter-2.0", tmp_path / "typed/champ/greeter-2.0")
    Appliance.create(tmp_path / "zone", ZONE, made.root, made.fingerprint)
    screens = Screens(World().desk(tmp_path / "zone", None, first.parents[1]))
    with patch("installer.sticks.mounted", lambda _mounts: [(first.parents[1], "vfat")]):
        async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
            person = Person(screens, pilot, "typed")
            await person.sees(ZONE)
            await person.press("i")
            await person.sees(">1 greeter")
            await person.press("f", *["backspace"] * len(str(first.parents[1])))
            await person.type(str(other.parents[1]))
            await person.press("enter")
            await person.sees("2 greeter", _("accepted"))
            await person.press("enter")
            await person.sees("greeter 2.0", _("it fits"))


async def open_bundle(person: Person) -> None:
    await person.sees(ZONE)
    await person.press("i")
    await person.sees("greeter-1.0")
    await person.press("1")
    await person.sees(_("it fits"), _("To read"))
    person.keep("bundle")


async def leave_and_come_back(person: Person) -> None:
    """End the wait: the bundle and the overview tell what is kept and what is still to come."""
    before = line_of(person, _("New here"))
    await person.press("escape")
    await person.sees(_("it fits"))
    while line_of(person, _("New here")) == before:
        await person.pilot.pause(0.05)
    person.keep("bundle-again")
    assert _("To read") not in person.text
    await person.press("escape", "escape")
    kept = _(
        "An import was begun: {size} are kept. Plug in its stick again, or its next one, and press"
        " i to go on."
    ).split("{")[0]
    await person.sees(kept)
    person.keep("overview-begun")
    await person.press("i")
    await person.sees("greeter-1.0")
    await person.press("1")
    await person.sees(_("it fits"))
    await person.press("i")
    await person.sees("0002.tar", _("Name another folder"))


def line_of(person: Person, label: str) -> str:
    return next((line for line in person.text.split("\n") if label in line), "")


async def test_long_values_stay_in_their_column(tmp_path: Path, spoken: str) -> None:
    made = make_media(tmp_path, ("1.0",), volume=30 * 1024)
    Appliance.create(tmp_path / "zone", ZONE, made.root, made.fingerprint)
    screens = Screens(World().desk(tmp_path / "zone", None, made.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"columns-{spoken}")
        await open_bundle(person)
        lines = person.text.split("\n")
        row = next(index for index, line in enumerate(lines) if _("Volumes") in line)
        assert lines[row + 1].startswith("          "), person.text
