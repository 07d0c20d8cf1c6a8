"""Parity against a bare SHA-256 of the same volume, and against par2 where it is installed.

    python -m tests.bench.parity [--mib 1024] [--rounds 3] [--folder DIR]

Prints how long encoding and healing (3 % of random sectors of both files; a dead stretch of 3 %)
take as multiples of one SHA-256 pass, of par2 for the same share and stretch, and the peak memory
of each in a process of its own. Exits with 1 when a healed volume is not the one that was packed,
or when encoding took more than 200 MB of memory or 20 passes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from champ_offline.bundle.parity.encode import encode
from champ_offline.bundle.parity.heal import heal
from champ_offline.bundle.parity.layout import SECTOR
from champ_offline.bundle.parity.patches import Patches, restore_in_place
from champ_offline.bundle.parity.protection import Protection
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest

MIB = 1024**2
SHARE = 5
MOST_MEGABYTES = 200
MOST_PASSES = 20


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def protection(volume: Path) -> Protection:
    return Protection.of(volume.name, volume.stat().st_size, Digest.of(b""), SHARE)


def make_parity(volume: Path) -> None:
    with (
        volume.open("rb", buffering=0) as source,
        volume.with_suffix(".par").open("wb", buffering=0) as out,
    ):
        encode(protection(volume), source, volume.parent, out.write, ignore)


def repair(volume: Path) -> None:
    found = protection(volume)
    with (
        volume.open("rb", buffering=0) as source,
        volume.with_suffix(".par").open("rb", buffering=0) as parity,
        Patches(found.size, volume.parent) as patches,
    ):
        heal(found, source, parity, patches, ignore)
        restore_in_place(volume, patches, [(0, found.size)])


def damage(path: Path, share: float, seed: int) -> None:
    """Zero `share` of the sectors, at random."""
    place = random.Random(seed)
    with path.open("r+b") as file:
        for sector in range(path.stat().st_size // SECTOR):
            if place.random() < share:
                file.seek(sector * SECTOR)
                file.write(bytes(SECTOR))


def stretch(path: Path, seed: int) -> None:
    """Zero 3 % of the file, in one piece."""
    length = path.stat().st_size * 3 // 100 // SECTOR * SECTOR
    first = random.Random(seed).randrange((path.stat().st_size - length) // SECTOR) * SECTOR
    with path.open("r+b") as file:
        file.seek(first)
        file.write(bytes(length))


def measured(words: list[str]) -> tuple[float, float]:
    """Seconds and megabytes that a command takes."""
    begin = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words[0]} ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def one(verb: str, volume: Path) -> tuple[float, float]:
    """Seconds and megabytes of one verb of this program, without the start of the interpreter."""
    words = [sys.executable, "-m", "tests.bench.parity", "--one", verb, str(volume)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return float(found["seconds"]), float(found["megabytes"])


def rounds_of(volume: Path, count: int) -> dict[str, list[tuple[float, float]]]:
    """Every figure of every round as (seconds, megabytes)."""
    figures: dict[str, list[tuple[float, float]]] = {}
    whole = sha256(volume)
    for seed in range(count):
        steps = {"SHA-256": one("sha256", volume), "encode": one("encode", volume)}
        damage(volume, 0.03, seed)
        damage(volume.with_suffix(".par"), 0.03, seed)
        steps["heal 3 % of sectors"] = one("heal", volume)
        check(volume, whole)
        one("encode", volume)
        stretch(volume, seed)
        steps["heal a stretch of 3 %"] = one("heal", volume)
        check(volume, whole)
        if shutil.which("par2"):
            steps |= par2(volume, seed)
            check(volume, whole)
        for name, figure in steps.items():
            figures.setdefault(name, []).append(figure)
    return figures


def par2(volume: Path, seed: int) -> dict[str, tuple[float, float]]:
    """The same by par2 with its default of 2,000 blocks: its time grows with their number."""
    index = volume.with_suffix(".par2")
    create = ["par2", "create", "-q", "-q", f"-r{SHARE}", str(index), str(volume)]
    steps = {"par2 create": measured(create)}
    stretch(volume, seed)
    steps["par2 repair of a stretch"] = measured(["par2", "repair", "-q", "-q", str(index)])
    for path in volume.parent.glob(f"{volume.stem}*.par2"):
        path.unlink()
    for path in volume.parent.glob(f"{volume.name}.*"):
        path.unlink()
    return steps


def check(volume: Path, whole: str) -> None:
    if sha256(volume) != whole:
        sys.exit(f"{volume} was not healed")


def compare(folder: Path, mib: int, count: int) -> int:
    volume = folder / "volume.tar"
    with volume.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    figures = rounds_of(volume, count)
    bare = statistics.median(seconds for seconds, _ in figures["SHA-256"])
    print(f"{mib} MiB, {SHARE} %; medians of {count} rounds")
    for name, found in figures.items():
        seconds = statistics.median(seconds for seconds, _ in found)
        peak = max(megabytes for _, megabytes in found)
        print(
            f"{name:26} {seconds:8.2f} s {mib / seconds:8.0f} MiB/s"
            f" {seconds / bare:8.1f} x SHA-256 {peak:6.0f} MB"
        )
    seconds = statistics.median(seconds for seconds, _ in figures["encode"])
    peak = max(megabytes for _, megabytes in figures["encode"])
    return int(seconds > MOST_PASSES * bare or peak > MOST_MEGABYTES)


def main() -> int:
    parser = argparse.ArgumentParser(description="speed and memory of parity")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        verb, volume = options.one
        begin = time.perf_counter()
        {"sha256": sha256, "encode": make_parity, "heal": repair}[verb](Path(volume))
        seconds = time.perf_counter() - begin
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "megabytes": megabytes}))
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        return compare(Path(name), options.mib, options.rounds)


if __name__ == "__main__":
    sys.exit(main())
