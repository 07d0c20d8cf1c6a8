"""Media with bad places, as the kernel tells of them: read again, named, passed over, made good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.volume import BLOCK
from tests.crash.zones import held
from tests.field.site import LAYERS, MIB, Site
from tests.lab.faulty_stick import Behaviour, Fault, FaultyStick
from tests.lab.lab import Lab

VOLUME = "demo-1.0003.tar"


@pytest.fixture
def stick(lab: Lab, packed: Path) -> Iterator[FaultyStick]:
    stick = lab.faulty_stick("faulty", packed)
    yield stick
    stick.unplug()


@pytest.fixture
def place(packed: Path) -> tuple[str, int]:
    """The digest and the offset of the second member of a volume."""
    members = json.loads((packed / "champ/demo-1/volumes/0003.json").read_bytes())["members"]
    index = (packed / "champ/demo-1/volumes/0003.json").stat().st_size
    begin = BLOCK + -(-index // BLOCK) * BLOCK
    begin += BLOCK + -(-members[0][1] // BLOCK) * BLOCK
    return members[1][2], begin + BLOCK


@pytest.mark.parametrize("garbled", [False, True])
def test_a_place_that_fails_once_is_healed_by_the_second_reading(
    site: Site, stick: FaultyStick, zone: Path, place: tuple[str, int], garbled: bool
) -> None:
    offset = place[1] + 5000
    fault = Fault(VOLUME, offset, offset + 1, times=1, garbled=garbled)
    media = stick.plug(Behaviour([fault]))
    said = site.take(zone, media)
    assert (said.code, said.result["damaged"]) == (0, 0)
    assert fault.times == 0
    assert len(held(zone).refs) > 0


def test_wrong_bytes_in_the_page_cache_are_not_believed_twice(
    site: Site, stick: FaultyStick, zone: Path, place: tuple[str, int]
) -> None:
    first_page = place[1] - place[1] % 4096
    fault = Fault(VOLUME, first_page, place[1] + 1, times=1, garbled=True)
    said = site.take(zone, stick.plug(Behaviour([fault], cached=True)))
    assert fault.times == 0
    assert (said.code, said.result["damaged"]) == (0, 0)


def test_a_place_that_always_fails_is_named_and_another_copy_completes_the_import(
    site: Site, stick: FaultyStick, zone: Path, packed: Path, place: tuple[str, int]
) -> None:
    digest, begin = place
    bad = Fault(VOLUME, begin + MIB // 2, begin + MIB // 2 + 512)
    media = stick.plug(Behaviour([bad]))
    said = site.take(zone, media)
    assert (said.code, said.error["exit_code"]) == (11, 11)
    assert said.fields["volume"].endswith(VOLUME)
    assert said.fields["blob"] == digest
    assert begin <= int(said.fields["offset"]) < begin + MIB
    assert held(zone).refs == ()
    waiting = {path.name for path in (zone / "incoming/sha256").glob("[0-9a-f]*")}
    assert len(waiting) >= LAYERS - 1
    assert digest.removeprefix("sha256:") not in waiting
    said = site.take(zone, media, packed)
    assert said.code == 0, said.error
    assert len(held(zone).refs) > 0
