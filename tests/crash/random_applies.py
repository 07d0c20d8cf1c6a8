"""Kill processes that apply plans, and their recoveries, at steps of chance, on one living zone.

    python -m tests.crash.random_applies [--kills 1000] [--seed 1]

One release is installed, upgraded, rolled back, removed and installed again and again, also with
answers that fail and with Ctrl-C; most of these processes are killed, and every second recovery is
killed as well. After each recovery all is looked at as tests/crash/applies.py does.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from champ_offline.release.plan import Operation
from champ_offline.release.records.history import Outcome
from tests.crash import kills
from tests.crash.afterwards import standing
from tests.crash.applies import BROKEN, PLAIN, STORING, Scenario, Site, check, planned
from tests.unit.release.conftest import HERE, NAME, PLACE

MOST_STEPS = 45


class Chance:
    """One zone with its cluster, for as long as there are kills to make."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._chance, self._number = random.Random(seed), 0
        self._folder = folder
        self.site = Site(folder / "site")
        self.site.folder.mkdir()
        self.kills: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def change(self) -> None:
        """One change, likely killed; then recoveries, one of which ends."""
        scenario = self._scenario()
        with self.site.opened() as world:
            before = standing(world)
            (self.site.folder / "plan").write_bytes(planned(world, scenario).to_bytes())
        allowed = {before.manifest}
        for one in (scenario, replace(scenario, stopped="")):
            whole = self.site.copy(self._folder / "whole")
            whole.act(one)
            allowed.add(check(whole, one, before))
            shutil.rmtree(whole.folder)
        self._kill(scenario)
        assert check(self.site, scenario, before) in allowed, scenario

    def _kill(self, scenario: Scenario) -> None:
        site, last = self.site, self._chance.randint(1, MOST_STEPS)
        self.kills[scenario.operation.value] += kills.run(lambda: site.act(scenario), last).killed
        while self._chance.random() < 0.5:
            again = self._chance.randint(1, 15)
            killed = kills.run(site.recover, again).killed
            self.kills["recovery"] += killed
        self.outcomes.update(one.outcome for one in site.recover())

    def _scenario(self) -> Scenario:
        """Something that can be done to the release as it stands."""
        self._number += 1
        files = self._chance.choice([STORING, PLAIN])
        values = {"greeting": f"number-{self._number}", "replicas": self._chance.randint(0, 2)}
        if self._chance.random() < 0.2:
            values |= {"replicas": 1, "image": BROKEN["image"]}
        stopped = self._chance.choice(["", "", "apply Secret", "record deployed"])
        made = Scenario("by chance", Operation.INSTALL, (), values, files, stopped)
        with self.site.opened() as world:
            found = world.history.revisions(HERE, PLACE, NAME)
            if world.helm.status(NAME, PLACE) is None:
                return made
        verbs = [Operation.UPGRADE, Operation.UPGRADE, Operation.REMOVE]
        if any(one.number == 1 and one.outcome is Outcome.DEPLOYED for one in found):
            verbs.append(Operation.ROLLBACK)
        return replace(made, operation=self._chance.choice(verbs))


def kill(chance: Chance, wanted: int) -> None:
    """Change until there were so many kills."""
    while chance.kills.total() < wanted:
        chance.change()


def main() -> int:
    parser = argparse.ArgumentParser(description="kill applications of plans at steps of chance")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        chance = Chance(Path(name), options.seed)
        kill(chance, options.kills)
    told = ", ".join(f"{count} {what}" for what, count in chance.kills.most_common())
    print(f"{chance.kills.total()} kills: {told}")
    print(f"recovered: {dict(chance.outcomes)}; no release lost or stuck, no volume let go")
    return 0


if __name__ == "__main__":
    sys.exit(main())
