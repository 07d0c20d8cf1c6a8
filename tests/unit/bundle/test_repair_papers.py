"""A zone's papers mend what a medium lost of documents and indexes, and only for its own pack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.errors import NoBundle
from champ_offline.bundle.repair_errors import OtherPack, RepairNeeded
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from tests.unit.bundle.conftest import Pack, Zone
from tests.unit.bundle.desk import Desk, flip, tree, volumes

DOCUMENTS = ["bundle.json", "metadata/targets.json", "metadata/snapshot.json"]


@pytest.fixture
def held(desk: Desk, zone: Zone) -> Zone:
    zone.take(desk.stick)
    return zone


def spoil_index(desk: Desk) -> None:
    """Damage index.json, where the volume that has it says."""
    bundle = desk.accept([desk.stick])
    for volume, index in bundle.readable:
        for member, place in index.places:
            if member.name == "index.json":
                flip(desk.stick / volume.name, place + 512 + 3)
                return
    raise AssertionError("no index.json")


def spoil_volume_index(desk: Desk) -> None:
    flip(volumes(desk.stick)[1], 600)
    (desk.stick / "volumes/0002.json").unlink()


def lose_metadata(desk: Desk) -> None:
    shutil.rmtree(desk.stick / "metadata", ignore_errors=True)


def lose_all_documents(desk: Desk) -> None:
    lose_metadata(desk)
    shutil.rmtree(desk.stick / "volumes")
    (desk.stick / "bundle.json").unlink()


def lose(name: str) -> Callable[[Desk], None]:
    return lambda desk: (desk.stick / name).unlink()


def damage(name: str) -> Callable[[Desk], None]:
    return lambda desk: flip(desk.stick / name, 40)


HARM = {
    "index.json": spoil_index,
    "the index of a volume": spoil_volume_index,
    "metadata": lose_metadata,
    "all documents": lose_all_documents,
    **{f"{name} lost": lose(name) for name in DOCUMENTS},
    **{f"{name} damaged": damage(name) for name in DOCUMENTS},
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM.keys())
def test_papers_give_it_back(desk: Desk, held: Zone, harm: Callable[[Desk], None]) -> None:
    harm(desk)
    broken = tree(desk.stick)
    looked = desk.mend(held=held.intake.held, check=True)
    assert isinstance(looked.fault, RepairNeeded)
    assert tree(desk.stick) == broken
    done = desk.mend(held=held.intake.held)
    assert (done.fault, len(done.missing)) == (None, 0)
    desk.is_whole()


def test_without_the_zone_it_is_lost(desk: Desk, held: Zone) -> None:
    spoil_index(desk)
    fault = desk.mend(stores=[held.blobs]).fault
    assert fault is not None
    assert fault.id == "repair.incomplete"


def test_papers_and_store_build_a_medium_anew(desk: Desk, held: Zone) -> None:
    for path in list(desk.stick.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    medium = desk.stick.parents[1]
    done = desk.mend(medium=medium, held=held.intake.held, stores=[held.blobs], whole=True)
    assert done.fault is None
    desk.is_whole()


def test_a_stick_of_several_keeps_its_share(
    pack: Pack, desk_of: Callable[[Path], Desk], zone: Zone
) -> None:
    """index.json is in the first volume: that it can be had does not bring that volume here."""
    packed = pack(limit=40 * 1024)
    zone.take(packed.folder)
    desk = desk_of(packed.folder)
    for volume in volumes(desk.stick)[:2]:
        volume.unlink()
    before = tree(desk.stick)
    lose_metadata(desk)
    done = desk.mend(held=zone.intake.held, stores=[zone.blobs])
    assert (done.fault, len(done.elsewhere)) == (None, 2)
    assert tree(desk.stick) == before


@pytest.mark.parametrize("harm", [lose_metadata, lose_all_documents, lose("bundle.json")])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_packs_the_mediums_own_is_taken(
    pack: Pack,
    desk_of: Callable[[Path], Desk],
    zone: Zone,
    harm: Callable[[Desk], None],
    order: tuple[int, int],
) -> None:
    """Both are held; their volumes are cut in other ways."""
    packed = (pack("old").folder, pack("new", days=1, limit=90 * 1024).folder)
    for folder in packed:
        zone.take(folder)
    desk = desk_of(packed[order[0]])
    harm(desk)
    assert desk.mend(held=zone.intake.held).fault is None
    desk.is_whole()


def test_packs_with_the_same_volumes_are_told_apart_by_any_document(
    pack: Pack, desk_of: Callable[[Path], Desk], zone: Zone
) -> None:
    packed = (pack("old").folder, pack("new", days=1).folder)
    for folder in packed:
        zone.take(folder)
    desk = desk_of(packed[0])
    (desk.stick / "bundle.json").unlink()
    assert desk.mend(held=zone.intake.held).fault is None
    desk.is_whole()


def test_a_pack_that_the_zone_does_not_hold_is_left_alone(
    pack: Pack, desk_of: Callable[[Path], Desk], zone: Zone
) -> None:
    zone.take(pack("old").folder)
    desk = desk_of(pack("new", days=1, limit=90 * 1024).folder)
    for harm in (damage("bundle.json"), lose_metadata, lose_all_documents):
        harm(desk)
        broken = tree(desk.stick)
        with pytest.raises(ChampError) as refused:
            desk.mend(held=zone.intake.held, stores=[zone.blobs])
        assert not isinstance(refused.value, OtherPack)
        assert tree(desk.stick) == broken
    assert isinstance(refused.value, NoBundle)


def test_papers_that_were_altered_give_nothing(desk: Desk, held: Zone) -> None:
    with held.database.transaction() as connection:
        connection.execute("UPDATE papers SET content = CAST('x' || substr(content, 2) AS BLOB)")
    for harm in (spoil_index, spoil_volume_index):
        harm(desk)
        assert desk.mend(held=held.intake.held).fault is not None
    lose_metadata(desk)
    broken = tree(desk.stick)
    with pytest.raises(ChampError):
        desk.mend(held=held.intake.held)
    assert tree(desk.stick) == broken


def test_papers_of_another_pack_under_this_ones_name_give_nothing(
    pack: Pack, desk: Desk, held: Zone
) -> None:
    newer = pack("newer", days=1)
    held.take(newer.folder)
    own = str(Digest.of(desk.packed["bundle.json"]))
    with held.database.transaction() as connection:
        connection.execute("DELETE FROM papers WHERE bundle = ?", (own,))
        connection.execute("UPDATE papers SET bundle = ?", (own,))
    lose_metadata(desk)
    with pytest.raises(ChampError):
        desk.mend(held=held.intake.held)
