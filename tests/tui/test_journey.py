"""The whole way by keys alone, in both languages, over a real zone and a simulated cluster."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from champ_offline.appliance import Appliance
from champ_offline.journal.acts import Act
from champ_offline.particulars.runs import Run, Step
from installer.app_text import run_text
from installer.language import translate as _
from installer.words import word
from tests.tui.conftest import Opened
from tests.tui.sample_app import SUMMARY, TITLE, ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person


async def test_the_whole_way(opened: Opened, media: Media, spoken: str, zone: Path) -> None:
    screens = opened(media.stick)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, spoken)
        await person.sees(ZONE, _("Bundles: none. Plug in the stick and press i."))
        person.keep("overview-empty")
        await take_first_bundle(person)
        await choose_app(person, spoken)
        await fill_in(person)
        await review_and_apply(person, "install")
        await upgrade(person)
        await roll_back(person)
        await remove(person)
    told = [(row.act, json.loads(row.detail)) for row in Appliance.open(zone).audit.rows()]
    made = [detail for act, detail in told if act == Act.PLAN]
    assert [detail["change"] for detail in made] == ["install", "upgrade", "rollback", "remove"]
    applied = [detail["plan"] for act, detail in told if act == Act.APPLY_BEGIN]
    assert [detail["plan"] for detail in made] == applied
    answers = zone / "answers" / "pacs" / "pacs.yaml"
    assert answers.stat().st_mode & 0o777 == 0o400
    written = yaml.safe_load(answers.read_text())
    assert written["site"] == "North Clinic"
    assert written["port"] == 31243
    assert [user["name"] for user in written["users"]] == ["admin", "reader"]
    assert len(written["databasePassword"]) == 24


async def take_first_bundle(person: Person) -> None:
    await person.press("i")
    await person.sees("greeter-1.0", "greeter-2.0")
    person.keep("media")
    await person.press("1")
    await person.sees("Release Engineering", _("it fits"))
    person.keep("bundle")
    await person.press("i")
    await person.sees(_("To the catalog"))
    person.keep("imported")
    await person.press("c")


async def choose_app(person: Person, spoken: str) -> None:
    await person.sees(TITLE[spoken], SUMMARY[spoken])
    person.keep("catalog")
    await person.press("enter")
    await person.sees(_("Install or change it"), _("No release runs it."))
    person.keep("app")
    await person.press("enter")
    await person.sees(_("Release name"))
    await person.press(*["backspace"] * 7)
    await person.type("pacs")
    person.keep("target")
    await person.press("f2")
    await person.sees(_("Go on to the plan"))


async def fill_in(person: Person) -> None:
    person.keep("form")
    await person.press("f2")
    await person.sees(_("this must be filled in"))
    person.keep("form-problem")
    await person.type("North Clinic")
    await person.press("tab")
    await person.type("80")
    await person.sees("30000", "32767", "!")
    person.keep("form-port")
    await person.press("backspace", "backspace")
    await person.type("31243")
    await person.press("tab", "space", "tab", "space")
    await person.sees("< Latin1 >", _("yes"))
    person.keep("form-condition")
    await person.press("space", "tab", "enter", "a")
    await add_reader(person)
    await person.press("tab", "tab", "tab", "ctrl+g")
    person.keep("form-done")
    await person.press("f2")


async def add_reader(person: Person) -> None:
    await person.sees(_("Take it"))
    await person.type("Reader")
    await person.press("f2")
    await person.sees("!")
    person.keep("entry-problem")
    await person.press("home", "delete")
    await person.press("r", "f2")
    await person.sees("admin", "reader")
    person.keep("entries")
    await person.press("escape")


async def review_and_apply(person: Person, operation: str) -> None:
    await person.sees("sha256:", word("created") if operation == "install" else "pacs")
    person.keep(f"plan-{operation}")
    await person.press("enter")
    person.keep(f"difference-{operation}")
    await person.press("escape", "w")
    await person.sees(_("Objects"), _("Pods") if operation != "install" else _("Images"))
    person.keep(f"whole-{operation}")
    await person.press("escape", "m")
    person.keep(f"images-{operation}")
    await person.press("escape", "a")
    await person.sees(_("Type the release name to confirm:"))
    await person.type("wrong")
    await person.press("enter")
    await person.sees("!")
    person.keep(f"confirm-{operation}")
    await person.press(*["backspace"] * 5)
    await person.type("pacs")
    await person.press("enter")
    await person.sees(_("Go on"), "champ --zone")
    person.keep(f"applied-{operation}")
    await person.press("enter")


async def upgrade(person: Person) -> None:
    await person.sees(_("History, the newest first:"), word("healthy"))
    person.keep("release")
    await person.press("escape", "i")
    await person.sees("greeter-2.0")
    await person.press("2")
    await person.sees(_("it fits"))
    await person.press("i")
    await person.sees(_("To the overview"))
    await person.press("enter")
    await person.sees("pacs", word("healthy"))
    person.keep("overview")
    await person.press("1")
    await person.sees(word("deployed"))
    await person.press("u")
    await person.sees("2.0", "1.0")
    person.keep("versions")
    await person.press("1")
    await person.reads(
        run_text(Run("", "pacs", "pacs", "1.0", 1, Step.UP, None), lambda _one: "uid-1")
    )
    person.keep("newer-version")
    await person.press("enter")
    await person.sees(_("Kubeconfig file"))
    await person.press("f2")
    await person.sees(_("keep its present answers"))
    person.keep("keep-answers")
    await person.press("1")
    await review_and_apply(person, "upgrade")


async def roll_back(person: Person) -> None:
    await person.sees(word("upgrade"), word("healthy"))
    await person.press("down", "b")
    await review_and_apply(person, "rollback")


async def remove(person: Person) -> None:
    await person.sees(word("rollback"), word("healthy"))
    person.keep("history")
    await person.press("x")
    await review_and_apply(person, "remove")
    await person.sees(_("Releases: {count}").format(count=0))
    person.keep("overview-end")
