"""Changes of a release that keeps data, on disk: killed at any effect, with what may never be seen.

Invariant: as tests/crash/applies.py has it; besides, the volumes are durable after every write, and
whatever app ran on half of them, or an old one on newer ones, is written down.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from champ_offline.errors import ChampError
from champ_offline.events import ignore
from champ_offline.helm.engine import Options
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Recovered
from champ_offline.release.apply.execute import Executor
from champ_offline.release.data.acts import DataActs
from champ_offline.release.data.backups import Backups, State
from champ_offline.release.data.keeper import Tools
from champ_offline.release.plan import Plan
from champ_offline.release.review.data import DataChange
from champ_offline.store.blobs import BlobStore
from tests.crash import kills
from tests.crash.applies import Site
from tests.simulators.charts import NOWHERE, chart
from tests.simulators.kept_data import DECLARED, FILES, KeptData
from tests.unit.release.conftest import HERE, NAME, PLACE, World, clock

OLD = {name: b"old:" + name.encode() for name in ("index", "files")}
NEW = {name: b"new:" + name.encode() for name in ("index", "files")}
LATER = {name: b"new:later " + name.encode() for name in ("index", "files")}
PLACED = (HERE, PLACE, NAME)


@dataclass(frozen=True)
class DataScenario:
    """What is killed: `does` it; afterwards the volumes are one of `after`.

    `version` of the app goes with each of these.
    """

    name: str
    does: str
    after: tuple[tuple[str, dict[str, bytes]], ...]
    fails: frozenset[str] = field(default_factory=frozenset)


SCENARIOS = (
    DataScenario("save", "save", (("new", LATER),)),
    DataScenario("save that fails", "save", (("new", LATER),), frozenset({"dump files"})),
    DataScenario("restore", "restore", (("new", LATER), ("new", NEW))),
    DataScenario("upgrade that saves", "upgrade", (("old", OLD), ("new", NEW))),
    DataScenario("upgrade that fails", "broken upgrade", (("old", OLD),)),
    DataScenario("rollback with data", "rollback", (("new", LATER), ("old", OLD))),
)


@dataclass
class Ward:
    """A process's view of the zone and of what the release keeps."""

    world: World
    data: KeptData
    blobs: BlobStore
    acts: DataActs
    executor: Executor

    @property
    def backups(self) -> Backups:
        return Backups(self.world.database)


class DataSite(Site):
    """A site whose release keeps data; `act` does what a scenario does."""

    @classmethod
    def prepared(cls, folder: Path, scenario: DataScenario) -> DataSite:
        """Installed as `old`; upgraded to `new`, with a backup of each, unless that is killed."""
        folder.mkdir()
        site = cls(folder)
        with site.ward() as ward:
            world, old = ward.world, chart(FILES)
            ward.executor.apply(world.plan("1.0", old, greeting="old"), "somebody")
            if "upgrade" in scenario.does:
                broken = {"side": NOWHERE} if scenario.does.startswith("broken") else {}
                plan = world.plan("2.0", old, greeting="new", **broken)
                plan = replace(plan, data=DataChange(DECLARED, returns=True))
            else:
                ward.save()
                ward.executor.apply(world.plan("2.0", old, greeting="new"), "somebody")
                ward.save()
                ward.data.volumes |= LATER
                ward.data._save()
                plan = world.planner.rollback(NAME, PLACE, 1)
                plan = replace(plan, data=DataChange(DECLARED, 0, 1, 1, "", returns=True))
        (folder / "plan").write_bytes(plan.to_bytes())
        return site

    def copied(self, folder: Path) -> DataSite:
        return DataSite(Path(shutil.copytree(self.folder, folder)))

    @contextmanager
    def ward(self) -> Iterator[DataWard]:
        with self.opened() as world:
            data = KeptData(world.cluster, NAME, self.folder / "data")
            blobs, now = BlobStore(self.folder / "store"), clock()
            tools = Tools(world.cluster, blobs, world.database, now, lambda: 10**9, 0.01, 1.0)
            audit = Audit(world.database, now)
            acts = DataActs(tools, world.helm, world.vault, world.journal, audit)
            executor = Executor(
                world.helm, world.cluster, world.history, world.vault, world.journal,
                audit=audit, now=now, options=Options(timeout=4), tools=tools, pause=0.01,
            )  # fmt: skip
            yield DataWard(world, data, blobs, acts, executor)

    def do(self, scenario: DataScenario) -> None:
        """As a process of its own does it; how it ends is no matter."""
        with self.ward() as ward:
            ward.data.fails |= scenario.fails
            try:
                if scenario.does == "save":
                    ward.save()
                elif scenario.does == "restore":
                    ward.restore(2)
                else:
                    plan = Plan.from_bytes((self.folder / "plan").read_bytes())
                    ward.executor.apply(plan, "somebody")
            except ChampError:
                return

    def put_right(self) -> list[Recovered]:
        """What the next start does."""
        with self.ward() as ward:
            return list(ward.world.journal.recover())


class DataWard(Ward):
    """What is done to a release that keeps data."""

    def save(self) -> None:
        found = self.world.history.current(*PLACED)
        assert found is not None
        self.acts.save(found, DECLARED, ignore)

    def restore(self, number: int) -> None:
        found = self.world.history.current(*PLACED)
        assert found is not None
        self.acts.restore(found, self.backups.one(number), DECLARED, ignore)


def look(site: DataSite, scenario: DataScenario, last: int) -> None:
    """Raise AssertionError unless the data is whole, fits the app that runs, and was never half."""
    with site.ward() as ward:
        assert ward.data.violations == [], last
        assert ward.world.journal.under_way() == (), last
        newest = ward.world.helm.status(NAME, PLACE)
        assert newest is not None
        assert newest.status == "deployed", (last, newest)
        app = ward.world.cluster.get("apps/v1", "Deployment", PLACE, f"{NAME}-app")
        helper = ward.world.cluster.get("apps/v1", "Deployment", PLACE, f"{NAME}-files")
        assert app is not None
        assert helper is not None
        assert (app["spec"]["replicas"], helper["spec"]["replicas"]) == (1, 0), last
        [container] = app["spec"]["template"]["spec"]["containers"]
        found = (container["env"][0]["value"], dict(ward.data.volumes))
        assert found in scenario.after, (last, found)
        for backup in ward.backups.every():
            assert backup.state is not State.RUNNING, last
            if backup.state is State.WHOLE:
                kept = [ward.blobs.read(part.digest) for part in backup.parts]
                assert all(content[:4] in {b"old:", b"new:"} for content in kept), last


@dataclass
class DataKiller:
    """Kills what a scenario does at each step, and its recovery at each of some; counts."""

    folder: Path
    scenario: DataScenario
    kills: int = 0

    def __post_init__(self) -> None:
        self.template = DataSite.prepared(self.folder / "template", self.scenario)
        whole = self.template.copied(self.folder / "whole")
        self.steps = kills.run(lambda: whole.do(self.scenario)).steps
        look(whole, self.scenario, 0)

    def everywhere(self, stride: int = 1) -> None:
        """Kill before each step, recover, look; and kill some of these recoveries likewise."""
        for last in range(1, self.steps + 1, stride):
            with self._killed(last) as site:
                site.put_right()
                look(site, self.scenario, last)
        for last in (self.steps // 2, self.steps * 4 // 5):
            self._recovery(last, 2 * stride)

    def _recovery(self, last: int, stride: int) -> None:
        with self._killed(last) as site:
            steps = kills.run(site.put_right).steps
        for again in range(1, steps + 1, stride):
            with self._killed(last) as site:
                assert kills.run(site.put_right, again).killed
                self.kills += 1
                site.put_right()
                look(site, self.scenario, last)

    @contextmanager
    def _killed(self, last: int) -> Iterator[DataSite]:
        site = self.template.copied(self.folder / "site")
        assert kills.run(lambda: site.do(self.scenario), last).killed
        self.kills += 1
        yield site
        shutil.rmtree(site.folder)
