"""Damaged parity is noticed while the volumes are whole, and calculated anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.errors import SeveralTroubles
from champ_offline.bundle.media import SPARE_DOCUMENTS
from champ_offline.bundle.parity_faults import ParityDamaged, SpareDocumentsDamaged, parity_fault
from champ_offline.bundle.verify import read_every_byte
from champ_offline.errors import ExitCode
from champ_offline.events import Event, FaultFound, ignore
from tests.unit.bundle.conftest import Pack
from tests.unit.bundle.desk import KIB, Desk, flip, volumes


@pytest.fixture
def desk(pack: Pack, desk_of: Callable[[Path], Desk]) -> Desk:
    return desk_of(pack(parity=20).folder)


def parity_of(desk: Desk, number: int = 1) -> Path:
    return desk.stick / f"demo-1.{number:04}.par"


def spoil(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    match kind:
        case "flipped":
            data[len(data) // 2] ^= 1
        case "foreign":
            data = bytearray(path.with_name("demo-1.0002.par").read_bytes().ljust(len(data), b"x"))
        case "noise":
            data = bytearray(random.Random(1).randbytes(len(data)))
        case "longer":
            data += b"more"
        case "shorter":
            del data[-512:]
        case "gone":
            path.unlink()
            return
    path.write_bytes(data)


KINDS = ("flipped", "foreign", "noise", "longer", "shorter", "gone")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_parity_is_named_and_calculated_anew(desk: Desk, kind: str) -> None:
    spoil(parity_of(desk), kind)
    events: list[Event] = []
    with pytest.raises(ParityDamaged) as caught:
        read_every_byte(desk.accept([desk.stick]), events.append)
    assert caught.value.exit_code is ExitCode.CORRUPT
    named = [event.subject for event in events if isinstance(event, FaultFound)]
    assert named == [str(parity_of(desk))]
    assert [one.name for one in desk.mend(check=True).volumes] == [parity_of(desk).name]
    assert [one.name for one in desk.mend().volumes] == [parity_of(desk).name]
    desk.is_whole()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "foreign"])
def test_a_damaged_spare_of_the_documents_is_named_and_written_anew(desk: Desk, kind: str) -> None:
    spoil(desk.stick / SPARE_DOCUMENTS, kind)
    with pytest.raises(SpareDocumentsDamaged):
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert desk.mend().documents == (SPARE_DOCUMENTS,)
    desk.is_whole()


def test_every_sector_of_parity_is_looked_at(desk: Desk) -> None:
    bundle = desk.accept([desk.stick])
    path, entry = parity_of(desk), bundle.volumes[0].entry
    data = path.read_bytes()
    total = len(data) // 512
    place = random.Random(3)
    for sector in range(total):
        flip(path, sector * 512 + place.randrange(512))
        fault = parity_fault(path, bundle.document, entry)
        assert fault is not None
        assert (fault.fields["good"], fault.fields["total"]) == (total - 1, total)
        path.write_bytes(data)
    assert parity_fault(path, bundle.document, entry) is None


def test_damaged_volumes_do_not_hide_damaged_parity(desk: Desk) -> None:
    flip(volumes(desk.stick)[0], 20 * KIB)
    spoil(parity_of(desk, 2), "flipped")
    with pytest.raises(SeveralTroubles) as caught:
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert volumes(desk.stick)[0].name in str(caught.value)
    assert parity_of(desk, 2).name in str(caught.value)
    assert desk.mend().fault is None
    desk.is_whole()
