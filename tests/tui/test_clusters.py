"""Clusters that have a name can be chosen; the only one is there already."""

from __future__ import annotations

from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.desk import Desk
from tests.simulators.cluster import SimulatedCluster
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


async def test_a_cluster_is_chosen_by_its_name(zone: Path, media: Media, spoken: str) -> None:
    appliance = Appliance.open(zone)
    appliance.import_media([media.stick / "champ" / "greeter-1.0"], ignore)
    clusters = appliance.releases.clusters
    clusters.add("main", SimulatedCluster(), Path("/srv/main.conf"), "bo")
    screens = Screens(Desk(zone, None, media.stick, World().open))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"clusters-{spoken}")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees("1.0")
        await person.press("enter")
        await person.sees(_("Kubeconfig file"), "main.conf")
        clusters.add("edge", SimulatedCluster(9), Path("/srv/edge.conf"), "bo")
        await person.press("escape")
        await person.sees("1.0")
        await person.press("enter")
        await person.sees(_("Kubeconfig file"))
        await person.press("f3")
        await person.sees(_("Which cluster?"), "edge", "main")
        person.keep("choice")
        await person.press("1")
        await person.sees("edge.conf")
