"""The catalog: searched, with an app of a later release's format; and where a form starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.catalog.entry import AppFormatNewer
from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.proposals import Install
from installer.tui.routes import FillForm
from installer.tui.screens.answers import kept_answers, read_form, write
from installer.words import category_text
from tests.tui.conftest import Opened
from tests.tui.sample_app import SUMMARY, TITLE, ZONE, Media, make_media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World
from tests.tui.stage import ANSWERS


async def test_apps_are_searched_and_chosen_by_category(
    opened: Opened, media: Media, spoken: str
) -> None:
    screens = opened(media.stick)
    for version in ("1.0", "2.0"):
        screens.desk.appliance().import_media([media.stick / f"champ/greeter-{version}"], ignore)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"catalog-{spoken}")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees(TITLE[spoken], "605")
        assert person.text.index("2.0") < person.text.index("1.0")
        await person.press("end", "slash")
        await person.type("greet 影像")
        await person.press("enter")
        await person.reads(_("{count} of {every}").format(count=2, every=2))
        assert ">1 greeter" in person.text
        await person.press("slash", "x", "enter")
        await person.sees(_("none of the apps here"))
        person.keep("nothing")
        await person.press("enter")
        await person.press("slash", *["backspace"] * 12, "enter")
        await person.sees(">1 greeter")
        await person.press("f", "2")
        await person.sees(_("Category: {name}.").format(name=category_text("imaging")))
        await person.press("f", "1", "1")
        await person.sees("greeter 2.0", _("No release runs it."))
        await person.press("r")
        await person.sees("README: greeter", "# ")
        await person.press("escape", "escape")
        await person.sees(_("Which app shall be installed?"))


async def test_the_form_says_where_values_come_from(
    opened: Opened, media: Media, spoken: str, tmp_path: Path
) -> None:
    """Installed without the screens: they start with what the release has, secrets unseen."""
    world, kubeconfig = World(), tmp_path / "kubeconfig"
    screens = opened(media.stick, world)
    kubeconfig.write_text("{}")
    screens.desk.kubeconfig = kubeconfig
    appliance = screens.desk.appliance()
    appliance.import_media([media.stick / "champ/greeter-1.0"], ignore)
    (tmp_path / "answers.yaml").write_text(ANSWERS.replace("greeting: hello", "greeting: good day"))
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"sources-{spoken}")
        await person.sees(ZONE)
        screens.post_message(FillForm(replace(wanted, answers=None)))
        await person.sees("good day", "North Clinic")
        app = _("The app has {default}.").format(default="hello")
        await person.reads(f"{_('Value: of last time.')} {app}")
        await person.press("backspace")
        await person.reads(f"{_('Value: typed.')} {app}")
        await person.press(*["backspace"] * 7)
        await person.reads(_("Value: the app's default."))
        await person.press("tab")
        await person.reads(_("Value: of last time."))
        await person.press("tab")
        await person.reads(_("Value: none yet."))
        await person.press("end", *["tab"] * 6)
        await person.reads(_("Value: kept from last time."), _("empty: kept"))
        person.keep("kept")
        await person.press("ctrl+g")
        await person.reads(_("Value: made for you."))
        await person.press("x")
        await person.reads(_("Value: typed."))
        assert "not-a-secret" not in person.text


async def test_what_was_typed_since_is_what_the_form_starts_with(
    opened: Opened, media: Media, tmp_path: Path
) -> None:
    world, kubeconfig = World(), tmp_path / "kubeconfig"
    screens = opened(media.stick, world)
    kubeconfig.write_text("{}")
    appliance = screens.desk.appliance()
    appliance.import_media([media.stick / "champ/greeter-1.0"], ignore)
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    fresh = read_form(appliance, wanted)
    assert (fresh.start.given, fresh.start.kept, fresh.trouble) == ({}, {}, None)
    kept = kept_answers(appliance, wanted)
    write(fresh.form, wanted, kept, {"site": "Typed before"})
    assert read_form(appliance, wanted).start.given == {"site": "Typed before"}
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    after = read_form(appliance, wanted)
    assert after.start.given["site"] == "North Clinic"
    assert "databasePassword" not in after.start.given
    assert after.start.given["users"] == [{"name": "admin"}]
    assert after.start.kept["databasePassword"] == "not-a-secret-at-all"
    assert "not-a-secret" not in repr(after)
    write(after.form, wanted, kept, {"site": "Typed since"})
    assert read_form(appliance, wanted).start.given == {"site": "Typed since"}
    kept.chmod(0o600)
    kept.write_text("sight: wrong\n")
    broken = read_form(appliance, wanted)
    assert broken.trouble is not None
    assert broken.start.given["site"] == "North Clinic"
    world.cluster.reachable = False
    away = read_form(appliance, wanted)
    assert away.trouble is not None


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


async def test_what_was_typed_is_there_again_when_the_form_was_left(
    opened: Opened, media: Media, spoken: str, tmp_path: Path
) -> None:
    screens = opened(media.stick)
    screens.desk.appliance().import_media([media.stick / "champ/greeter-2.0"], ignore)
    wanted = Install("greeter", "2.0", "clinic", "clinic", None)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"draft-{spoken}")
        await person.sees(ZONE)
        screens.post_message(FillForm(wanted))
        await person.sees(_("Go on to the plan"))
        await person.press("tab")
        await person.type("North Clinic")
        await person.press("escape")
        await person.sees(_("Catalog: install an app"))
        screens.post_message(FillForm(replace(wanted, kubeconfig=tmp_path / "another")))
        await person.sees("North Clinic")
