"""A zone and its cluster on disk: who applies a plan there can be killed at any effect.

Invariant: every single effect on the simulated cluster or of the simulated Helm is durable when it
is done, as a real API server's is, and gone when the process was killed just before. So a kill
leaves what it leaves on a real cluster; who opens the world next has nothing but the files.
"""

from __future__ import annotations

import itertools
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import ChampError
from champ_offline.helm.faults import EngineCrashed, HelmUnreachable
from champ_offline.journal.journal import Recovered
from champ_offline.release.apply.failures import (
    ApplyLeftOpen,
    ApplyPutBack,
    ApplyUnclear,
    VolumesStay,
)
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import Outcome
from tests.crash import afterwards, kills
from tests.crash.afterwards import Standing, standing
from tests.simulators.charts import HOOK, NOWHERE, SAMPLE, chart
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.unit.release.conftest import NAME, PLACE, World, build

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .Release.Name }}-images
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: {{ .Values.storage }}
"""
DEFAULTS = SAMPLE["values.yaml"] + "storage: local\n"
STORING: Mapping[str, str] = {
    **{name: text for name, text in SAMPLE.items() if not name.startswith("crds/")},
    "templates/claim.yaml": CLAIM,
    "values.yaml": DEFAULTS,
}
PLAIN: Mapping[str, str] = {
    name: text for name, text in STORING.items() if name != "templates/hook.yaml"
}
assert HOOK in STORING.values()
# Effects that are not Helm's.
OWN = {"apply Namespace", "delete PersistentVolumeClaim"}
# Questions that go unanswered while the API server is away.
AWAY = 7
Values = Mapping[str, object]


@dataclass(frozen=True)
class Scenario:
    """`before` are the values of each revision that stands already, `values` what is applied.

    `operation` is what is killed; `files` those of the chart; `stopped` names the effect at
    which somebody presses Ctrl-C.
    """

    name: str
    operation: Operation
    before: tuple[Values, ...] = ()
    values: Values | None = None
    files: Mapping[str, str] = field(default_factory=lambda: STORING, repr=False)
    stopped: str = ""


OLD, NEW = {"greeting": "old", "replicas": 2}, {"greeting": "new", "replicas": 1}
BROKEN = {"greeting": "new", "replicas": 1, "image": NOWHERE}
SCENARIOS = (
    Scenario("install", Operation.INSTALL, values=NEW),
    Scenario("install without hooks", Operation.INSTALL, values=NEW, files=PLAIN),
    Scenario("install that fails", Operation.INSTALL, values=BROKEN),
    Scenario("install without a volume", Operation.INSTALL, values={**NEW, "storage": "none"}),
    Scenario("upgrade", Operation.UPGRADE, (OLD,), NEW),
    Scenario("upgrade that fails", Operation.UPGRADE, (OLD,), BROKEN),
    Scenario("upgrade that is stopped", Operation.UPGRADE, (OLD,), NEW, stopped="apply Secret"),
    Scenario("rollback", Operation.ROLLBACK, (OLD, NEW)),
    Scenario("remove", Operation.REMOVE, (OLD, NEW)),
)


class Site:
    """A folder with a zone's database, the cluster as it stands, and a plan to apply."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def made(cls, folder: Path, scenario: Scenario) -> Site:
        """As it is before what is killed."""
        folder.mkdir()
        site = cls(folder)
        with site.opened() as world:
            for number, values in enumerate(scenario.before):
                world.apply(world.plan(f"1.{number}", chart(scenario.files), **values))
            plan = planned(world, scenario)
        (folder / "plan").write_bytes(plan.to_bytes())
        return site

    def copy(self, folder: Path) -> Site:
        return Site(Path(shutil.copytree(self.folder, folder)))

    @contextmanager
    def opened(self) -> Iterator[World]:
        """The zone as a process finds it that starts now."""
        cluster = SimulatedCluster()
        helm = SimulatedHelm(cluster)
        kept = self.folder / "cluster"
        if kept.exists():
            cluster._store, helm._records, uids = pickle.loads(kept.read_bytes())  # noqa: S301 (our own file)
            cluster._uids = itertools.count(uids)

        def save() -> None:
            following = next(cluster._uids)
            cluster._uids = itertools.count(following)
            fresh = self.folder / "fresh"
            with fresh.open("wb") as file:
                pickle.dump((cluster._store, helm._records, following), file)
            fresh.rename(kept)  # counted as a step by tests/crash/kills.py

        @contextmanager
        def effect(_name: str) -> Iterator[None]:
            yield
            save()

        if not kept.exists():
            save()
        cluster.effect = effect
        world = build(self.folder / "zone.db", cluster, helm)
        try:
            yield world
        finally:
            world.database.close()

    def act(self, scenario: Scenario) -> None:
        """Apply the plan, as a process of its own does; how it ends is no matter."""
        plan = Plan.from_bytes((self.folder / "plan").read_bytes())
        with self.opened() as world:
            if scenario.stopped:
                interrupt_at(world, scenario.stopped)
            try:
                world.apply(plan)
            except (ChampError, KeyboardInterrupt):
                return

    def recover(self) -> list[Recovered]:
        """What the next start does."""
        with self.opened() as world:
            return list(world.journal.recover())


def planned(world: World, scenario: Scenario) -> Plan:
    """The plan for what the scenario does."""
    if scenario.operation is Operation.REMOVE:
        return world.planner.remove(NAME, PLACE)
    if scenario.operation is Operation.ROLLBACK:
        return world.planner.rollback(NAME, PLACE, 1)
    assert scenario.values is not None
    return world.plan("2.0", chart(scenario.files), **scenario.values)


def interrupt_at(world: World, wanted: str) -> None:
    """Let Ctrl-C come before the first effect of that name."""
    saved, pressed = world.cluster.effect, list[str]()

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        if name == wanted and not pressed:
            pressed.append(name)
            raise KeyboardInterrupt
        with saved(name):
            yield

    world.cluster.effect = effect


def check(site: Site, scenario: Scenario, before: Standing) -> str:
    """As tests/crash/afterwards.py has it; gives what Helm's newest record holds."""
    with site.opened() as world:
        return afterwards.check(world, scenario.operation, before)


def goes_on(site: Site) -> None:
    """The release can be changed as if nothing had happened."""
    with site.opened() as world:
        made = world.apply(world.plan("3.0", chart(PLAIN), greeting="after", replicas=1))
        assert made.outcome is Outcome.DEPLOYED


@dataclass
class Killer:
    """Kills what a scenario does at each step, and its recovery; counts."""

    folder: Path
    scenario: Scenario
    kills: int = 0

    def __post_init__(self) -> None:
        self.template = Site.made(self.folder / "template", self.scenario)
        whole = self.template.copy(self.folder / "whole")
        self.steps = kills.run(lambda: whole.act(self.scenario)).steps
        with self.template.opened() as world:
            self.before = standing(world)
        # Something that fails by itself can still be found done: its Helm died before it failed.
        self.allowed = {self.before.manifest, check(whole, self.scenario, self.before)}

    def everywhere(self) -> None:
        """Kill before each step, recover, look; kill the recovery of some at each of its steps."""
        acted: list[int] = []
        for last in range(1, self.steps + 1):
            with self._killed(last) as site:
                if any(one.acts or one.cleared for one in site.recover()):
                    acted.append(last)
                self._look(site, last)
        for last in {*acted[len(acted) // 2 :][:1], *acted[-1:]}:
            self._recovery(last)

    def _recovery(self, last: int) -> None:
        """Kill the recovery of what was killed there, at each of its steps."""
        steps = 1
        with self._killed(last) as site:
            steps = kills.run(site.recover).steps
        for again in range(1, steps + 1):
            with self._killed(last) as site:
                assert kills.run(site.recover, again).killed
                self.kills += 1
                site.recover()
                self._look(site, last)

    def _look(self, site: Site, last: int) -> None:
        assert check(site, self.scenario, self.before) in self.allowed, last
        if last % 3 == 0:
            goes_on(site)

    @contextmanager
    def _killed(self, last: int) -> Iterator[Site]:
        site = self.template.copy(self.folder / "site")
        assert kills.run(lambda: site.act(self.scenario), last).killed
        self.kills += 1
        yield site
        shutil.rmtree(site.folder)


# Lets something strike at that effect of a change; what it gives is no longer empty once it did.
Fault: TypeAlias = Callable[[World, int], Sequence[str]]


def strike_everywhere(folder: Path, scenario: Scenario, fault: Fault) -> int:
    """Let `fault` strike at the first effect, at the second, and so on; how often it did."""
    template = Site.made(folder / "template", scenario)
    with template.opened() as world:
        before = standing(world)
    for number in itertools.count(1):
        site = template.copy(folder / "site")
        plan = Plan.from_bytes((site.folder / "plan").read_bytes())
        with site.opened() as world:
            struck = fault(world, number)
            try:
                world.apply(plan)
            except (ApplyPutBack, ApplyUnclear, ApplyLeftOpen, VolumesStay, EngineCrashed):
                pass
            except (HelmUnreachable, ClusterUnreachable):
                assert struck
            world.cluster.reachable = True
            world.journal.recover()
        check(site, scenario, before)
        goes_on(site)
        shutil.rmtree(site.folder)
        if not struck:
            return number - 1
    raise AssertionError


def helm_dies(world: World, number: int) -> Sequence[str]:
    """The Helm child alone is killed before its effect of that number."""
    return _at_effect(world, number, _crash)


def server_goes(world: World, number: int) -> Sequence[str]:
    """The API server is killed before that effect, and is back after some questions."""
    answered, left = world.cluster._answer, [0]

    def answer() -> None:
        world.cluster.reachable = not left[0]
        left[0] = max(0, left[0] - 1)
        answered()

    def go() -> None:
        left[0] = AWAY
        answer()

    world.cluster._answer = answer  # type: ignore[method-assign]
    return _at_effect(world, number, go)


def _crash() -> None:
    raise EngineCrashed(verb="upgrade", status="signal 9", last="it said nothing")


def _at_effect(world: World, number: int, strike: Callable[[], None]) -> Sequence[str]:
    saved, count, struck = world.cluster.effect, itertools.count(1), list[str]()

    @contextmanager
    def effect(name: str) -> Iterator[None]:
        if name not in OWN and next(count) == number:
            struck.append(name)
            strike()
        with saved(name):
            yield

    world.cluster.effect = effect
    return struck
