"""A zone's disk that has no room for healing: said as that, and nothing that was read is lost."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.errors import NoSpaceToHeal
from champ_offline.errors import ExitCode
from champ_offline.events import Event, FaultFound
from tests.unit.bundle.conftest import Pack, Zone
from tests.unit.bundle.desk import KIB, flip, volumes


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can grow beyond 100 KiB, as on a disk that fills up while a volume is healed."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100 * KIB, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def damaged(pack: Pack) -> Path:
    folder = pack(parity=20).folder
    flip(volumes(folder)[0], 110 * KIB)
    return folder


def refused(zone: Zone, folder: Path) -> NoSpaceToHeal:
    with pytest.raises(NoSpaceToHeal) as caught:
        zone.take(folder)
    assert caught.value.exit_code is ExitCode.PREFLIGHT
    assert caught.value.fields["volume"] == volumes(folder)[0].name
    return caught.value


def test_a_disk_that_fills_while_healing(zone: Zone, damaged: Path, small_files: None) -> None:
    del small_files
    told = refused(zone, damaged)
    assert "champ media repair" in told.advice
    assert not zone.refs.all()


def test_all_that_is_sound_comes_before_there_is_too_little_room_to_heal(
    zone: Zone, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the media behind the damaged one may be unplugged meanwhile."""
    second = volumes(damaged)[1]
    with monkeypatch.context() as full:
        full.setattr("champ_offline.bundle.gather.free_bytes", lambda _folder: 1000)
        refused(zone, damaged)
    second.unlink()
    assert zone.take(damaged).changed
    assert len(zone.refs.all()) == 3


def test_all_damage_is_told_before_there_is_too_little_room_to_heal(
    zone: Zone, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = volumes(damaged)[:2]
    flip(second, 30 * KIB)
    events: list[Event] = []
    with monkeypatch.context() as full:
        full.setattr("champ_offline.bundle.gather.free_bytes", lambda _folder: 1000)
        with pytest.raises(NoSpaceToHeal):
            zone.take(damaged, notify=events.append)
    named = [event.subject for event in events if isinstance(event, FaultFound)]
    assert named == [first.name, second.name]


def test_what_was_read_is_kept_and_the_next_run_goes_on(
    zone: Zone, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("champ_offline.bundle.gather.free_bytes", lambda _folder: 1000)
        told = refused(zone, damaged)
    assert told.fields["free"] == 1000
    assert zone.waiting.size > 0
    waited = zone.waiting.size
    zone.take(damaged)
    assert len(zone.refs.all()) == 3
    assert sum(zone.blobs.path(blob).stat().st_size for blob in zone.blobs) > waited
