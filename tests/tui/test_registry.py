"""The registry: what can be pulled, who may what, and a push that is a task."""

from __future__ import annotations

from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.external.target import Target
from champ_offline.registry.clients import Anonymous, roles
from installer.language import translate as _
from installer.tui.app import Screens
from installer.words import word
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


async def test_repositories_and_their_tags(zone: Path, media: Media, spoken: str) -> None:
    Appliance.open(zone).import_media([media.stick / "champ" / "greeter-1.0"], ignore)
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"registry-{spoken}")
        await person.sees(ZONE)
        await person.press("g")
        await person.sees("champ.local/apps/greeter", _("REPOSITORY"))
        person.keep("registry")
        assert _("Push to the site's registry") not in person.text
        await person.press("enter")
        await person.sees("1.0", "sha256:")
        person.keep("tags")


async def test_an_empty_registry_says_what_to_do(zone: Path, media: Media) -> None:
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, "registry-en")
        await person.sees(ZONE)
        await person.press("g")
        await person.sees("nothing can be pulled: import a bundle first")


async def test_what_everybody_may_is_changed_and_recorded(
    zone: Path, media: Media, spoken: str
) -> None:
    appliance = Appliance.open(zone)
    assert appliance.registry.clients.anonymous() is Anonymous.PULL
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"registry-{spoken}")
        await person.sees(ZONE)
        await person.press("g")
        told = _("Without a name everybody may: {what}; clients with a name: {count}")
        await person.sees(told.format(what=word(Anonymous.PULL), count=0))
        await person.press("a")
        await person.sees(_("What may everybody do without saying who it is?"))
        person.keep("anonymous")
        await person.press("2")
        for _attempt in range(100):
            await pilot.pause(0.05)
            if appliance.registry.clients.anonymous() is Anonymous.NONE:
                break
    assert appliance.registry.clients.anonymous() is Anonymous.NONE
    assert appliance.audit.rows()[-1].act == "access.anonymous"


async def test_a_client_is_removed_after_a_question(zone: Path, media: Media, spoken: str) -> None:
    clients = Appliance.open(zone).registry.clients
    clients.add("ci", "", roles(("team/*",), (), ()), "anna")
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"clients-{spoken}")
        await person.sees(ZONE)
        await person.press("g", "n")
        await person.sees("team/*", "registry client add")
        person.keep("clients")
        await person.press("x")
        await person.reads(
            _("Remove the client {name}? Its password and tokens end at once.").format(name="ci")
        )
        await person.press("1")
        await person.sees("team/*")
        assert [one.name for one in clients.all()] == ["ci"]
        await person.press("x")
        await person.sees(_("Remove it"))
        await person.press("2")
        await person.sees(_("none: nobody has a name here"))
        assert _("Remove the marked one") not in person.text
    assert clients.all() == []


async def test_a_push_to_the_sites_registry_is_a_task(
    zone: Path, media: Media, spoken: str
) -> None:
    appliance = Appliance.open(zone)
    appliance.import_media([media.stick / "champ" / "greeter-1.0"], ignore)
    # Nobody listens there: how the push ends is what the task tells.
    appliance.registry.external.use(Target.parse("127.0.0.1:1/champ"), "anna")
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"push-{spoken}")
        await person.sees(ZONE)
        await person.press("g")
        await person.sees("127.0.0.1:1", _("Push to the site's registry"))
        person.keep("external")
        await person.press("p")
        await person.sees("registry push", "[external.", _("To the overview"))
        person.keep("pushed")
        await person.press("enter")
        await person.sees(ZONE)
    (task,) = appliance.tasks.all()
    assert task.words == ("registry", "push")
