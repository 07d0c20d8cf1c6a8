"""The zone registry against nginx on the same files and Debian's docker-registry, in one run.

    python -m tests.bench.registry_speed [--layers 4] [--mib 256] [--rounds 5] [--seconds 5]
        [--pulls 60] [--folder DIR]

A round takes a blob and a manifest from each server, plain and over TLS, beginning with another one
each time; plain blobs also without any client taking the bytes, which shows what each server costs
by itself and is no figure that is wanted. Then `--pulls` clients at once pull the whole image from
each over TLS, its files dropped from the kernel's cache before. Prints every figure with the load
average beside it and the ratios' median, minimum and maximum; exits with 1 where a median in time
misses what is wanted. Take those in time from a quiet machine: on a busy one they say who got the
processor. The ones by processor time hold there too.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import pullers
from tests.bench.pullers import Endpoint, Load, PullFailed
from tests.bench.registry_servers import (
    DOCKER,
    MANIFEST,
    NGINX,
    ZONE,
    Image,
    Server,
    fill_docker,
    make_image,
    servers,
)

PLAIN, TLS = "plain", "TLS"
BULK_CLIENTS, MANIFEST_CLIENTS = 4, 16
LEAST_OF_NGINX, LEAST_OF_DOCKER, LEAST_MANIFESTS = 0.9, 1.0, 8.0
MOST_UNFAIR, MOST_MEGABYTES = 2.0, 200


@dataclass(frozen=True)
class Figure:
    """What a server did in a second, and for each second of processor time it used."""

    rate: float
    by_cpu: float


@dataclass(frozen=True)
class Ratio:
    """The zone registry's figure over another server's, once a round, and the least wanted."""

    title: str
    rounds: list[float]
    least: float = 0.0

    @property
    def missed(self) -> bool:
        return statistics.median(self.rounds) < self.least

    def __str__(self) -> str:
        low, high = min(self.rounds), max(self.rounds)
        wanted = f"; {self.least} or more wanted" if self.least else ""
        return (
            f"{self.title}: {statistics.median(self.rounds):.2f} ({low:.2f} to {high:.2f}{wanted})"
        )


class Comparison:
    """One kind of load on all servers, a few rounds of it."""

    def __init__(self, title: str, unit: str, load: Callable[[Endpoint], Load]) -> None:
        self._title, self._unit, self._load = title, unit, load
        self._figures: dict[str, list[Figure]] = {}

    def run(self, found: dict[str, Server], rounds: int) -> None:
        """Load each server once a round, beginning with another one each time."""
        names = list(found)
        for number in range(rounds):
            turn = number % len(names)
            for name in (*names[turn:], *names[:turn]):
                self._figures.setdefault(name, []).append(self._figure(found[name]))
            figures = ((name, self._figures[name][-1]) for name in names)
            line = ", ".join(f"{name} {one.rate:,.0f} ({one.by_cpu:,.0f})" for name, one in figures)
            print(f"{self._title} {number + 1}: {line} {self._unit} a second (a CPU second); "
                  f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip

    def over(self, name: str, least: float) -> list[Ratio]:
        """The zone registry over another: in time, of which `least` is wanted, and by CPU."""
        pairs = list(zip(self._figures[ZONE], self._figures[name], strict=True))
        title = f"{self._title}, over {name}"
        return [
            Ratio(title, [ours.rate / its.rate for ours, its in pairs], least),
            Ratio(f"{title}, by CPU", [ours.by_cpu / its.by_cpu for ours, its in pairs]),
        ]

    def _figure(self, server: Server) -> Figure:
        before = server.cpu_seconds()
        load = self._load(server.endpoint)
        used = max(server.cpu_seconds() - before, 0.01)
        return Figure(load.amount / load.seconds, load.amount / used)


def rates(
    image: Image, found: dict[str, Server], scheme: str, options: argparse.Namespace
) -> list[Ratio]:
    """The ratios of bulk blobs and manifests over one scheme."""
    seconds: int = options.seconds

    def megabytes(endpoint: Endpoint, flags: int = 0) -> Load:
        load = pullers.bulk(endpoint, image.layers[0], BULK_CLIENTS, seconds, flags)
        return Load(load.amount / 1e6, load.seconds)

    def manifests(endpoint: Endpoint) -> Load:
        return pullers.answers(endpoint, MANIFEST, MANIFEST_CLIENTS, seconds)

    blobs = Comparison(f"blobs, {scheme}", "MB", megabytes)
    short = Comparison(f"manifests, {scheme}", "answers", manifests)
    blobs.run(found, options.rounds)
    short.run(found, options.rounds)
    ratios = [
        *blobs.over(NGINX, LEAST_OF_NGINX),
        *blobs.over(DOCKER, LEAST_OF_DOCKER),
        *short.over(DOCKER, LEAST_MANIFESTS),
    ]
    if scheme == PLAIN:
        thrown = partial(megabytes, flags=socket.MSG_TRUNC)
        sent = Comparison("blobs, plain, taken by no one", "MB", thrown)
        sent.run(found, options.rounds)
        ratios += [*sent.over(NGINX, 0.0), *sent.over(DOCKER, 0.0)]
    return ratios


def crowd(image: Image, found: dict[str, Server], clients: int) -> bool:
    """Whether the zone registry fails one of many pulls at once, or treats them too differently."""
    missed = False
    for name, server in found.items():
        image.forget()
        pulls = pullers.crowd(server.endpoint, (MANIFEST, *image.layers), clients)
        errors = [pull.error for pull in pulls if pull.error]
        seconds = sorted(pull.seconds for pull in pulls if not pull.error) or [0.0]
        unfair = seconds[-1] / seconds[0] if seconds[0] else float("inf")
        print(
            f"{clients} pulls of {image.size / 1e6:,.0f} MB, {name}: {len(errors)} errors, "
            f"fastest {seconds[0]:.1f} s, slowest {seconds[-1]:.1f} s: {unfair:.2f} times; "
            f"load {os.getloadavg()[0]:.1f}", flush=True,
        )  # fmt: skip
        for error in errors[:3]:
            print(f"  {error}")
        if name == ZONE:
            missed = bool(errors) or unfair > MOST_UNFAIR
    return missed


def compare(folder: Path, options: argparse.Namespace) -> int:
    image = make_image(folder / "zone", options.layers, options.mib)
    fill_docker(image)
    with servers(image, tls=False) as found:
        ratios = rates(image, found, PLAIN, options)
    with servers(image, tls=True) as found:
        ratios += rates(image, found, TLS, options)
    # Servers that did nothing else before, so that the peak of memory is that of the pulls.
    with servers(image, tls=True) as found:
        missed = crowd(image, found, options.pulls)
        peak = found[ZONE].peak_megabytes()
    for ratio in ratios:
        print(ratio)
    print(f"peak memory of {options.pulls} pulls: {peak:.0f} MB; under {MOST_MEGABYTES} wanted")
    return int(missed or peak >= MOST_MEGABYTES or any(ratio.missed for ratio in ratios))


def main() -> int:
    parser = argparse.ArgumentParser(description="registry speed, side by side")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--mib", type=int, default=256, help="size of a layer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement")
    parser.add_argument("--pulls", type=int, default=60, help="clients at once")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        try:
            return compare(Path(name), options)
        except PullFailed as error:
            sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
