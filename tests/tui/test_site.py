"""A whole site's document on the screens: planned, read, accepted, applied as a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.message import Message

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.preflight.checks import SORTS
from champ_offline.preflight.concern import Concern, Weight
from champ_offline.release.plan import Plan
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.screens import site
from installer.words import word
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World

DOCUMENT = f"""\
format: 1
defaults:
  greeter: {{version: "1.0", answers: {{site: North, users: [{{name: admin}}]}}}}
zones:
  {ZONE}:
    clusters:
      main:
        apps:
          db: {{app: greeter, namespace: imaging}}
          pacs: {{app: greeter, namespace: imaging, needs: [db]}}
"""


@pytest.fixture
def screens(zone: Path, media: Media, tmp_path: Path) -> Screens:
    """A zone with one cluster and the app in its catalog."""
    Appliance.open(zone).import_media([media.stick / "champ/greeter-1.0"], ignore)
    kubeconfig = tmp_path / "main.conf"
    kubeconfig.write_text("{}")
    kubeconfig.chmod(0o600)
    screens = Screens(World().desk(zone, None, media.stick))
    screens.desk.appliance().releases.add_cluster("main", kubeconfig)
    return screens


async def planned(screens: Screens, person: Person, document: Path) -> None:
    await person.sees(ZONE, f"[p] {_('Site plan')}")
    await person.press("p")
    await person.reads(_("Where is the site's document (docs/site.md)?"))
    await person.type(str(document))
    await person.press("enter")


async def test_a_site_is_planned_read_and_applied(
    screens: Screens, tmp_path: Path, spoken: str
) -> None:
    document = tmp_path / "site.yaml"
    document.write_text(DOCUMENT)
    counted = _("Releases that change: {changed}; unchanged: {same}; in the way: {stops}")
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"site-{spoken}")
        await planned(screens, person, document)
        await person.reads(counted.format(changed=2, same=0, stops=0), "main/db", "main/pacs")
        await person.press("down")
        await person.reads(_("It comes after: {names}").format(names="main/db"))
        person.keep("plan")
        await person.press("enter")
        await person.sees("pacs", "greeter 1.0")
        person.keep("member")
        await person.press("escape")
        await person.press("a")
        await person.reads(_("This changes releases of the zone {name}: {count}.").format(
            name=ZONE, count=2
        ))  # fmt: skip
        await person.type("pacs")
        await person.press("enter")
        await person.reads(_("That is not the name: {name}").format(name=ZONE))
        person.keep("confirm")
        await person.press("ctrl+u")
        await person.type(ZONE)
        await person.press("enter")
        applied = word("applied")
        await person.sees(f"main/db 1.0: {applied}", f"main/pacs 1.0: {applied}")
        person.keep("applied")
        await person.press("enter")
        await person.sees("db", "pacs")
        await person.press("p")
        await person.reads(counted.format(changed=0, same=2, stops=0))
        person.keep("unchanged")
        assert f"[a] {_('Apply')}" not in person.text
    (task,) = screens.desk.appliance().tasks.all()
    assert task.words[0] == "apply"
    acts = [row.act for row in screens.desk.appliance().audit.rows()]
    assert (acts.count("site.plan"), acts.count("release.apply.end")) == (2, 2)


async def test_everything_that_is_wrong_with_a_document_is_told(
    screens: Screens, tmp_path: Path, spoken: str
) -> None:
    document = tmp_path / "site.yaml"
    wrong = DOCUMENT.replace("needs: [db]", "needs: [nobody]").replace("site: North", "site: 7")
    document.write_text(wrong)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"site-{spoken}")
        await planned(screens, person, tmp_path / "nowhere.yaml")
        await person.sees(_("There is no file {path}.").partition("{")[0].strip(), "nowhere")
        await person.press("ctrl+u")
        await person.type(str(document))
        await person.press("enter")
        await person.sees(_("Problems"), "nobody", "[yaml.wrong-value]")
        person.keep("problems")
        await person.press("escape")
        await person.sees(_("Another document"))
        document.write_text(DOCUMENT)
        await person.press("r")
        await person.sees("main/db", "main/pacs")


async def test_a_failure_names_what_failed_and_what_was_not_begun(
    screens: Screens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "site.yaml"
    document.write_text(DOCUMENT)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, "site-en")
        await planned(screens, person, document)
        await person.sees("main/db")
        cluster = screens.desk.appliance().world.cluster  # type: ignore[attr-defined]
        monkeypatch.setattr(cluster, "reachable", False)
        await person.press("a")
        await person.type(ZONE)
        await person.press("enter")
        await person.sees("[site.cluster-away]")
        person.keep("away")


async def test_a_concern_is_accepted_for_the_whole_site(
    screens: Screens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: str
) -> None:
    """The plan is real but for a concern that blocks one of its members."""
    sort = next(one for one in SORTS.values() if one.weight is Weight.BLOCKING)
    asked: list[tuple[str, ...]] = []
    real = site.planned

    def blocked(appliance: Appliance, document: Path, accepted: tuple[str, ...]) -> Message:
        asked.append(tuple(accepted))
        found = real(appliance, document, ())
        assert isinstance(found, site.SitePlanned)
        if accepted:
            return found
        [[first], *rest] = found.plan.waves
        assert first.plan is not None
        plan = Plan.from_bytes(found.plans[first.plan])
        concern = Concern(sort.id, sort.weight, "Deployment db-work")
        worse = replace(plan, concerns=(concern,)).to_bytes()
        stopped = replace(first, plan=Digest.of(worse), stops=(sort.id,))
        waves = ((stopped,), *rest)
        plans = {**found.plans, Digest.of(worse): worse}
        return site.SitePlanned(replace(found.plan, waves=waves), plans)

    monkeypatch.setattr(site, "planned", blocked)
    document = tmp_path / "site.yaml"
    document.write_text(DOCUMENT)
    counted = _("Releases that change: {changed}; unchanged: {same}; in the way: {stops}")
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"site-{spoken}")
        await planned(screens, person, document)
        await person.reads(counted.format(changed=2, same=0, stops=1), sort.id)
        assert f"[a] {_('Apply')}" not in person.text
        person.keep("blocked")
        await person.press("c")
        await person.sees(_("blocks"), "Deployment db-work")
        await person.press("a")
        await person.type(sort.id)
        await person.press("enter")
        await person.reads(counted.format(changed=2, same=0, stops=0))
        assert f"[a] {_('Apply')}" in person.text
    assert asked == [(), (sort.id,)]
