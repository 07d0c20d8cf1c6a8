"""An appliance whose cluster and Helm are the simulated ones; all else is real."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.catalog.index import Catalog
from champ_offline.catalog.template_process import TemplateProcess
from champ_offline.clock import now_utc
from champ_offline.cluster.interface import Cluster
from champ_offline.helm.engine import Options
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.operations import Operations
from champ_offline.release.apply.execute import Executor
from champ_offline.release.data.acts import DataActs
from champ_offline.release.data.keeper import Tools
from champ_offline.release.data.planning import DataPlans
from champ_offline.release.moves import Moves
from champ_offline.release.planner import Planner
from champ_offline.release.records.history import History
from champ_offline.release.records.retention import Retentions
from champ_offline.release.records.vault import Vault
from champ_offline.releases import Releases
from champ_offline.store.blobs import BlobStore
from champ_offline.tasks.errors import TaskOver
from installer.background import tasks_of
from installer.cli.main import run
from installer.cli.session import Session
from installer.language import active
from installer.tui.desk import Desk
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm


class World:
    """One cluster with its Helm; opens zones that change it."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster()
        self.helm = SimulatedHelm(self.cluster)

    def desk(self, zone: Path | None, kubeconfig: Path | None, media: Path | None) -> Desk:
        """A desk in this world."""
        return Desk(zone, kubeconfig, media, self.open, Threads(self))

    def open(self, zone: Path) -> Appliance:
        """As Appliance.open."""
        Appliance.open(zone)
        appliance = SimulatedAppliance(zone)
        appliance.world = self
        return appliance


class Threads:
    """Carries out tasks in threads of this process, by the same command line, in one world.

    Stopping one raises KeyboardInterrupt in it, as SIGINT does in a process of its own.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._threads: dict[int, threading.Thread] = {}

    def start(self, zone: Path, words: Sequence[str]) -> int:
        """As Background."""
        # As somebody in this folder would type it: the same wherever the test's folder is.
        number = tasks_of(zone).ask([word.replace(f"{Path.cwd()}/", "") for word in words])
        session = Session(tuple(words), self._world.open, zone, "json", "none")
        session.take_on((zone, number))
        spoken = ["--lang", active()]

        def carry_out() -> None:
            run([*spoken, *words], lambda _zone: 0, session)

        thread = threading.Thread(target=carry_out, name=f"task {number}")
        self._threads[number] = thread
        thread.start()
        return number

    def stop(self, zone: Path, number: int) -> None:
        """As Background."""
        if not tasks_of(zone).one(number).at_work:
            raise TaskOver(number=number)
        ident = ctypes.c_ulong(self._threads[number].ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(KeyboardInterrupt))

    def join(self) -> None:
        """Wait until all of them have ended."""
        for thread in self._threads.values():
            thread.join()


class SimulatedAppliance(Appliance):
    """What it does to releases acts on the simulated world."""

    world: World

    @property
    def releases(self) -> Releases:
        stored = (self._database, self._blobs, self.catalog)
        made = SimulatedReleases(self.name, self.paths, *stored, no_other, now_utc)
        made.appliance = self
        return made


def no_other() -> None:
    """Nodes pull from the zone's own registry."""


class SimulatedReleases(Releases):
    """Their operations act on the simulated world."""

    appliance: SimulatedAppliance

    def _cluster(self, kubeconfig: Path) -> Cluster:
        return self.appliance.world.cluster

    def _operations(self, kubeconfig: Path) -> Operations:
        world = self.appliance.world
        return SimulatedOperations(self.appliance, self._blobs, self.catalog, world)


class SimulatedOperations(Operations):
    """Wired as Operations are, to other adapters."""

    def __init__(
        self, appliance: SimulatedAppliance, blobs: BlobStore, catalog: Catalog, world: World
    ) -> None:
        database = appliance._database
        self._blobs, self._catalog = blobs, catalog
        self._history = History(database)
        self._vault = Vault(database, lambda: os.urandom(16).hex())
        self._retentions = Retentions(database)
        self._moves = Moves(catalog, self._history, self._retentions)
        self._cluster = world.cluster  # type: ignore[assignment]
        self._journal, self._audit = Journal(database, now_utc), Audit(database, now_utc)
        self._journal.leave(Act.SITE_APPLY)
        self._missing = self._gone
        self._templates = TemplateProcess()
        self._planner = Planner(
            world.helm, world.cluster, self._history, self._vault,
            zone=appliance.name, now=now_utc, size=self._image_size,
            refuse_missing=self._refuse_gone,
        )  # fmt: skip
        tools = Tools(world.cluster, blobs, database, now_utc, lambda: 2**40, 0.01, 0.5)
        self._data = DataActs(tools, world.helm, self._vault, self._journal, self._audit)
        self._data_plans = DataPlans(catalog, self._history, tools.backups)
        self._executor = Executor(
            world.helm, world.cluster, self._history, self._vault, self._journal,
            audit=self._audit, now=now_utc, refuse_missing=self._refuse_gone,
            options=Options(timeout=4), tools=tools, pause=0.01,
        )  # fmt: skip

    def __exit__(self, *_exception: object) -> None:
        """The world goes on."""
        self._templates.close()
