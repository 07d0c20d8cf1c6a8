"""`make demo`: the journey once, each step with its time, and what is left to look at.

    python -m tests.e2e.demo [BUILD]

With KUBECONFIG set, the cluster it names is used instead of one that is built here. Its nodes need
to know the demo's registry: BUILD/nodes/ holds what goes to /etc/containerd/certs.d on each of
them. The registry's authority is kept there between runs, so that this is done once.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.e2e.commands import PROJECT, Failed
from tests.e2e.ground import GivenGround, Ground, LabGround
from tests.e2e.journey import STEPS, ZONE, Journey
from tests.e2e.platform import platform_recipe
from tests.lab.errors import LabError
from tests.lab.lab import Lab

BUILD = PROJECT / "build" / "demo"
STICK_MEGABYTES = 600
NODES = "nodes"


@contextmanager
def prepared(build: Path) -> Iterator[Journey]:
    """A journey about to begin in `build`, on a cluster that was given or on a lab."""
    given = os.environ.get("KUBECONFIG")
    state = build / "lab"
    Lab.clean(state)
    for left in build.iterdir() if build.is_dir() else ():
        if left.name != NODES:
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    build.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(state, say=lambda line: print(line, flush=True)))
        platform = None
        ground: Ground
        if given:
            ground = GivenGround(Path(given), server(Path(given)), build / NODES)
            stack.callback(ground.close)
        else:
            platform = platform_recipe(lab.binaries(), build)
            ground = LabGround(lab.zone(ZONE))
        yield Journey(build, ground, lab.stick("stick", STICK_MEGABYTES), platform)
        shutil.copy(lab.stick("stick", STICK_MEGABYTES).image, build / "stick.img")


def main(build: Path = BUILD) -> int:
    """Run all steps; 0 when each did what its title says."""
    times: list[tuple[str, float]] = []
    begin = time.monotonic()
    try:
        with prepared(build) as journey:
            print(f"ready after {time.monotonic() - begin:.1f} s", flush=True)
            for number, (title, step) in enumerate(STEPS, start=1):
                print(f"[{number:2}/{len(STEPS)}] {title} ...", flush=True)
                started = time.monotonic()
                step(journey)
                times.append((title, time.monotonic() - started))
                print(f"        {times[-1][1]:.1f} s", flush=True)
    except (Failed, LabError) as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    _table(times, time.monotonic() - begin)
    return 0


def server(kubeconfig: Path) -> str:
    """The host of the first cluster in a kubeconfig."""
    document = yaml.safe_load(kubeconfig.read_text())
    return urlsplit(document["clusters"][0]["cluster"]["server"]).hostname or "127.0.0.1"


def _table(times: list[tuple[str, float]], total: float) -> None:
    width = max(len(title) for title, _ in times)
    print()
    for title, seconds in (*times, ("all, with set-up", total)):
        print(f"{title:<{width}}  {seconds:7.1f} s")
    print("\nTo look at: .venv/bin/champ and, in the demo's folder (build/demo/),")
    print("  media/ (a bundle as on the stick), stick.img, zone/, root.json, answers.yaml")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
