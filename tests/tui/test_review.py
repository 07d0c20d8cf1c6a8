"""The review on the screen: whole at 80 by 24, and refused where the cluster moved meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.release.plan import Plan
from champ_offline.release.review.guard import Moved
from installer.language import translate as _
from installer.tui.proposals import Install, Remove
from installer.tui.screens.review import ReviewScreen
from installer.words import word
from tests.cli.test_plan_review import BLOCKED
from tests.tui.conftest import Opened
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World

ANSWERS = "site: North Clinic\nusers: [{name: admin}]\n"


@dataclass(frozen=True)
class Brought(Remove):
    """A plan that is there already."""

    made: Plan = BLOCKED

    def plan(self, appliance: Appliance) -> Plan:
        return self.made


async def test_a_plan_with_everything_is_whole_on_the_screen(
    opened: Opened, media: Media, tmp_path: Path, spoken: str
) -> None:
    screens = opened(media.stick)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"review-{spoken}")
        await person.sees(ZONE)
        screens.push_screen(ReviewScreen(Brought("pacs", "pacs", tmp_path / "kubeconfig")))
        await person.sees(_("Cannot be undone: {count}.").format(count=3), str(BLOCKED.digest))
        person.keep("everything")
        await person.press("down", "down")
        await person.press("w")
        await person.sees("orthanc 1.10.1 -> 1.12.7", _("In the way"))
        person.keep("whole-top")
        await person.press("end")
        await person.sees(str(BLOCKED.digest))
        person.keep("whole-end")


async def test_what_moved_since_the_review_is_named_and_nothing_is_changed(
    opened: Opened, media: Media, tmp_path: Path, spoken: str
) -> None:
    world = World()
    screens = opened(media.stick, world)
    appliance, kubeconfig = screens.desk.appliance(), tmp_path / "kubeconfig"
    appliance.import_media([media.stick / "champ/greeter-1.0"], ignore)
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"review-{spoken}")
        await person.sees(ZONE)
        screens.push_screen(ReviewScreen(Remove("pacs", "pacs", kubeconfig)))
        await person.sees("pacs-config", word("deleted"))
        live = world.cluster.get("v1", "ConfigMap", "pacs", "pacs-config")
        assert live is not None
        world.cluster.apply({**live, "data": {"greeting": "by hand"}}, "pacs")
        await person.press("a")
        await person.sees(_("Type the release name to confirm:"))
        await person.type("pacs")
        await person.press("enter")
        await person.sees("release.plan-objects-moved", word(Moved.CHANGED))
        person.keep("moved")
    assert world.helm.status("pacs", "pacs") is not None
