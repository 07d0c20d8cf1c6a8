"""Every hostile bundle ends in its own error, changes nothing, and costs no more than a good one.

The cases are in `media`, `documents`, `volumes`, `content` and `trust`; each is brought to a new
zone in a process of its own, with at most ten seconds of processor and 300 MB of memory.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.workshop import Workshop
from tests.hostile import content, documents, installer, media, trust, volumes
from tests.hostile.attempt import MOST_BYTES, MOST_SECONDS, Outcome, attempt, state
from tests.hostile.catalogue import Case
from tests.hostile.forge import NOW, Forge, Keys

CASES = {
    f"{module.__name__.rpartition('.')[2]}-{case.name}": case
    for module in (media, documents, volumes, content, trust, installer)
    for case in module.case.known
}


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys.make()


@pytest.mark.parametrize("name", CASES)
def test_hostile(name: str, tmp_path: Path, keys: Keys) -> None:
    case = CASES[name]
    forge = Forge(tmp_path / "stick", keys)
    if case.first is not None:
        before = Forge(tmp_path / "before", keys)
        case.first(before)
    sticks = case.build(forge) or [forge.medium]
    zone = _zone(tmp_path, forge.keys if (tmp_path / "root.json").exists() else keys)
    if case.first is not None:
        Appliance(zone, lambda: NOW).import_media([before.medium], ignore)
    held = state(zone)
    taken = attempt(lambda: Appliance(zone, lambda: NOW).import_media(sticks, ignore))
    assert (taken.id, taken.trace) == (case.error, ""), taken
    _assert_bounded(taken)
    if case.error:
        assert state(zone) == held
    else:
        _assert_whole(zone)
    _assert_verified(case, sticks, tmp_path)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("volumes-")])
def test_hostile_volumes_below_a_document_that_nobody_signed(
    name: str, tmp_path: Path, keys: Keys
) -> None:
    forge = Forge(tmp_path / "stick", keys)
    sticks = CASES[name].build(forge) or [forge.medium]
    for targets in tmp_path.rglob("targets.json"):
        targets.write_bytes(targets.read_bytes() + b" ")
    (tmp_path / "pinned.json").write_bytes(keys.root)
    workshop = Workshop(tmp_path / "cache", lambda: NOW)
    read = attempt(lambda: workshop.verify(sticks, tmp_path / "pinned.json", ignore))
    assert (read.trace, bool(read.id)) == ("", True), read
    _assert_bounded(read)


def test_there_are_enough() -> None:
    assert len(CASES) >= 60
    assert len({case.error for case in CASES.values()}) >= 15


def _zone(folder: Path, keys: Keys) -> Path:
    root = folder / "pinned.json"
    root.write_bytes(keys.root)
    Appliance.create(folder / "zone", "core", root)
    return folder / "zone"


def _assert_verified(case: Case, sticks: list[Path], folder: Path) -> None:
    """Reading every byte outside of a zone is as bounded, and knows of no crash either."""
    workshop = Workshop(folder / "cache", lambda: NOW)
    read = attempt(lambda: workshop.verify(sticks, folder / "pinned.json", ignore))
    assert read.trace == "", read
    assert case.verify in {None, read.id}
    _assert_bounded(read)


def _assert_bounded(outcome: Outcome) -> None:
    assert outcome.seconds < MOST_SECONDS
    assert outcome.size < MOST_BYTES
    assert len(outcome.text) < 8000


def _assert_whole(zone: Path) -> None:
    blobs = list((zone / "store/sha256").iterdir())
    assert blobs
    for path in blobs:
        assert Digest.of(path.read_bytes()).hex == path.name
