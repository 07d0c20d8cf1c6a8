"""A zone with a catalog and two clusters, all real but for the clusters and their Helm."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.cluster.interface import Cluster
from champ_offline.errors import Quoted
from champ_offline.events import Event, ignore
from champ_offline.helm.engine import FAILED, Options, Release, Values
from champ_offline.helm.faults import ReleaseFailed, RenderFailed
from champ_offline.journal.process import Process
from champ_offline.operations import Operations
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault
from champ_offline.releases import Releases
from champ_offline.site.execute import Ended, Ending
from champ_offline.site.plan import SitePlan
from champ_offline.site.verbs import Sites
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import (
    SimulatedAppliance,
    SimulatedOperations,
    SimulatedReleases,
    World,
    no_other,
)


class Gone(BaseException):
    """The process is no more."""


class Helm(SimulatedHelm):
    """Notes what is installed, in which order and how many at once; some of it as told goes wrong.

    An install waits for those in `together`, so that they are under way at the same time; one that
    is `unready` cannot be tried before that other release is there; one that is `late` is put back.
    """

    def __init__(self, cluster: SimulatedCluster) -> None:
        super().__init__(cluster)
        self.begun: list[str] = []
        self.broken: set[str] = set()
        self.late: set[str] = set()
        self.unready: dict[str, str] = {}
        self.deadly = ""
        self.together = threading.Barrier(1)

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        self.begun.append(release)
        if release == self.deadly:
            raise Gone
        self.together.wait(20)
        if release in self.broken:
            raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted("it is broken"))
        return super().install(chart, release, namespace, values, options)

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        done = super().upgrade(chart, release, namespace, values, options)
        if release in self.late:
            self.mark(release, namespace, FAILED)
            raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted("not in time"))
        return done

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        before = self.unready.get(release)
        if before is not None and before not in {one.name for one in self.releases()}:
            raise RenderFailed(release=release, reason=Quoted("no kind Sample is known"))
        super().check(chart, release, namespace, values, upgrade=upgrade)


class Place(World):
    """One cluster."""

    helm: Helm

    def __init__(self, first_uid: int) -> None:
        self.cluster = SimulatedCluster(first_uid)
        self.helm = Helm(self.cluster)


class SiteReleases(SimulatedReleases):
    """A kubeconfig is called as its cluster is."""

    site: Zone

    def _cluster(self, kubeconfig: Path) -> Cluster:
        return self.site.places[kubeconfig.stem].cluster

    def _operations(self, kubeconfig: Path) -> Operations:
        self.site.ways += 1
        place = self.site.places[kubeconfig.stem]
        made = SimulatedOperations(self.appliance, self._blobs, self.catalog, place)
        made._engine = place.helm  # type: ignore[assignment]
        if self.site.dying:
            made._journal._own = lambda: Process(1 << 22, 1, "another boot")
        return made


@dataclass
class Zone:
    """The zone; `main` and `edge` are its clusters, `ways` counts how often one was opened."""

    folder: Path
    places: dict[str, Place] = field(default_factory=lambda: {"main": Place(1), "edge": Place(99)})
    ways: int = 0
    dying: bool = False
    told: list[Event] = field(default_factory=list)

    @property
    def appliance(self) -> Appliance:
        return Appliance.open(self.folder)

    @property
    def releases(self) -> Releases:
        appliance = SimulatedAppliance(self.folder)
        stored = (appliance._database, appliance._blobs, appliance.catalog)
        made = SiteReleases(appliance.name, appliance.paths, *stored, no_other, appliance._clock)
        made.appliance, made.site = appliance, self
        return made

    @property
    def sites(self) -> Sites:
        return Sites(self.releases)

    @property
    def history(self) -> History:
        return History(self.appliance._database)

    @property
    def vault(self) -> Vault:
        return Vault(self.appliance._database, lambda: "salt")

    def write(self, text: str) -> Path:
        """The document."""
        path = self.folder.parent / "site.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def plan(self, text: str, workers: int = 2) -> SitePlan:
        return self.sites.plan(self.write(text), self.told.append, workers)

    def apply(self, plan: SitePlan, workers: int = 2) -> dict[str, Ended]:
        return {one.name: one for one in self.sites.apply(plan, self.told.append, workers)}

    def endings(self, plan: SitePlan, workers: int = 2) -> dict[str, Ending]:
        return {name: one.ending for name, one in self.apply(plan, workers).items()}

    def reach(self, cluster: str) -> AbstractContextManager[Operations]:
        return self.releases.reach(cluster)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def zone(tmp_path: Path, media: Media) -> Zone:
    made = Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for version in ("1.0", "2.0"):
        made.import_media([media.stick / "champ" / f"greeter-{version}"], ignore)
    zone = Zone(tmp_path / "zone")
    for name, place in zone.places.items():
        made.releases.clusters.add(name, place.cluster, Path(f"/srv/{name}.conf"), "bo")
    return zone
