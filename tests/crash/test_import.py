"""Killed at every durable step of an import: nothing unverified, nothing lost, then it goes on."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, pack, signing

__all__ = ["contents", "pack", "signing"]
BLOBS = 8


def commission(folder: Path, signing: Signing) -> Appliance:
    root = folder.with_suffix(".root.json")
    root.write_bytes(signing.root)
    return Appliance.create(folder, "core", root)


def run(last: int, zone: Path, media: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.crash.import_killed_at"]
    words += [str(last), str(zone), str(media), NOW.isoformat()]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def check_store(zone: Path, appliance: Appliance) -> int:
    """Every blob hashes to its name and every ref leads to whole content; the number of refs."""
    blobs, refs = BlobStore(zone / "store"), Refs(appliance._database)
    for digest in blobs:
        assert hashlib.sha256(blobs.path(digest).read_bytes()).hexdigest() == digest.hex
    for ref in refs.all():
        for child in Manifest.from_bytes(blobs.read(ref.descriptor.digest)).children:
            assert blobs.size(child.digest) == child.size
    return len(refs.all())


def test_a_kill_at_every_step_leaves_a_zone_that_goes_on(
    pack: Pack, signing: Signing, tmp_path: Path
) -> None:
    media = pack().folder
    commission(tmp_path / "whole", signing)
    whole = run(0, tmp_path / "whole", media)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout)
    assert steps > 4 * BLOBS
    for last in range(1, steps + 1):
        zone = tmp_path / f"zone-{last}"
        commission(zone, signing)
        killed = run(last, zone, media)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        appliance = Appliance(zone, lambda: NOW)
        assert check_store(zone, appliance) in {0, 3}
        again = appliance.import_media([media], ignore)
        assert again.new_blobs + again.known_blobs == BLOBS
        assert check_store(zone, appliance) == 3
        assert not list((zone / "incoming/sha256").iterdir())
        assert not appliance.import_media([media], ignore).changed


@pytest.mark.parametrize("last", [24])
def test_what_a_killed_import_had_verified_is_not_read_again(
    pack: Pack, signing: Signing, tmp_path: Path, last: int
) -> None:
    media, zone = pack().folder, tmp_path / "zone"
    appliance = commission(zone, signing)
    run(last, zone, media)
    waiting = {
        path.name: path.stat().st_ino for path in (zone / "incoming/sha256").glob("[0-9a-f]*")
    }
    index = json.loads((media / "bundle.json").read_bytes())["index"]["digest"]
    waiting.pop(index.removeprefix("sha256:"), None)  # the layout's own index is no blob
    assert waiting
    Appliance(zone, lambda: NOW).import_media([media], ignore)
    assert appliance.name == "core"
    for name, inode in waiting.items():
        assert (zone / "store/sha256" / name).stat().st_ino == inode
