"""Clusters that have a name can be chosen; the only one is there already."""

from __future__ import annotations

from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.app import Screens
from tests.simulators.cluster import SimulatedCluster
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


async def test_a_cluster_is_chosen_by_its_name(zone: Path, media: Media, spoken: str) -> None:
    appliance = Appliance.open(zone)
    appliance.import_media([media.stick / "champ" / "greeter-1.0"], ignore)
    clusters = appliance.releases.clusters
    clusters.add("main", SimulatedCluster(), Path("/srv/main.conf"), "bo")
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"clusters-{spoken}")
        await person.sees(ZONE)
        await person.press("c")
        await person.sees("1.0")
        await person.press("enter")
        await person.sees(_("Install or change it"))
        await person.press("enter")
        await person.sees(_("Kubeconfig file"), "main.conf")
        clusters.add("edge", SimulatedCluster(9), Path("/srv/edge.conf"), "bo")
        await person.press("escape")
        await person.sees(_("Install or change it"))
        await person.press("enter")
        await person.sees(_("Kubeconfig file"))
        await person.press("f3")
        await person.sees(_("Which cluster?"), "edge", "main")
        person.keep("choice")
        await person.press("1")
        await person.sees("edge.conf")


async def test_the_only_cluster_that_has_a_name_is_meant(
    zone: Path, media: Media, spoken: str
) -> None:
    clusters = Appliance.open(zone).releases.clusters
    clusters.add("main", SimulatedCluster(), Path("/srv/main.conf"), "bo")
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"only-cluster-{spoken}")
        await person.sees(ZONE)
        await person.press("k")
        await person.sees(_("Which cluster?"), "main", _("another one, by its kubeconfig file"))
        assert screens.desk.kubeconfig == Path("/srv/main.conf")
        await person.press("2")
        await person.sees(_("Where is the cluster's kubeconfig file?"), "/srv/main.conf")
        await person.press("escape")
        await person.sees(ZONE)
        assert _("Health is unknown until a cluster is named: press k.") not in person.text


async def test_one_of_several_clusters_is_chosen(zone: Path, media: Media, spoken: str) -> None:
    clusters = Appliance.open(zone).releases.clusters
    clusters.add("main", SimulatedCluster(), Path("/srv/main.conf"), "bo")
    clusters.add("edge", SimulatedCluster(9), Path("/srv/edge.conf"), "bo")
    screens = Screens(World().desk(zone, None, media.stick))
    async with screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(screens, pilot, f"several-clusters-{spoken}")
        await person.sees(_("Health is unknown until a cluster is named: press k."))
        await person.press("k")
        await person.sees(_("Which cluster?"), "edge", "main")
        await person.press("2")
        await person.sees(ZONE)
        assert screens.desk.kubeconfig == Path("/srv/main.conf")
