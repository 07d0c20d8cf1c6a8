"""Sticks pulled out in the middle of an import: told plainly, and the next run goes on there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.zones import held
from tests.field.site import MIB, Said, Site, ended
from tests.lab.commands import call
from tests.lab.faulty_stick import Behaviour, FaultyStick, How
from tests.lab.lab import Lab
from tests.lab.stick import FileSystem, Stick

OVERHEAD = MIB  # indexes, framing, and what the kernel reads ahead
AROUND = 4 * MIB  # the same on a device: the file system's own blocks, and all of it read ahead


@pytest.fixture
def faulty(lab: Lab, packed: Path) -> Iterator[FaultyStick]:
    stick = lab.faulty_stick("pulled", packed)
    yield stick
    stick.unplug()


def waiting_bytes(zone: Path) -> int:
    return sum(path.stat().st_size for path in (zone / "incoming/sha256").glob("[0-9a-f]*"))


def stored_bytes(zone: Path) -> int:
    return sum(path.stat().st_size for path in (zone / "store/sha256").iterdir())


def refused_as_gone(said: Said, zone: Path) -> None:
    """The one error of a pulled stick; the zone is as it was, and what came is kept."""
    assert (said.error["id"], said.code) == ("media.gone", 9), said.error
    assert held(zone).refs == ()
    assert waiting_bytes(zone) > 2 * MIB


@pytest.mark.parametrize("how", ["pulled", "died"])
def test_nothing_is_read_twice_when_the_stick_comes_back(
    site: Site, faulty: FaultyStick, zone: Path, how: How
) -> None:
    media = faulty.plug(Behaviour(lost_after=10 * MIB, how=how, cached=True))
    said = site.take(zone, media)
    refused_as_gone(said, zone)
    kept = waiting_bytes(zone)
    faulty.unplug()
    assert site.take(zone, faulty.plug(Behaviour(lost_after=0, how=how))).code in {9, 11, 14}
    faulty.unplug()
    said = site.take(zone, faulty.plug(Behaviour(cached=True)))
    assert said.code == 0, said.error
    assert faulty.volume_bytes <= stored_bytes(zone) - kept + OVERHEAD
    assert len(held(zone).refs) > 0


@pytest.fixture
def plugged(lab: Lab, packed: Path) -> Iterator[Callable[[FileSystem], Stick]]:
    made: list[Stick] = []

    def with_bundle(kind: FileSystem) -> Stick:
        stick = lab.stick(f"real-{kind}", 64, kind)
        call("cp", "-r", packed / "champ", stick.plug())
        stick.unplug()
        made.append(stick)
        return stick

    yield with_bundle
    for stick in made:
        stick.unplug()


def stopped_half_way(process: subprocess.Popen[str], zone: Path) -> str:
    """Hold an import still once some of it waits; what it said until then."""
    told = ""
    assert process.stderr is not None
    while waiting_bytes(zone) < 8 * MIB:
        told += process.stderr.readline()
        assert process.poll() is None, told
    os.kill(process.pid, signal.SIGSTOP)
    return told


def test_a_device_that_vanishes_under_its_file_system(
    site: Site, zone: Path, plugged: Callable[[FileSystem], Stick]
) -> None:
    stick = plugged("exfat")
    process = site.start("--zone", zone, "import", stick.plug())
    told = stopped_half_way(process, zone)
    stick.pull()
    os.kill(process.pid, signal.SIGCONT)
    refused_as_gone(ended(process, told), zone)
    stick.unplug()
    kept, media = waiting_bytes(zone), stick.plug()
    before = sectors_read(stick)
    said = site.take(zone, media)
    assert said.code == 0, said.error
    assert sectors_read(stick) - before <= (stored_bytes(zone) - kept + AROUND) // 512
    assert len(held(zone).refs) > 0


def sectors_read(stick: Stick) -> int:
    """Sectors the device gave since it was attached (Documentation/block/stat.rst)."""
    return int(Path(f"/sys/block/{Path(stick.device).name}/stat").read_text().split()[2])


def test_a_file_system_whose_server_is_killed(
    site: Site, zone: Path, plugged: Callable[[FileSystem], Stick]
) -> None:
    stick = plugged("fat")
    process = site.start("--zone", zone, "import", stick.plug())
    told = stopped_half_way(process, zone)
    stick.kill_server()
    os.kill(process.pid, signal.SIGCONT)
    said = ended(process, told)
    refused_as_gone(said, zone)
    assert "endpoint" in said.fields["reason"] or "abort" in said.fields["reason"]
    stick.unplug()
    assert site.take(zone, stick.plug()).code == 0
    assert len(held(zone).refs) > 0
