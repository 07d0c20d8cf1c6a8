"""What pulls lose while the zone imports a bundle: the real commands, side by side in one run.

    python -m tests.bench.import_while_serving [--gib 4] [--clients 8] [--rounds 3] [--folder DIR]

`champ registry serve` sends one blob again and again, over TLS, to clients that keep at it; in each
round a new bundle comes in by `champ import` meanwhile, from a folder as fast as the disk. Prints
the rate before, during and after each import and what was lost, with the load average beside it;
exits with 1 when the median loss is 20 % or more. One pull that fails ends the run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.paths import ZonePaths
from tests.bench.import_speed import MIB, Bench
from tests.bench.pullers import Endpoint, PullFailed, bulk
from tests.bench.registry_servers import make_image
from tests.e2e.daemons import answers, daemon, free_port
from tests.e2e.open_registry import LOOPBACK

MOST_LOST = 0.2
SLICE_SECONDS = 2.0
BASE_SLICES = 3
CHAMP = (sys.executable, "-m", "installer")


class Pulls:
    """Clients that pull one blob for a slice of time, as often as they are asked to."""

    def __init__(self, endpoint: Endpoint, path: str, clients: int) -> None:
        self._pull = partial(bulk, endpoint, path, clients, SLICE_SECONDS)

    def rate(self) -> float:
        """Bytes a second over one slice; raises PullFailed."""
        load = self._pull()
        return load.amount / load.seconds

    def base(self) -> float:
        """The median of a few slices in which nothing else is asked of the zone."""
        return statistics.median(self.rate() for _ in range(BASE_SLICES))

    def during(self, words: list[str | Path]) -> float:
        """The median of the slices that lie within a command's life; exits where it fails."""
        rates = []
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                rates.append(self.rate())
        if process.returncode:
            sys.exit(f"{words} ended with {process.returncode}")
        if len(rates) < 2:
            sys.exit("the import was over too soon; ask for more --gib")
        return statistics.median(rates[:-1])  # the last one outlived it


def losses(folder: Path, options: argparse.Namespace) -> list[float]:
    """The share of the pulls' rate that each import took."""
    zone, bench = folder / "zone", Bench()
    (folder / "root.json").write_bytes(bench.root)
    Appliance.create(zone, "core", folder / "root.json")
    image = make_image(zone, 1, 256)
    port = free_port()
    serve: list[str | Path] = [
        *CHAMP,
        "--zone",
        zone,
        "--progress",
        "none",
        "registry",
        "serve",
        "--port",
        str(port),
    ]
    found = []
    with daemon(serve, partial(answers, port), folder / "registry.log"):
        endpoint = Endpoint(LOOPBACK, port, ZonePaths(zone).pki / "ca.crt")
        pulls = Pulls(endpoint, image.layers[0], options.clients)
        for number in range(options.rounds):
            media = bench.pack(folder / str(number), int(options.gib * 1024 * MIB), str(number + 1))
            before = pulls.base()
            during = pulls.during([*CHAMP, "--zone", zone, "--progress", "none", "import", media])
            after = pulls.base()
            found.append(1 - during / statistics.mean([before, after]))
            print(
                f"import {number + 1}: {before / 1e6:,.0f} MB a second before, "
                f"{during / 1e6:,.0f} during, {after / 1e6:,.0f} after: "
                f"{found[-1]:.0%} lost; load {os.getloadavg()[0]:.1f}", flush=True,
            )  # fmt: skip
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="pulls while a bundle is imported")
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        try:
            found = losses(Path(name), options)
        except PullFailed as error:
            sys.exit(str(error))
    median = statistics.median(found)
    print(f"pulls lose {median:.0%} ({min(found):.0%} to {max(found):.0%}) while a bundle comes "
          f"in; under {MOST_LOST:.0%} wanted, and none failed")  # fmt: skip
    return int(median >= MOST_LOST)


if __name__ == "__main__":
    sys.exit(main())
