"""What is said of a medium as such: its indexes, its share, names of its files, other packs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.errors import (
    AnotherPack,
    BundleBelow,
    MediaDamaged,
    NothingOfBundle,
    SeveralTroubles,
    SoundButMissing,
    VolumeCorrupt,
)
from champ_offline.bundle.index_faults import IndexesDamaged
from champ_offline.bundle.repair_errors import (
    RepairIncomplete,
    RootStray,
    ShareUnknown,
    VolumesMisnamed,
)
from champ_offline.bundle.repair_list import RepairList
from champ_offline.bundle.verify import read_every_byte
from champ_offline.errors import ExitCode
from champ_offline.events import Event, FaultFound, StepFinished, StepStarted, ignore
from champ_offline.trust.key_errors import NoSuchFolder
from tests.unit.bundle.conftest import Pack, Zone
from tests.unit.bundle.desk import KIB, Desk, flip, swap, tree, volumes

DeskOf = Callable[[Path], Desk]


def damage(folder: Path) -> None:
    flip(folder / "volumes/0001.json", 71)


def empty(folder: Path) -> None:
    (folder / "volumes/0001.json").write_bytes(b"")


def lengthen(folder: Path) -> None:
    with (folder / "volumes/0001.json").open("ab") as file:
        file.write(b"x")


def lose(folder: Path) -> None:
    (folder / "volumes/0001.json").unlink()


def lose_all(folder: Path) -> None:
    for path in (folder / "volumes").iterdir():
        path.unlink()
    (folder / "volumes").rmdir()


@pytest.mark.parametrize(
    ("spoil", "count"), [(damage, 1), (empty, 1), (lengthen, 1), (lose, 1), (lose_all, 2)]
)
def test_spoilt_copies_of_indexes_are_a_fault_of_the_medium_alone(
    desk: Desk, zone: Zone, spoil: Callable[[Path], None], count: int
) -> None:
    spoil(desk.stick)
    with pytest.raises(IndexesDamaged) as caught:
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert caught.value.exit_code is ExitCode.CORRUPT
    assert (caught.value.fields["count"], caught.value.fields["first"]) == (count, "0001.json")
    looked = desk.mend(check=True)
    assert len(looked.documents) == count
    assert looked.fault is not None
    assert looked.fault.exit_code is ExitCode.CORRUPT
    assert zone.take(desk.stick).damaged == 0
    assert desk.mend().fault is None
    desk.is_whole()


def test_a_folder_of_volumes_alone_needs_no_indexes(pack: Pack, desk_of: DeskOf) -> None:
    desk = desk_of(pack().folder)
    other = desk.stick.parents[2] / "other"
    other.mkdir()
    first = volumes(desk.stick)[0]
    first.rename(other / first.name)
    assert read_every_byte(desk.accept([desk.stick, other]), ignore) > 0


def shares(pack: Pack, parity: int = 0) -> tuple[Path, ...]:
    return pack(limit=30 * KIB, medium=130 * KIB, parity=parity).folders


def test_a_medium_that_lost_all_its_volumes_is_not_told_that_the_bundle_is_lost(
    pack: Pack, desk_of: DeskOf
) -> None:
    first, *_ = shares(pack)
    desk = desk_of(first)
    copy, total = desk.copy(), len(list((first / "volumes").iterdir()))
    for volume in volumes(first):
        volume.unlink()
    done = desk.mend(check=True)
    assert isinstance(done.fault, ShareUnknown)
    assert done.fault.fields["total"] == total
    assert not done.missing
    assert len(done.elsewhere) == total
    assert desk.mend(copy).fault is None
    assert tree(desk.stick) == desk.packed


def test_of_a_medium_that_lost_its_only_volume_that_one_is_listed(
    pack: Pack, desk_of: DeskOf, tmp_path: Path
) -> None:
    folders = pack(limit=90 * KIB, medium=95 * KIB, parity=10).folders
    desk = desk_of(folders[1])
    (own,) = volumes(desk.stick)
    own.unlink()
    done = desk.mend(check=True, list_to=tmp_path / "list.json")
    assert isinstance(done.fault, RepairIncomplete)
    listed = RepairList.from_file(tmp_path / "list.json")
    assert {number for number, _ in listed.members} == {2}
    assert own.name not in done.elsewhere


def test_only_what_was_built_is_called_so(pack: Pack, desk_of: DeskOf) -> None:
    desk = desk_of(pack(limit=90 * KIB).folder)
    copy = desk.copy()
    middle = volumes(desk.stick)[1]
    middle.unlink()
    for sources in ((copy,), ()):
        (one,) = desk.mend(*sources, check=True).volumes
        assert (one.name, one.absent, one.built) == (middle.name, True, False)
    (one,) = desk.mend().volumes
    assert (one.absent, one.built) == (True, False)
    assert one.lost > 0
    (one,) = desk.mend(copy).volumes
    assert (one.absent, one.built, one.lost) == (True, True, 0)


def test_swapped_volumes_are_to_be_renamed_and_are_not_overwritten(desk: Desk) -> None:
    first, second = volumes(desk.stick)
    swap(first, second)
    before = tree(desk.stick)
    for check in (True, False):
        done = desk.mend(check=check)
        assert isinstance(done.fault, VolumesMisnamed)
        assert f"{first.name} → {second.name}, {second.name} → {first.name}" in str(done.fault)
        assert not done.missing
    assert tree(desk.stick) == before
    swap(first, second)
    desk.is_whole()


def test_swapped_volumes_are_built_from_a_copy(desk: Desk) -> None:
    copy = desk.copy()
    swap(*volumes(desk.stick))
    assert desk.mend(copy).fault is None
    desk.is_whole()


def test_what_another_volume_took_the_place_of_is_known_to_be_lost(desk: Desk) -> None:
    first, second = volumes(desk.stick)
    second.rename(first)
    done = desk.mend()
    assert isinstance(done.fault, RepairIncomplete)
    assert {number for number, _ in done.missing.members} == {1}
    assert [(one.file, one.holds) for one in done.misnamed] == [(first.name, second.name)]
    first.rename(second)
    assert second.read_bytes() == desk.packed[second.name]


@pytest.mark.parametrize("parity", [0, 10])
def test_a_root_that_does_not_belong_is_told_by_check_and_repair(
    pack: Pack, desk_of: DeskOf, parity: int
) -> None:
    desk = desk_of(pack(parity=parity).folder)
    copy = desk.copy()
    stray = desk.stick / "metadata/2.root.json"
    stray.write_bytes(b"x\n")
    for sources in ((copy,), (copy, copy)):
        done = desk.mend(*sources)
        assert isinstance(done.fault, RootStray)
        assert done.fault.exit_code is ExitCode.DOCUMENT_ALTERED
        assert str(stray) in str(done.fault)
    stray.unlink()
    assert desk.mend(copy).fault is None
    desk.is_whole()


def test_another_pack_beside_is_not_damaged(pack: Pack, desk_of: DeskOf, zone: Zone) -> None:
    old = pack("old", days=-1, limit=90 * KIB).folder
    desk = desk_of(pack("stick").folder)
    events: list[Event] = []
    with pytest.raises(AnotherPack) as caught:
        read_every_byte(desk.accept([desk.stick, old]), events.append)
    assert caught.value.fields["path"] == old
    assert [e.fault for e in events if isinstance(e, FaultFound)] == [AnotherPack.id]
    volumes(desk.stick)[1].unlink()
    with pytest.raises(SoundButMissing) as lacking:
        read_every_byte(desk.accept([desk.stick, old]), ignore)
    assert lacking.value.fields["missing"] == 1
    assert zone.take(desk.copy(), pack("again").folder).damaged == 0


def test_nothing_is_told_of_volumes_that_are_not_here(pack: Pack, desk_of: DeskOf) -> None:
    desk = desk_of(shares(pack, parity=10)[1])
    events: list[Event] = []
    with pytest.raises(SoundButMissing) as caught:
        read_every_byte(desk.accept([desk.stick]), events.append)
    assert str(caught.value).startswith("What is here is whole.")
    own = {path.name for path in desk.stick.glob("*.*") if path.suffix in {".tar", ".par"}}
    named = {e.subject for e in events if isinstance(e, StepStarted)}
    assert named == own - {"documents.par"}


def test_a_damaged_volume_is_not_called_done(desk: Desk) -> None:
    first, second = volumes(desk.stick)
    flip(first, 20 * KIB)
    events: list[Event] = []
    with pytest.raises(VolumeCorrupt):
        read_every_byte(desk.accept([desk.stick]), events.append)
    assert [e.subject for e in events if isinstance(e, StepFinished)] == [second.name]


def test_every_place_is_named_by_the_error_itself(pack: Pack, desk_of: DeskOf) -> None:
    desk = desk_of(pack(limit=90 * KIB).folder)
    first, second, third = volumes(desk.stick)
    for volume in (first, second):
        flip(volume, 20 * KIB)
    with pytest.raises(MediaDamaged) as caught:
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert f"in {first.name}, {second.name};" in str(caught.value)
    places = caught.value.fields["places"]
    assert isinstance(places, tuple)
    assert [first.name in places[0], second.name in places[1]] == [True, True]
    third.unlink()
    lose(desk.stick)
    with pytest.raises(SeveralTroubles) as several:
        read_every_byte(desk.accept([desk.stick]), ignore)
    for name in (first.name, second.name, third.name, "0001.json"):
        assert name in str(several.value)


def test_a_path_that_does_not_exist_is_refused_before_anything(desk: Desk, zone: Zone) -> None:
    nope = desk.stick / "nope"
    with pytest.raises(NoSuchFolder, match=re.escape(str(nope))):
        zone.take(desk.stick, nope)
    assert list(zone.blobs) == []


def test_a_folder_without_any_part_of_the_bundle_is_named(
    desk: Desk, zone: Zone, tmp_path: Path
) -> None:
    empty_one = tmp_path / "documents"
    empty_one.mkdir()
    (empty_one / "letter.txt").write_bytes(b"Dear")
    with pytest.raises(NothingOfBundle) as caught:
        read_every_byte(desk.accept([desk.stick, empty_one]), ignore)
    assert caught.value.fields["path"] == empty_one
    assert zone.take(desk.stick, empty_one).damaged == 0


def test_of_a_folder_of_sticks_the_sticks_are_named(pack: Pack, desk_of: DeskOf) -> None:
    folders = pack(limit=90 * KIB, medium=95 * KIB).folders
    desk, above = desk_of(folders[0]), folders[0].parents[2]
    with pytest.raises(BundleBelow) as caught:
        desk.accept([above])
    assert all(str(folder.parents[1]) in str(caught.value) for folder in folders)


def as_folder(path: Path) -> None:
    path.mkdir()


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("place", [as_folder, as_pipe, as_link])
def test_what_is_no_file_in_a_volumes_place_is_named(
    desk: Desk, place: Callable[[Path], None]
) -> None:
    first, _ = volumes(desk.stick)
    first.unlink()
    place(first)
    with pytest.raises(SeveralTroubles, match="is a folder, link, pipe or device") as caught:
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert f"{first} is" in str(caught.value)
