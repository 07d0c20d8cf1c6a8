"""Mending a stick when the sticks to mend it from fail too, or it takes no bytes itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.field.site import MIB, Site
from tests.lab.faulty_stick import Behaviour, Fault, FaultyStick
from tests.lab.lab import Lab

VOLUME = "demo-1.0003.tar"


@pytest.fixture
def faulty(lab: Lab, packed: Path) -> Iterator[Callable[[str, Behaviour], Path]]:
    """Plugs in a stick of that name that behaves so."""
    made: list[FaultyStick] = []

    def plug(name: str, behaviour: Behaviour) -> Path:
        made.append(lab.faulty_stick(name, packed))
        return made[-1].plug(behaviour)

    yield plug
    for stick in made:
        stick.unplug()


@pytest.fixture
def root(site: Site) -> Path:
    return site.keys / "root.json"


def test_two_sticks_with_bad_places_in_one_blob_make_a_third_whole(
    site: Site,
    packed: Path,
    root: Path,
    faulty: Callable[[str, Behaviour], Path],
    tmp_path: Path,
) -> None:
    middle = MIB + MIB // 2
    one = faulty("one", Behaviour([Fault(VOLUME, middle, middle + 512)]))
    other = faulty("other", Behaviour([Fault(VOLUME, middle + 64_000, middle + 70_000)]))
    stick = Path(shutil.copytree(packed, tmp_path / "stick"))
    lost = stick / "champ/demo-1" / VOLUME
    lost.unlink()
    repair: list[str | Path] = ["media", "repair", stick, "--root", root, "--from", one]
    said = site.run(*repair)
    assert (said.code, said.error["id"]) == (11, "repair.incomplete")
    assert not lost.exists()
    assert site.does(*repair, "--from", other)["missing"]["members"] == []
    assert lost.read_bytes() == (packed / "champ/demo-1" / VOLUME).read_bytes()
    site.does("verify", stick, "--root", root)


def test_a_stick_that_is_mounted_for_reading_only_is_told_before_it_is_read(
    site: Site, packed: Path, root: Path, lab: Lab
) -> None:
    stick = lab.faulty_stick("locked", packed)
    try:
        said = site.run("media", "repair", stick.plug(), "--root", root, "--from", packed)
        assert (said.code, said.error["id"]) == (4, "repair.read-only")
        assert stick.volume_bytes < MIB
    finally:
        stick.unplug()


def test_a_stick_that_is_pulled_while_it_is_looked_at_is_asked_for_again(
    site: Site, root: Path, faulty: Callable[[str, Behaviour], Path]
) -> None:
    stick = faulty("pulled", Behaviour(lost_after=9 * MIB))
    said = site.run("media", "repair", stick, "--root", root, "--check")
    assert (said.code, said.error["id"]) == (9, "media.gone")
