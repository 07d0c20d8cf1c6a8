"""A whole site from one document against the stock helm doing the same installs, in the same run.

    python -m tests.bench.site_scale [--releases 10,20,40] [--rounds 3] [--nodes 60] [--workers 4]
        [--unthrottled]

Two clusters with kwok's nodes and real control planes. In each round, in an order drawn by lot, the
site is planned and applied by `champ` and installed by as many `helm install --wait` at once, on
clusters emptied before. Controllers ask the API server as often as their defaults let them, which
both sides spend most of their time waiting for; with `--unthrottled` as often as they can.

Prints seconds, processor time, API requests and memory of each; then how many times as long as helm
champ took (planning included, and told apart), a second plan and apply with nothing changed, and
how both grow with the number of releases. Exits with 1 when for the largest site the median is
above 1.1 times, an apply without changes takes 10 s or more or memory reaches 400 MB; or when a
release costs more than 1.5 times what it costs in the smallest site.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.site_apps import PODS, placed
from tests.bench.site_ground import Ground, Spent, ground

MOST_TIMES = 1.1
MOST_SECONDS_UNCHANGED = 10.0
MOST_MEGABYTES = 400
MOST_GROWTH = 1.5


@dataclass
class Measured:
    """Of one number of releases, a value for each round."""

    releases: int
    helm: list[Spent] = field(default_factory=list)
    plan: list[Spent] = field(default_factory=list)
    apply: list[Spent] = field(default_factory=list)
    again: list[Spent] = field(default_factory=list)
    nothing: list[Spent] = field(default_factory=list)

    @property
    def times(self) -> list[float]:
        """How many times as long as helm champ took, planning included."""
        whole = zip(self.plan, self.apply, self.helm, strict=True)
        return [(plan.seconds + apply.seconds) / helm.seconds for plan, apply, helm in whole]

    @property
    def seconds(self) -> float:
        """Champ's median for plan and apply."""
        both = zip(self.plan, self.apply, strict=True)
        return statistics.median(plan.seconds + apply.seconds for plan, apply in both)

    @property
    def unchanged(self) -> float:
        """Seconds of planning and applying a site that is so already; the worst."""
        both = zip(self.again, self.nothing, strict=True)
        return max(plan.seconds + apply.seconds for plan, apply in both)

    @property
    def megabytes(self) -> float:
        """The most memory that champ and its children had."""
        every = [*self.plan, *self.apply, *self.again, *self.nothing]
        return max(one.memory for one in every) / 1e6


def by_helm(place: Ground, found: Measured, workers: int) -> None:
    """Install with the stock tool; the clusters are left full."""
    found.helm.append(place.helm(placed(place.names, found.releases), workers))


def by_champ(place: Ground, found: Measured, workers: int) -> None:
    """Plan, apply, and both again; the clusters are left full."""
    site = placed(place.names, found.releases)
    with place.attempt(site, workers) as attempt:
        found.plan.append(attempt.plan())
        found.apply.append(attempt.apply())
        if (pods := place.running()) != found.releases * PODS:
            sys.exit(f"{pods} pods run")
        found.again.append(attempt.plan())
        if attempt.changes:
            sys.exit(f"{attempt.changes} of the releases would change again")
        found.nothing.append(attempt.apply())


def round_of(place: Ground, found: Measured, workers: int) -> None:
    """One round: both, in an order drawn by lot."""
    turns = [by_champ, by_helm]
    random.shuffle(turns)
    for turn in turns:
        turn(place, found, workers)
        place.empty()
    row(found)


def row(found: Measured) -> None:
    """What the last round took."""
    parts = {
        name: getattr(found, name)[-1] for name in ("helm", "plan", "apply", "again", "nothing")
    }
    print(f"{found.releases:3} releases: {found.times[-1]:.2f} times; {found.megabytes:.0f} MB; "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    for name, one in parts.items():
        print(f"    {name:8} {one.seconds:6.1f} s, {one.own:5.1f} s of processor, clusters "
              f"{one.theirs:5.1f} s, {one.requests:6} requests", flush=True)  # fmt: skip


def judged(every: list[Measured]) -> int:
    """Print the outcome of all rounds; 1 where a bound is missed."""
    small, large = every[0], every[-1]
    median = statistics.median(large.times)
    alone = statistics.median(
        apply.seconds / helm.seconds for apply, helm in zip(large.apply, large.helm, strict=True)
    )
    growth = (large.seconds / large.releases) / (small.seconds / small.releases)
    print(f"{large.releases} releases, {large.releases * PODS} pods: {median:.2f} times as long as "
          f"helm ({min(large.times):.2f} to {max(large.times):.2f}), {alone:.2f} without the "
          f"planning; at most {MOST_TIMES} wanted")  # fmt: skip
    print(f"with nothing changed: {large.unchanged:.1f} s; under {MOST_SECONDS_UNCHANGED:.0f} "
          "wanted")  # fmt: skip
    work = [
        sum(one.own + one.theirs for one in (plan, apply)) / (helm.own + helm.theirs)
        for plan, apply, helm in zip(large.plan, large.apply, large.helm, strict=True)
    ]
    print(
        f"processor time, the clusters' with it: {statistics.median(work):.2f} times that of helm"
    )
    print(f"memory: {large.megabytes:.0f} MB; under {MOST_MEGABYTES} wanted")
    print(f"a release of {large.releases} costs {growth:.2f} times one of {small.releases}; at "
          f"most {MOST_GROWTH} wanted")  # fmt: skip
    return int(
        median > MOST_TIMES
        or large.unchanged >= MOST_SECONDS_UNCHANGED
        or large.megabytes >= MOST_MEGABYTES
        or growth > MOST_GROWTH
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="a large site against the stock helm")
    parser.add_argument("--releases", default="10,20,40", help="numbers, joined by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=60, help="of both clusters together")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument(
        "--unthrottled", action="store_true", help="controllers without limits of requests"
    )
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    every = [Measured(int(number)) for number in options.releases.split(",")]
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as name,
        ground(Path(name), options.nodes, unthrottled=options.unthrottled) as place,
    ):
        for _ in range(options.rounds):
            for found in every:
                round_of(place, found, options.workers)
    return judged(every)


if __name__ == "__main__":
    sys.exit(main())
