"""Mending volumes in place: whatever was done to them, they are as they were packed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import BinaryIO

import pytest

from champ_offline.bundle.layout import Contents
from champ_offline.bundle.parity.reading import read_sectors
from champ_offline.bundle.repair_errors import RepairIncomplete, RepairNeeded
from champ_offline.durable.write import PARTIAL
from champ_offline.store.blobs import BlobStore
from tests.unit.bundle.conftest import Pack
from tests.unit.bundle.desk import KIB, Desk, flip, tree, volumes


def test_a_sound_medium_is_left_alone(desk: Desk) -> None:
    before = {path: path.stat().st_mtime_ns for path in desk.stick.rglob("*")}
    done = desk.mend()
    assert (done.changed, done.fault, done.elsewhere) == (False, None, ())
    assert {path: path.stat().st_mtime_ns for path in desk.stick.rglob("*")} == before


@pytest.mark.parametrize("seed", range(40))
def test_flips_anywhere_are_mended_from_a_copy(desk: Desk, seed: int) -> None:
    copy, place = desk.copy(), random.Random(seed)
    for path in place.sample(sorted(desk.packed), 3):
        flip(desk.stick / path, place.randrange(len(desk.packed[path])))
    done = desk.mend(copy)
    assert done.changed
    assert done.fault is None
    desk.is_whole()


def test_framing_needs_no_copy(desk: Desk) -> None:
    first = desk.packed["demo-1.0001.tar"]
    own = json.loads(desk.packed["bundle.json"])["volumes"][0][2]
    for offset in (0, 100, 512 + own // 2, len(first) - 1, len(first) - 1024):
        flip(volumes(desk.stick)[0], offset)
    flip(volumes(desk.stick)[0], first.index(b"oci-layout", 512 + own))
    flip(volumes(desk.stick)[0], first.index(b"imageLayoutVersion", 512 + own))
    done = desk.mend()
    assert [volume.lost for volume in done.volumes] == [0]
    desk.is_whole()


@pytest.mark.parametrize("size", [0, 1, 511, 5 * KIB, 70 * KIB, 123 * KIB + 17])
def test_a_volume_that_was_cut_off_grows_back(desk: Desk, size: int) -> None:
    copy, volume = desk.copy(), volumes(desk.stick)[0]
    with volume.open("r+b") as file:
        file.truncate(size)
    desk.mend(copy)
    desk.is_whole()


def test_what_does_not_belong_behind_a_volume_is_cut(desk: Desk) -> None:
    with volumes(desk.stick)[1].open("ab") as file:
        file.write(b"more" * 500)
    done = desk.mend()
    assert done.volumes[0].places == 1
    desk.is_whole()


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_volume_is_built_from_a_copy(desk: Desk, number: int) -> None:
    copy = desk.copy()
    volumes(desk.stick)[number].unlink()
    done = desk.mend(copy)
    assert [volume.built for volume in done.volumes] == [True]
    desk.is_whole()


def test_a_volume_is_built_from_a_store_alone(
    desk: Desk, contents: tuple[BlobStore, Contents]
) -> None:
    volumes(desk.stick)[1].unlink()
    assert desk.mend(stores=[contents[0]]).elsewhere == ("demo-1.0002.tar",)
    done = desk.mend(stores=[contents[0]], whole=True)
    assert done.fault is None
    desk.is_whole()


def test_stale_and_foreign_volumes_are_replaced(
    pack: Pack, desk_of: Callable[[Path], Desk]
) -> None:
    old, desk = pack("old", limit=125 * KIB), desk_of(pack("stick", days=1).folder)
    copy = desk.copy()
    shutil.copy(volumes(old.folder)[1], volumes(desk.stick)[1])
    shutil.copy(volumes(copy)[1], volumes(desk.stick)[0])
    done = desk.mend(copy)
    assert [volume.built for volume in done.volumes] == [True, True]
    desk.is_whole()


def test_a_stale_volume_stays_until_the_right_one_can_be_had(
    pack: Pack, desk_of: Callable[[Path], Desk]
) -> None:
    old, desk = pack("old", limit=125 * KIB), desk_of(pack("stick", days=1).folder)
    stale = volumes(old.folder)[1].read_bytes()
    volumes(desk.stick)[1].write_bytes(stale)
    done = desk.mend()
    assert isinstance(done.fault, RepairIncomplete)
    assert volumes(desk.stick)[1].read_bytes() == stale
    assert not list(desk.stick.rglob(f"{PARTIAL}*"))


def test_two_damaged_copies_mend_each_other(desk: Desk) -> None:
    copy = desk.copy()
    flip(volumes(desk.stick)[0], 70 * KIB)
    flip(volumes(copy)[0], 8 * KIB)
    volumes(copy)[1].unlink()
    flip(desk.stick / "metadata/timestamp.json", 30)
    flip(copy / "volumes/0001.json", 30)
    assert desk.mend(copy).fault is None
    desk.is_whole()
    assert desk.mend(desk.stick, medium=copy).fault is None
    assert tree(copy) == desk.packed


def test_pieces_are_mended_one_by_one(
    pack: Pack, desk_of: Callable[[Path], Desk], contents: tuple[BlobStore, Contents]
) -> None:
    desk = desk_of(pack(limit=24 * KIB).folder)
    for volume in volumes(desk.stick):
        if volume.stat().st_size > 20 * KIB:
            flip(volume, 15 * KIB)
    done = desk.mend(check=True)
    assert len(done.missing.members) >= 6
    assert all(member.whole for _number, member in done.missing.members)
    assert desk.mend(stores=[contents[0]]).fault is None
    desk.is_whole()


@pytest.mark.parametrize("check", [False, True])
def test_parity_comes_first(pack: Pack, desk_of: Callable[[Path], Desk], *, check: bool) -> None:
    desk = desk_of(pack(parity=20).folder)
    for number, path in enumerate(("bundle.json", "demo-1.0001.tar", "demo-1.0002.tar")):
        flip(desk.stick / path, len(desk.packed[path]) // 2 + number)
    before = tree(desk.stick)
    done = desk.mend(check=check)
    assert isinstance(done.fault, RepairNeeded if check else NoneType)
    assert len(done.volumes) == 2
    if check:
        assert tree(desk.stick) == before
    else:
        desk.is_whole()


def test_parity_that_is_gone_is_calculated_again(
    pack: Pack, desk_of: Callable[[Path], Desk]
) -> None:
    desk = desk_of(pack(parity=20).folder)
    copy = desk.copy()
    for name in ("documents.par", "demo-1.0001.par", "demo-1.0002.tar", "demo-1.0002.par"):
        (desk.stick / name).unlink()
    done = desk.mend(copy)
    assert {"demo-1.0001.par", "demo-1.0002.par"} < {volume.name for volume in done.volumes}
    assert done.documents == ("documents.par",)
    desk.is_whole()


def test_a_loose_blob_completes_the_repair(
    desk: Desk, tmp_path: Path, contents: tuple[BlobStore, Contents]
) -> None:
    flip(volumes(desk.stick)[0], 70 * KIB)
    ((_number, member),) = desk.mend(check=True).missing.members
    loose = tmp_path / "patch/champ/demo-1/blobs/sha256"
    loose.mkdir(parents=True)
    data = contents[0].path(member.digest).read_bytes()
    (loose / member.digest.hex).write_bytes(data[:-1] + b"x")
    assert desk.mend(tmp_path / "patch").fault is not None
    (loose / member.digest.hex).write_bytes(data)
    assert desk.mend(tmp_path / "patch").fault is None
    desk.is_whole()


def test_what_cannot_be_read_in_one_copy_comes_sector_by_sector_from_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same blob with a bad sector in both copies, each in another place."""
    copy = desk.copy()
    bad = {volumes(desk.stick)[0].stat().st_ino: 70 * KIB, volumes(copy)[0].stat().st_ino: 80 * KIB}
    flip(volumes(desk.stick)[0], 70 * KIB)
    flip(volumes(copy)[0], 80 * KIB)

    def failing(medium: BinaryIO, first: int, count: int) -> list[bytes | None]:
        found = read_sectors(medium, first, count)
        at = bad[os.fstat(medium.fileno()).st_ino] // 512 - first
        if 0 <= at < count:
            found[at] = None
        return found

    monkeypatch.setattr("champ_offline.bundle.spares.read_sectors", failing)
    assert desk.mend(copy).fault is None
    desk.is_whole()
