"""A zone with a past: two bundles, two clusters; changes that went well, failed, were cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.cluster.interface import Cluster
from champ_offline.events import ignore
from champ_offline.handover.collect import Order, collect
from champ_offline.handover.document import Handover
from champ_offline.helm.engine import Options, Release, Values
from champ_offline.journal.process import Process
from champ_offline.operations import Operations
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.plan import Plan
from champ_offline.releases import Releases
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import SimulatedAppliance, SimulatedOperations, SimulatedReleases, no_other
from tests.unit.site.conftest import Gone, Helm, Place

# What is secret, in answers and so in Secrets, plans, vault and Helm's records.
CANARY = "Kanarienvogel-im-Bergwerk-7"
ANSWERS = f"""\
site: St. Elsewhere
greeting: hello
users: [{{name: admin, password: "{CANARY}-user"}}]
databasePassword: "{CANARY}"
"""


class TwoClusters(SimulatedAppliance):
    """A kubeconfig is called as its cluster is."""

    site: Site

    @property
    def releases(self) -> Releases:
        stored = (self._database, self._blobs, self.catalog)
        made = Reached(self.name, self.paths, *stored, no_other, self._clock)
        made.appliance, made.site = self, self.site
        return made


class Reached(SimulatedReleases):
    """Opens the cluster that a kubeconfig is called after."""

    site: Site

    def _cluster(self, kubeconfig: Path) -> Cluster:
        return self.site.places[kubeconfig.stem].cluster

    def _operations(self, kubeconfig: Path) -> Operations:
        place = self.site.places[kubeconfig.stem]
        made = SimulatedOperations(self.appliance, self._blobs, self.catalog, place)
        made._engine = place.helm  # type: ignore[assignment]
        if self.site.dying:
            made._journal._own = lambda: Process(1 << 22, 1, "another boot")
        return made


class MortalHelm(Helm):
    """Helm of a process that can be killed; a killed process cancels nothing."""

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        if release == self.deadly:
            raise Gone
        return super().upgrade(chart, release, namespace, values, options)

    def cancel(self) -> None:
        if self.deadly:
            raise Gone
        super().cancel()


class MortalPlace(Place):
    """One cluster with such a Helm."""

    def __init__(self, first_uid: int) -> None:
        super().__init__(first_uid)
        self.helm = MortalHelm(self.cluster)


@dataclass
class Site:
    """The zone in `folder`; `main` and `edge` are its clusters."""

    folder: Path
    places: dict[str, Place]
    dying: bool = False

    @property
    def appliance(self) -> TwoClusters:
        Appliance.open(self.folder)
        made = TwoClusters(self.folder)
        made.site = self
        return made

    @property
    def releases(self) -> Releases:
        return self.appliance.releases

    def way(self, cluster: str) -> Path:
        return self.folder.parent / f"{cluster}.conf"

    def plan(self, version: str, release: str, cluster: str = "main") -> Plan:
        path = self.folder.parent / "answers.yaml"
        path.write_text(ANSWERS, encoding="utf-8")
        way = self.way(cluster)
        return self.releases.plan_install("greeter", version, release, "clinic", path, way)

    def install(self, version: str, release: str, cluster: str = "main") -> None:
        plan = self.plan(version, release, cluster)
        self.releases.apply(plan, self.way(cluster), ignore)

    def killed(self, release: str, cluster: str, plan: Plan | None = None) -> None:
        """An install whose process is killed while Helm works."""
        made = plan or self.plan("1.0", release, cluster)
        helm = self.places[cluster].helm
        self.dying, helm.deadly = True, release
        with pytest.raises(Gone):
            self.releases.apply(made, self.way(cluster), ignore)
        self.dying, helm.deadly = False, ""

    def report(self, order: Order | None = None) -> Handover:
        return collect(self.appliance, order or Order())


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def fresh(tmp_path: Path, media: Media) -> Site:
    """A zone that took two bundles in and changed nothing yet."""
    made = Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for version in ("1.0", "2.0"):
        made.import_media([media.stick / "champ" / f"greeter-{version}"], ignore)
    site = Site(tmp_path / "zone", {"main": MortalPlace(1), "edge": MortalPlace(99)})
    for name, place in site.places.items():
        site.way(name).write_text("users: []\n", encoding="utf-8")
        site.way(name).chmod(0o600)
        site.releases.clusters.add(name, place.cluster, site.way(name), "bo")
    return site


@pytest.fixture
def site(fresh: Site) -> Site:
    """Installed, upgraded, put back by hand, failed and put back, cut off and recovered."""
    main = fresh.places["main"]
    fresh.install("1.0", "front")
    fresh.install("2.0", "front")
    back = fresh.releases.plan_rollback("front", "clinic", 1, fresh.way("main"))
    fresh.releases.apply(back, fresh.way("main"), ignore)
    main.helm.late = {"front"}
    with pytest.raises(ApplyPutBack):
        fresh.install("2.0", "front")
    main.helm.late = set()
    fresh.install("1.0", "desk", "edge")
    fresh.killed("lost", "main")
    fresh.releases.recover(fresh.way("main"))
    return fresh
