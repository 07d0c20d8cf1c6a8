"""Exports onto sticks that fill up or are pulled out, and from disks that are full or rot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.bundle.errors import NoBundle
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.durable.space import free_bytes
from champ_offline.events import ignore
from tests.field.site import MIB, Site, ended
from tests.field.test_full_disks import disk, fill
from tests.lab.lab import Lab
from tests.lab.stick import FileSystem, Stick
from tests.unit.bundle.desk import flip, tree

__all__ = ["disk"]


@pytest.fixture
def full(site: Site, packed: Path, zone: Path) -> Path:
    """A zone that holds the bundle."""
    assert site.take(zone, packed).code == 0
    return zone


def export(site: Site, zone: Path, *media: Path) -> subprocess.Popen[str]:
    return site.start("--zone", zone, "export", "--for", "core", *media)


def stopped_at(process: subprocess.Popen[str], volume: str) -> str:
    """Hold an export still once it began with a volume; what it said until then."""
    told = ""
    assert process.stderr is not None
    while volume not in told:
        told += process.stderr.readline()
        assert process.poll() is None, told
    os.kill(process.pid, signal.SIGSTOP)
    return told


def is_no_bundle(site: Site, media: Path) -> None:
    with pytest.raises(NoBundle):
        verify([media], (site.keys / "root.json").read_bytes(), datetime.now(UTC))


def is_whole(site: Site, media: Path, packed: Path) -> None:
    root = (site.keys / "root.json").read_bytes()
    read_every_byte(verify([media], root, datetime.now(UTC), "core"), ignore)
    assert tree(media / "champ") == tree(packed / "champ")


@pytest.mark.parametrize("kind", ["fat", "exfat"])
def test_a_stick_that_fills_up(
    site: Site, packed: Path, full: Path, lab: Lab, kind: FileSystem
) -> None:
    stick: Stick = lab.stick(f"export-full-{kind}", 48, kind)
    out = stick.plug()
    process = export(site, full, out)
    told = stopped_at(process, "demo-1.0003.tar")
    other = fill(out)
    os.kill(process.pid, signal.SIGCONT)
    said = ended(process, told)
    assert (said.code, said.error["id"]) == (4, "pack.target-unwritable"), said.error
    is_no_bundle(site, out)
    other.unlink()
    kept = out / "champ/demo-1/demo-1.0001.tar"
    before = kept.stat().st_mtime_ns
    said = ended(export(site, full, out))
    assert said.code == 0, said.error
    assert kept.stat().st_mtime_ns == before
    stick.unplug()
    is_whole(site, stick.plug(), packed)
    stick.unplug()


def test_a_stick_that_is_too_small(site: Site, full: Path, lab: Lab) -> None:
    stick = lab.stick("export-small", 20, "exfat")
    out = stick.plug()
    said = ended(export(site, full, out))
    assert (said.code, said.error["id"]) == (4, "export.media-full")
    assert not (out / "champ").exists()
    stick.unplug()


def test_two_sticks_that_hold_it_together(
    site: Site, packed: Path, full: Path, lab: Lab, tmp_path: Path
) -> None:
    sticks = [lab.stick(f"export-half-{number}", 20, "exfat") for number in (1, 2)]
    media = [stick.plug() for stick in sticks]
    said = ended(export(site, full, *media))
    assert said.code == 0, said.error
    assert len(said.result[0]["folders"]) == 2
    volumes = [tree(one).keys() & {"champ/demo-1/demo-1.0001.tar"} for one in media]
    assert [len(found) for found in volumes] == [1, 0]
    root = (site.keys / "root.json").read_bytes()
    read_every_byte(verify(media, root, datetime.now(UTC), "core"), ignore)
    assert tree(media[0] / "champ") | tree(media[1] / "champ") == tree(packed / "champ")
    next_zone = site.zone(tmp_path / "next")
    assert site.take(next_zone, media[1]).code == 9
    assert site.take(next_zone, media[0]).code == 0
    for stick in sticks:
        stick.unplug()


def test_a_stick_that_is_pulled_out(site: Site, packed: Path, full: Path, lab: Lab) -> None:
    stick = lab.stick("export-pulled", 48, "fat")
    out = stick.plug()
    process = export(site, full, out)
    told = stopped_at(process, "demo-1.0003.tar")
    stick.kill_server()
    os.kill(process.pid, signal.SIGCONT)
    said = ended(process, told)
    assert (said.code, said.error["id"]) == (4, "pack.target-unwritable"), said.error
    stick.unplug()
    out = stick.plug()
    is_no_bundle(site, out)
    said = ended(export(site, full, out))
    assert said.code == 0, said.error
    stick.unplug()
    is_whole(site, stick.plug(), packed)
    stick.unplug()


@pytest.mark.parametrize("again", [False, True])
def test_a_zone_whose_disk_takes_no_row_exports_nothing(
    site: Site, packed: Path, disk: Path, tmp_path: Path, *, again: bool
) -> None:
    """Nor, where it is the first export, the file of the lock by which collections know of it."""
    zone, out = site.zone(disk / "zone"), tmp_path / "out"
    out.mkdir()
    assert site.take(zone, packed).code == 0
    if again:
        assert ended(export(site, zone, out)).code == 0
        shutil.rmtree(out / "champ")
    other = fill(disk)
    assert free_bytes(disk) == 0
    said = ended(export(site, zone, out))
    refusal = "durable.database-full" if again else "intake.zone-unwritable"
    assert (said.code, said.error["id"]) == (4, refusal), said.error
    assert tree(out) == {}
    other.unlink()
    assert ended(export(site, zone, out)).code == 0
    is_whole(site, out, packed)


def test_a_blob_that_rots_is_named(site: Site, packed: Path, full: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    blobs = sorted((full / "store/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blobs[-1].chmod(0o644)
    flip(blobs[-1], MIB // 2)
    said = ended(export(site, full, out))
    assert (said.code, said.error["id"]) == (11, "export.blob-damaged")
    assert said.fields["blob"] == f"sha256:{blobs[-1].name}"
    is_no_bundle(site, out)
    assert site.run("--zone", full, "store", "check").code == 11
    assert site.take(full, packed).code == 0
    assert ended(export(site, full, out)).code == 0
    is_whole(site, out, packed)
    shutil.rmtree(out)
