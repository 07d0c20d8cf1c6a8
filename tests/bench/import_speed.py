"""Import against a bare program: read + SHA-256 + write + fsync of the same volumes, same run.

    python -m tests.bench.import_speed [--gib 2] [--rounds 5] [--folder DIR]

Prints the ratio of throughputs (bare time / import time; 1.0 is as fast as the bare program) and
the peak memory of an import of the whole and of a tenth of it, each in a process of its own.
Exits with 1 when the ratio's median is under 0.8 or the two peaks differ by 20 MB or more.
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
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.intake import Intake
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.bundle.verify import verify
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
LOWEST_RATIO = 0.8
MOST_MEGABYTES_APART = 20


def make_bundle(folder: Path, size: int) -> tuple[Path, bytes]:
    """A signed bundle of random layers, `size` bytes in all; returns its folder and root."""
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
    holder, now = Holder("bench"), datetime.now(UTC)
    signers, root = signers_of(holder), first_root([holder], now)
    contents = Contents("bench", "1", (), (descriptor.named("bench.local/image:1"),), (), ())
    packed = Packer(blobs, (root,), signers).pack(contents, folder, Limits(1024 * MIB), now, ignore)
    shutil.rmtree(folder / "blobs")
    return packed.folder, root


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
    database = Database(zone / "champ.db")
    intake = Intake(
        database,
        BlobStore(zone / "store"),
        WaitingRoom(zone / "incoming"),
        Refs(database),
        TrustState(database),
    )
    now = datetime.now(UTC)
    result = intake.take(verify([media], root, now), now.isoformat(), ignore)
    if not result.changed:
        sys.exit("nothing was imported")
    return time.perf_counter() - begin


def peak(media: Path, root: Path, zone: Path) -> float:
    """Peak memory in MB of one import in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.import_speed", "--one"]
    words += map(str, (media, root, zone))
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    shutil.rmtree(zone)
    return float(json.loads(done.stdout)["megabytes"])


def compare(folder: Path, gib: float, rounds: int) -> int:
    media, root = make_bundle(folder / "large", int(gib * 1024 * MIB))
    ratios = []
    for number in range(rounds):
        reference = bare(media, folder / "copy")
        shutil.rmtree(folder / "copy")
        product = imported(media, root, folder / "zone")
        shutil.rmtree(folder / "zone")
        ratios.append(reference / product)
        print(f"round {number + 1}: bare {reference:.2f} s, import {product:.2f} s")
    small, small_root = make_bundle(folder / "small", int(gib * 1024 * MIB) // 10)
    peaks = []
    for bundle, document in ((media, root), (small, small_root)):
        (folder / "root.json").write_bytes(document)
        peaks.append(peak(bundle, folder / "root.json", folder / "zone"))
    ratio = statistics.median(ratios)
    print(f"import throughput / bare program: median {ratio:.2f} ({min(ratios):.2f} to "
          f"{max(ratios):.2f}); at least {LOWEST_RATIO} wanted")  # fmt: skip
    print(f"peak memory: {peaks[0]:.0f} MB for {gib} GiB, {peaks[1]:.0f} MB for a tenth of it")
    return int(ratio < LOWEST_RATIO or abs(peaks[0] - peaks[1]) >= MOST_MEGABYTES_APART)


def main() -> int:
    parser = argparse.ArgumentParser(description="import speed against a bare program")
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
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
