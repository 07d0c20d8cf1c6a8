"""Mending a medium: its documents and share, what cannot be had, what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.errors import (
    BlobsLost,
    NoBundle,
    SeveralBundles,
    VolumeMissing,
)
from champ_offline.bundle.repair_errors import (
    MediumFull,
    MediumUnwritable,
    OtherBundle,
    OtherPack,
    RepairIncomplete,
    RepairNeeded,
)
from champ_offline.bundle.repair_list import RepairList, RepairListMalformed
from champ_offline.bundle.target import TargetLinked
from champ_offline.bundle.verify import read_every_byte
from champ_offline.events import ignore
from champ_offline.trust.errors import DocumentAltered
from champ_offline.trust.key_errors import NoSuchFolder
from tests.unit.bundle.conftest import Pack, Zone
from tests.unit.bundle.desk import KIB, Desk, flip, tree, volumes


def test_documents_and_indexes_come_from_a_copy_that_verifies(desk: Desk) -> None:
    copy = desk.copy()
    for name in ("bundle.json", "metadata/1.root.json", "metadata/targets.json"):
        flip(desk.stick / name, 40)
    shutil.rmtree(desk.stick / "volumes")
    flip(copy / "bundle.json", 40)
    with pytest.raises(DocumentAltered):
        desk.mend(copy)
    flip(copy / "bundle.json", 40)
    (desk.stick / "metadata/timestamp.json").unlink()
    done = desk.mend(copy)
    assert len(done.documents) == 6
    desk.is_whole()


def test_a_medium_that_lost_every_document_is_found_by_its_volumes(
    desk: Desk, tmp_path: Path
) -> None:
    copy = desk.copy()
    shutil.rmtree(desk.stick / "metadata")
    shutil.rmtree(desk.stick / "volumes")
    (desk.stick / "bundle.json").unlink()
    assert desk.mend(copy, medium=desk.stick.parents[1]).fault is None
    desk.is_whole()
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoBundle):
        desk.mend(copy, medium=tmp_path / "empty")


def test_what_cannot_be_had_is_listed_and_the_rest_is_mended(desk: Desk, tmp_path: Path) -> None:
    copy = desk.copy()
    for volume in volumes(desk.stick):
        flip(volume, 20 * KIB)
    flip(volumes(copy)[1], 20 * KIB)
    listed = tmp_path / "repair.json"
    done = desk.mend(copy, list_to=listed)
    assert isinstance(done.fault, RepairIncomplete)
    assert done.fault.fields["volume"] == "0002"
    assert volumes(desk.stick)[0].read_bytes() == desk.packed["demo-1.0001.tar"]
    (row,) = json.loads(listed.read_bytes())["members"]
    wanted = RepairList.from_file(listed)
    assert wanted == done.missing
    index = json.loads(desk.packed["volumes/0002.json"])
    assert row[0] == 2
    assert row[1:] in index["members"]
    assert str(wanted.volume_set) == index["set"]


def test_a_list_is_not_written_into_folders_that_are_not_there(desk: Desk, tmp_path: Path) -> None:
    flip(volumes(desk.stick)[0], 20 * KIB)
    before = tree(desk.stick)
    with pytest.raises(NoSuchFolder, match="made/a does not exist"):
        desk.mend(desk.copy(), list_to=tmp_path / "made/a/x.json")
    assert not (tmp_path / "made").exists()
    assert tree(desk.stick) == before


def test_an_index_that_is_nowhere_is_listed(desk: Desk) -> None:
    flip(volumes(desk.stick)[0], 700)
    (desk.stick / "volumes/0001.json").unlink()
    done = desk.mend(check=True)
    entry = json.loads(desk.packed["bundle.json"])["volumes"][0]
    (lost,) = done.missing.indexes
    assert [lost.number, lost.size, str(lost.digest)] == [entry[0], entry[2], entry[3]]
    (desk.stick / "volumes/0001.json").write_bytes(desk.packed["volumes/0001.json"])
    desk.mend()
    desk.is_whole()


def test_looking_writes_nothing(desk: Desk) -> None:
    copy = desk.copy()
    flip(volumes(desk.stick)[0], 70 * KIB)
    flip(desk.stick / "metadata/snapshot.json", 5)
    volumes(desk.stick)[1].unlink()
    before = tree(desk.stick)
    done = desk.mend(copy, check=True)
    assert (done.check, len(done.volumes), len(done.documents)) == (True, 2, 1)
    assert isinstance(done.fault, RepairNeeded)
    assert done.fault.fields["files"] == 3
    assert tree(desk.stick) == before


def test_a_medium_keeps_its_share_of_a_bundle(pack: Pack, desk_of: Callable[[Path], Desk]) -> None:
    folders = pack(limit=90 * KIB, medium=95 * KIB).folders
    desk = desk_of(folders[1])
    flip(volumes(desk.stick)[0], 30 * KIB)
    copy = folders[0].parent / folders[0].name
    done = desk.mend(copy)
    assert done.elsewhere == ("demo-1.0001.tar", "demo-1.0003.tar")
    assert done.fault is not None
    flip(volumes(desk.stick)[0], 30 * KIB)
    assert tree(desk.stick) == desk.packed
    with pytest.raises(VolumeMissing):
        read_every_byte(desk.accept([desk.stick]), ignore)


@pytest.mark.parametrize("parity", [0, 10])
def test_a_lone_medium_that_lost_its_last_volume(
    pack: Pack, desk_of: Callable[[Path], Desk], parity: int
) -> None:
    """Checking names it in any case; parity that was left behind tells whose place is empty."""
    folders = pack(limit=30 * KIB, medium=130 * KIB, parity=parity).folders
    desk = desk_of(folders[0])
    own, of_others = volumes(desk.stick), [path.name for path in volumes(folders[1])]
    assert len(own) > 1
    own[-1].unlink()
    with pytest.raises(VolumeMissing) as caught:
        read_every_byte(desk.accept([desk.stick]), ignore)
    assert caught.value.fields["names"] == ", ".join([own[-1].name, *of_others])
    done = desk.mend(check=True)
    if not parity:
        assert (done.fault, done.elsewhere) == (None, (own[-1].name, *of_others))
        return
    assert isinstance(done.fault, RepairIncomplete)
    assert done.elsewhere == tuple(of_others)
    assert [(one.name, one.absent, one.built) for one in done.volumes] == [
        (own[-1].name, True, False)
    ]


def test_a_medium_is_not_turned_into_another_pack(
    pack: Pack, desk_of: Callable[[Path], Desk]
) -> None:
    desk, newer = desk_of(pack("stick").folder), pack("newer", days=1, limit=90 * KIB)
    with pytest.raises(OtherPack):
        desk.mend(newer.folder)
    desk.is_whole()
    flip(desk.stick / "metadata/targets.json", 50)
    before = tree(desk.stick)
    with pytest.raises(OtherPack):
        desk.mend(newer.folder)
    assert tree(desk.stick) == before


def test_one_bundle_is_mended_at_a_time(
    pack: Pack, desk_of: Callable[[Path], Desk], tmp_path: Path
) -> None:
    desk = desk_of(pack("stick").folder)
    copy = desk.copy()
    pack("stick", version="2")
    medium = desk.stick.parents[1]
    with pytest.raises(SeveralBundles):
        desk.mend(copy, medium=medium)
    flip(volumes(desk.stick)[0], 30 * KIB)
    assert desk.mend(medium, copy).fault is None
    desk.is_whole()


def test_links_on_a_medium_lead_nothing_off_it(desk: Desk, tmp_path: Path) -> None:
    copy, outside = desk.copy(), tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(desk.stick / "volumes")
    (desk.stick / "volumes").symlink_to(outside, target_is_directory=True)
    with pytest.raises(TargetLinked):
        desk.mend(copy)
    assert not list(outside.iterdir())
    (desk.stick / "volumes").unlink()
    victim = outside / "victim"
    victim.write_bytes(b"mine")
    volumes(desk.stick)[0].unlink()
    (desk.stick / "demo-1.0001.tar").symlink_to(victim)
    desk.mend(copy)
    assert victim.read_bytes() == b"mine"
    desk.is_whole()


def test_a_medium_without_room_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = desk.copy()
    flip(volumes(desk.stick)[1], 20 * KIB)
    volumes(desk.stick)[0].unlink()
    monkeypatch.setattr("champ_offline.bundle.mend.free_bytes", lambda _folder: 1000)
    with pytest.raises(MediumFull) as caught:
        desk.mend(copy)
    assert caught.value.fields["free"] == 1000
    assert volumes(desk.stick)[0].read_bytes() == desk.packed["demo-1.0002.tar"]


def test_a_stick_that_forgets_what_is_written_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = desk.copy()
    flip(volumes(desk.stick)[1], 20 * KIB)
    monkeypatch.setattr("os.pwrite", lambda _file, data, _offset: len(data))
    with pytest.raises(MediumUnwritable):
        desk.mend(copy)


def test_a_mended_stick_is_imported(desk: Desk, zone: Zone) -> None:
    copy = desk.copy()
    for volume in (*volumes(desk.stick), *volumes(copy)[1:]):
        flip(volume, 20 * KIB)
    with pytest.raises(BlobsLost):
        zone.take(desk.stick)
    ((number, _member),) = desk.mend(copy, stores=[zone.waiting.blobs], check=True).missing.members
    assert number == 2
    flip(volumes(copy)[1], 20 * KIB)
    desk.mend(copy)
    assert zone.take(desk.stick).new_blobs == 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format":2}',
        '{"format":1,"bundle":"../x","version":"1","set":"sha256:' + "0" * 64 + '","members":[]}',
        '{"format":1,"bundle":"x","version":"1","set":"sha256:' + "0" * 64 + '","members":'
        '[[1,"blobs/../x",1,"sha256:' + "0" * 64 + '"]],"indexes":[]}',
    ],
)
def test_a_list_that_was_changed_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RepairListMalformed):
        RepairList.from_file(path)


def test_a_source_that_is_not_there_is_not_passed_over(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(NoSuchFolder, match="mistyped does not exist"):
        desk.mend(tmp_path / "mistyped")


def test_looking_at_a_sound_medium_finds_nothing(desk: Desk) -> None:
    assert desk.mend(check=True).fault is None


def test_a_source_of_another_bundle_is_called_so(pack: Pack, desk: Desk, tmp_path: Path) -> None:
    other = pack("other", version="2").folder
    flip(volumes(desk.stick)[0], 30 * KIB)
    before = tree(desk.stick)
    for source in (other, tmp_path / "other"):
        with pytest.raises(OtherBundle, match=r"demo-1; .* carries demo-2"):
            desk.mend(source)
    assert tree(desk.stick) == before
    renamed = desk.copy().rename(tmp_path / "renamed")
    flip(volumes(renamed)[1], 30 * KIB)
    flip(volumes(renamed)[0], 30 * KIB)
    assert desk.mend(renamed).fault is None
    desk.is_whole()
