"""Changes on the screens: concerns accepted, drift put right, recovery, and a stop on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.preflight.checks import SORTS
from champ_offline.preflight.concern import Concern, Weight
from champ_offline.release.apply.failures import ApplyLeftOpen
from champ_offline.release.plan import Plan
from champ_offline.release.records.vault import Vault
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.proposals import Install
from installer.tui.routes import ApplyPlan
from installer.tui.screens.applying import ApplyScreen
from installer.tui.screens.review import ReviewScreen
from installer.words import word
from tests.tui.conftest import Opened
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World

ANSWERS = "site: North Clinic\nusers: [{name: admin}]\n"


class Cut(BaseException):
    """The end of the process, in the middle of what it did."""


@dataclass
class Site:
    """Screens over a zone whose app runs at 1.0, and the world they act on."""

    screens: Screens
    world: World
    kubeconfig: Path

    @property
    def appliance(self) -> Appliance:
        return self.screens.desk.appliance()

    def upgrade(self) -> Install:
        return Install("greeter", "2.0", "pacs", "pacs", self.kubeconfig)

    def version(self) -> str:
        [found] = self.appliance.releases.status("pacs", "pacs", None)
        return found.version


@pytest.fixture
def site(opened: Opened, media: Media, tmp_path: Path) -> Site:
    world = World()
    screens = opened(media.stick, world)
    appliance, kubeconfig = screens.desk.appliance(), tmp_path / "kubeconfig"
    for version in ("1.0", "2.0"):
        appliance.import_media([media.stick / f"champ/greeter-{version}"], ignore)
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    return Site(screens, world, kubeconfig)


@dataclass(frozen=True)
class Blocked(Install):
    """A plan of this zone with a concern that blocks it and one to mind."""

    def plan(self, appliance: Appliance) -> Plan:
        made = super().plan(appliance)
        blocking = next(one for one in SORTS.values() if one.weight is Weight.BLOCKING)
        minding = next(one for one in SORTS.values() if one.weight is Weight.WARNING)
        found = tuple(Concern(one.id, one.weight, "Deployment web") for one in (minding, blocking))
        blocked = replace(made, concerns=found)
        Vault(appliance._database, str).put(blocked.to_bytes())
        return blocked


async def test_a_concern_is_accepted_by_its_id(site: Site, spoken: str) -> None:
    wanted = site.upgrade()
    blocked = Blocked(**vars(wanted))
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"changes-{spoken}")
        await person.sees(ZONE)
        site.screens.push_screen(ReviewScreen(blocked))
        await person.sees(_("Concerns"))
        await person.press("c")
        await person.sees(_("blocks"), _("to mind"), "Deployment web")
        person.keep("concerns")
        await person.press("a")
        concern = next(one for one in SORTS.values() if one.weight is Weight.BLOCKING).id
        await person.type("no")
        await person.press("enter")
        await person.reads(_("That is not the id: {id}").format(id=concern))
        person.keep("accept")
        await person.press("backspace", "backspace")
        await person.type(concern)
        await person.press("enter")
        await person.reads(_("In the way: {stops}; to mind: {rest}.").format(stops=0, rest=2))
        person.keep("accepted")
        review = site.screens.screen
        assert isinstance(review, ReviewScreen)
        assert any(f"--accept {concern}" in one for one in review.proposal.commands(Path("/z")))
        assert review.plan is not None
        assert not review.plan.blocked
    acts = [row.act for row in site.appliance.audit.rows()]
    assert acts[-1].startswith("release.")


async def test_drift_is_shown_and_put_right(site: Site, spoken: str) -> None:
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"changes-{spoken}")
        await person.sees(ZONE, "pacs", word("healthy"))
        assert _("Put it right") not in person.text
        live = site.world.cluster.get("v1", "ConfigMap", "pacs", "pacs-config")
        assert live is not None
        site.world.cluster.apply({**live, "data": {"greeting": "by hand"}}, "pacs")
        await person.press("1")
        await person.reads(_("{count} object(s)").format(count=1), _("Put it right"))
        person.keep("drift")
        await person.press("t")
        await person.sees("ConfigMap pacs-config", _("now: {now}").format(now="by hand"))
        person.keep("drift-whole")
        await person.press("escape")
        await person.press("p")
        await person.sees("pacs-config", word("changed"))
        person.keep("way-back")
        await person.press("a")
        await person.sees(_("Type the release name to confirm:"))
        await person.type("pacs")
        await person.press("enter")
        await person.reads(word("deployed"))
    fresh = site.world.cluster.get("v1", "ConfigMap", "pacs", "pacs-config")
    assert fresh is not None
    assert fresh["data"] != {"greeting": "by hand"}


async def test_what_was_interrupted_is_told_and_put_right(site: Site, spoken: str) -> None:
    """The screens ask the cluster for nothing that would put it right unasked."""

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        if name == "apply Secret":
            site.world.cluster.reachable = False
            raise Cut
        yield

    site.world.cluster.effect = effect
    with pytest.raises(ApplyLeftOpen):
        site.appliance.releases.apply(site.upgrade().plan(site.appliance), site.kubeconfig, ignore)
    site.world.cluster.effect = nullcontext
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"changes-{spoken}")
        await person.sees(ZONE, "pacs/pacs", _("Finish what was interrupted"))
        person.keep("interrupted-away")
        site.world.cluster.reachable = True
        await person.press("r")
        await person.sees(_("Would be done: {acts}").format(acts="rollback 1"))
        person.keep("interrupted")
        assert site.appliance.releases.interrupted() != ()
        await person.press("f")
        await person.sees(_("Put right what was interrupted?"))
        person.keep("recover")
        await person.press("1")
        await person.sees(_("What became of it"), _("OUTCOME"), word("put-back"))
        person.keep("recovered")
        await person.press("escape")
        await person.sees(word("healthy"))
        assert _("Finish what was interrupted") not in person.text
    assert site.appliance.releases.interrupted() == ()
    assert site.version() == "1.0"


@contextmanager
def in_the_middle(world: World) -> Iterator[threading.Event]:
    """Helm stands still in the middle of a change until it is ended; the event says that it is."""
    there, once = threading.Event(), threading.Event()

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        if name == "apply Secret" and not once.is_set():
            once.set()
            there.set()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:  # a stop comes between two of these
                time.sleep(0.02)
            raise AssertionError("nobody stopped it")
        yield

    world.cluster.effect = effect
    yield there
    world.cluster.effect = nullcontext


async def test_a_change_under_way_is_stopped_and_put_back(site: Site, spoken: str) -> None:
    plan = site.upgrade().plan(site.appliance)
    with in_the_middle(site.world) as there:
        async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
            person = Person(site.screens, pilot, f"changes-{spoken}")
            await person.sees(ZONE)
            site.screens.push_screen(ApplyScreen(ApplyPlan(plan, site.upgrade())))
            await person.sees(_("Stop and put back"))
            assert await asyncio.to_thread(there.wait, 20)
            person.keep("under-way")
            await person.press("s")
            await person.sees(_("Let it go on"))
            person.keep("stop")
            await person.press("2")
            await person.reads(
                _("Stopped. {release} is as it was before; the history says so.").format(
                    release="pacs"
                )
            )
            person.keep("stopped")
            await person.press("enter")
            await person.reads("1.0", word("put-back"))
            person.keep("history")
    assert site.version() == "1.0"
    record = site.world.helm.status("pacs", "pacs")
    assert record is not None
    assert record.status == "deployed"
    acts = [row.act for row in site.appliance.audit.rows()]
    assert acts.count("release.apply.begin") == acts.count("release.apply.end")
