"""Import against a bare program: read + SHA-256 + write + fsync of the same volumes, same run.

    python -m tests.bench.import_speed [--gib 4] [--rounds 3] [--folder DIR]

Prints how many times as long as the bare program the import takes, with the load average beside it,
the peak memory of an import of the whole and of a tenth of it, each in a process of its own, and
the most that the zone's folder ever took beyond its new blobs. Exits with 1 when the median is
above 1.2 times, a peak is 150 MB or more, the two differ by 20 MB or more, or the folder took 16 MB
or more besides.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.intake import Intake
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.bundle.verify import verify
from champ_offline.catalog.artifact import vet_app
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from champ_offline.store.waiting import WaitingRoom
from champ_offline.trust.state import TrustState
from tests.unit.trust.signing import Holder, first_root, signers_of

MIB = 1024**2
LAYER = 64 * MIB
MOST_TIMES = 1.2
MOST_MEGABYTES = 150
MOST_MEGABYTES_APART = 20
MOST_BESIDES = 16
SAMPLE_SECONDS = 0.02


class Bench:
    """Packs bundles under a root of its own."""

    def __init__(self) -> None:
        holder, now = Holder("bench"), datetime.now(UTC)
        self._signers = signers_of(holder)
        self.root = first_root([holder], now)

    def pack(self, folder: Path, size: int, version: str = "1") -> Path:
        """The folder of a signed bundle of random layers, `size` bytes in all."""
        blobs = BlobStore(folder / "blobs")
        config = Descriptor(media_types.IMAGE_CONFIG, blobs.add(b"{}"), 2)
        layers = []
        for _ in range(size // LAYER):
            with blobs.writer() as writer:
                for _ in range(LAYER // MIB):
                    writer.write(os.urandom(MIB))
                layers.append(Descriptor(media_types.LAYER_TAR, writer.commit(), LAYER))
        manifest = image_manifest(config, layers)
        descriptor = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(manifest), len(manifest))
        image = descriptor.named(f"bench.local/image:{version}")
        contents = Contents("bench", version, (), (image,), (), ())
        packer = Packer(blobs, (self.root,), self._signers)
        packed = packer.pack(contents, folder, Limits(1024 * MIB), datetime.now(UTC), ignore)
        shutil.rmtree(folder / "blobs")
        return packed.folder


def bare(media: Path, out: Path) -> float:
    """Seconds the reference program takes."""
    begin = time.perf_counter()
    out.mkdir()
    for volume in sorted(media.glob("*.tar")):
        digest = hashlib.sha256()
        with volume.open("rb") as source, (out / volume.name).open("wb", buffering=0) as target:
            while chunk := source.read(MIB):
                digest.update(chunk)
                target.write(chunk)
            os.fsync(target.fileno())
    return time.perf_counter() - begin


def imported(media: Path, root: bytes, zone: Path) -> float:
    """Seconds the product takes for verification of the documents and the import."""
    begin = time.perf_counter()
    zone.mkdir()
    database = Database.create(zone / "champ.db")
    intake = Intake(
        database,
        BlobStore(zone / "store"),
        WaitingRoom(zone / "incoming"),
        Refs(database),
        TrustState(database),
        vet_app,
    )
    now = datetime.now(UTC)
    result = intake.take(verify([media], root, now), now.isoformat(), ignore)
    if not result.changed:
        sys.exit("nothing was imported")
    return time.perf_counter() - begin


def peak(media: Path, root: Path, zone: Path) -> tuple[float, float]:
    """Of one import in a process of its own, in MB: peak memory, and disk beyond the new blobs."""
    words = [sys.executable, "-m", "tests.bench.import_speed", "--one"]
    words += map(str, (media, root, zone))
    most = 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            most = max(most, taken(zone))
            time.sleep(SAMPLE_SECONDS)
        out = process.communicate()[0]
    blobs = taken(zone / "store")
    shutil.rmtree(zone)
    return float(json.loads(out)["megabytes"]), max(0, most - blobs) / 1e6


def taken(folder: Path) -> int:
    """Bytes on the disk of all files below a folder at work, as far as they hold still."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512
    return total


def compare(folder: Path, gib: float, rounds: int) -> int:
    bench = Bench()
    root, media = bench.root, bench.pack(folder / "large", int(gib * 1024 * MIB))
    times = []
    for number in range(rounds):
        reference = bare(media, folder / "copy")
        shutil.rmtree(folder / "copy")
        product = imported(media, root, folder / "zone")
        shutil.rmtree(folder / "zone")
        times.append(product / reference)
        print(f"round {number + 1}: bare {reference:.2f} s, import {product:.2f} s, "
              f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    small = bench.pack(folder / "small", int(gib * 1024 * MIB) // 10)
    (folder / "root.json").write_bytes(root)
    peaks, besides = [], []
    for bundle in (media, small):
        memory, disk = peak(bundle, folder / "root.json", folder / "zone")
        peaks.append(memory)
        besides.append(disk)
    median = statistics.median(times)
    print(f"import takes {median:.2f} times as long as the bare program ({min(times):.2f} to "
          f"{max(times):.2f}); at most {MOST_TIMES} wanted")  # fmt: skip
    print(f"peak memory: {peaks[0]:.0f} MB for {gib} GiB, {peaks[1]:.0f} MB for a tenth of it; "
          f"under {MOST_MEGABYTES} wanted")  # fmt: skip
    print(f"disk beyond the new blobs: {max(besides):.1f} MB; under {MOST_BESIDES} wanted")
    apart = abs(peaks[0] - peaks[1])
    slow, large = median > MOST_TIMES, max(peaks) >= MOST_MEGABYTES or max(besides) >= MOST_BESIDES
    return int(slow or large or apart >= MOST_MEGABYTES_APART)


def main() -> int:
    parser = argparse.ArgumentParser(description="import speed against a bare program")
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--one", type=Path, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        media, root, zone = options.one
        imported(media, root.read_bytes(), zone)
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"megabytes": kilobytes / 1024}))
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        return compare(Path(name), options.gib, options.rounds)


if __name__ == "__main__":
    sys.exit(main())
