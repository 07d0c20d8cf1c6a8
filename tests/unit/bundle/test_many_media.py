"""A bundle on several media: any order, pieces, ferries, leftovers; and going on where it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import (
    BlobsLost,
    MediaDamaged,
    VolumeCorrupt,
    VolumeMissing,
    VolumeStale,
)
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.durable.write import PARTIAL
from champ_offline.events import Event, FaultFound, Progress, ignore
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from tests.unit.bundle.conftest import NOW, Pack, Signing, Zone
from tests.unit.bundle.desk import flip, volumes

KIB = 1024


def whole(zone: Zone) -> None:
    assert len(zone.refs.all()) == 3
    zone.waiting.remove_partials()
    assert zone.waiting.size == 0
    for digest in zone.blobs:
        assert Digest.of(zone.blobs.path(digest).read_bytes()) == digest


def test_a_bundle_over_several_sticks_is_taken_in_any_order(pack: Pack, zone: Zone) -> None:
    packed = pack(limit=90 * KIB, medium=95 * KIB)
    assert [folder.parts[-3] for folder in packed.folders] == ["stick-01", "stick-02", "stick-03"]
    for stick in reversed(packed.folders[1:]):
        with pytest.raises(VolumeMissing) as caught:
            zone.take(stick)
        assert "demo-1.0001.tar" in str(caught.value)
        assert stick.parts[-3][-1] not in {
            name[-5] for name in str(caught.value.fields["names"]).split(", ")
        }
        assert not list(zone.blobs)
    assert zone.take(packed.folders[0]).new_blobs == 8
    whole(zone)


def test_what_was_taken_from_one_stick_is_not_read_again(
    pack: Pack, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(limit=90 * KIB, medium=95 * KIB)
    with pytest.raises(VolumeMissing):
        zone.take(packed.folders[0])
    opened: list[str] = []
    read = VolumeReader.read

    def counted(self: VolumeReader, *arguments: object) -> object:
        opened.append(self.path.name)
        return read(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(VolumeReader, "read", counted)
    zone.take(*packed.folders)
    assert opened == ["demo-1.0002.tar", "demo-1.0003.tar"]
    whole(zone)


def test_a_large_blob_travels_in_pieces_and_is_joined_by_cat(
    tmp_path: Path, pack: Pack, zone: Zone, signing: Signing
) -> None:
    packed = pack(limit=24 * KIB)
    members = [
        row
        for number in range(1, len(packed.document.volumes) + 1)
        for row in json.loads((packed.folder / f"volumes/{number:04}.json").read_bytes())["members"]
    ]
    pieces = [row for row in members if len(row) == 5]
    assert len(pieces) >= 9
    assert all(path.stat().st_size <= 24 * KIB for path in volumes(packed.folder))
    layout = tmp_path / "layout"
    layout.mkdir()
    for volume in volumes(packed.folder):
        shutil.unpack_archive(volume, layout, "tar", filter="data")
    stem = pieces[0][0].rpartition(".")[0]
    joined = b"".join(path.read_bytes() for path in sorted(layout.glob(f"{stem}.*")))
    assert Digest.of(joined).hex == stem.rpartition("/")[2]
    read_every_byte(verify([packed.folder], signing.root, NOW), ignore)
    zone.take(packed.folder)
    whole(zone)


def test_pieces_arrive_over_a_ferry_in_any_order_among_other_volumes(
    tmp_path: Path, pack: Pack, zone: Zone
) -> None:
    mine, other = pack("mine", limit=24 * KIB), pack("other", version="2", limit=24 * KIB)
    ferry = tmp_path / "ferry"
    ferry.mkdir()
    papers = tmp_path / "papers"
    shutil.copytree(mine.folder, papers, ignore=shutil.ignore_patterns("*.tar"))
    for volume in volumes(other.folder):
        shutil.copy(volume, ferry)
    for count, volume in enumerate(reversed(volumes(mine.folder)), start=1):
        shutil.copy(volume, ferry)
        if count < len(mine.document.volumes):
            with pytest.raises(VolumeMissing):
                zone.take(papers, ferry)
            (ferry / volume.name).unlink()  # the ferry carries one at a time
    assert zone.take(papers, ferry).new_blobs == 8
    whole(zone)


def test_without_the_indexes_beside_them_volumes_still_speak_for_themselves(
    pack: Pack, zone: Zone
) -> None:
    folder = pack().folder
    shutil.rmtree(folder / "volumes")
    zone.take(folder)
    whole(zone)


def test_damage_is_listed_and_the_rest_is_kept(pack: Pack, zone: Zone, signing: Signing) -> None:
    folder = pack().folder
    for volume in volumes(folder):
        flip(volume, 20 * KIB)
    events: list[Event] = []
    with pytest.raises(MediaDamaged) as caught:
        read_every_byte(verify([folder], signing.root, NOW), events.append)
    assert caught.value.fields["faults"] == 2
    named = [event.subject for event in events if isinstance(event, FaultFound)]
    assert named == ["demo-1.0001.tar", "demo-1.0002.tar"]
    with pytest.raises(BlobsLost) as lost:
        zone.take(folder)
    assert lost.value.fields["blobs"] == 2
    assert not zone.refs.all()
    assert len(list(zone.waiting.blobs)) == 8 - 2 + 1  # and the layout's index.json


def test_an_import_that_goes_on_tells_only_of_what_is_still_to_come(
    pack: Pack, zone: Zone, tmp_path: Path
) -> None:
    folder = pack().folder
    sound = shutil.copytree(folder, tmp_path / "sound")
    flip(volumes(folder)[0], 70 * KIB)
    with pytest.raises(VolumeCorrupt):
        zone.take(folder)
    size = sum(volume.stat().st_size for volume in volumes(sound))
    events: list[Event] = []
    zone.take(sound, notify=events.append)
    told = [one for one in events if isinstance(one, Progress) and one.name == "import"]
    assert all(one.done <= one.total < size for one in told)
    assert told[-1].done == told[-1].total


def test_another_copy_gives_what_the_first_lost(pack: Pack, zone: Zone, tmp_path: Path) -> None:
    folder = pack().folder
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    flip(volumes(folder)[0], 70 * KIB)
    flip(volumes(copy)[0], 5 * KIB)
    taken = zone.take(folder, copy)
    assert (taken.new_blobs, taken.damaged) == (8, 1)
    whole(zone)


def test_loose_blobs_fill_the_gaps(
    pack: Pack, zone: Zone, tmp_path: Path, contents: tuple[BlobStore, Contents]
) -> None:
    folder, blobs = pack().folder, contents[0]
    flip(volumes(folder)[0], 70 * KIB)
    with pytest.raises(VolumeCorrupt) as caught:
        zone.take(folder)
    digest = Digest.parse(str(caught.value.fields["blob"]))
    loose = tmp_path / "patch/blobs/sha256"
    loose.mkdir(parents=True)
    (loose / digest.hex).write_bytes(b"not these" * 1000)
    with pytest.raises(VolumeCorrupt):
        zone.take(folder, tmp_path / "patch")
    (loose / digest.hex).write_bytes(blobs.path(digest).read_bytes())
    zone.take(folder, tmp_path / "patch")
    whole(zone)


def test_a_volume_of_an_older_pack_is_called_stale(
    pack: Pack, zone: Zone, signing: Signing
) -> None:
    old, new = pack("old", limit=130 * KIB), pack("new", days=1, limit=125 * KIB)
    shutil.copy(volumes(old.folder)[1], volumes(new.folder)[1])
    with pytest.raises(VolumeStale) as caught:
        zone.take(new.folder)
    assert caught.value.fields["volume"] == "demo-1.0002.tar"
    shutil.copy(volumes(old.folder)[0], volumes(new.folder)[0])
    with pytest.raises(VolumeStale):
        read_every_byte(verify([new.folder], signing.root, NOW), ignore)


def test_the_newest_pack_on_the_table_counts(pack: Pack, zone: Zone) -> None:
    old, new = pack("old"), pack("new", days=1)
    taken = verify([old.folder, new.folder], zone.signing.root, NOW)
    assert taken.document.created == new.document.created


def test_a_broken_pack_is_begun_anew(pack: Pack, zone: Zone) -> None:
    folder = pack(limit=90 * KIB).folder
    (folder / "metadata/timestamp.json").unlink()
    (folder / f"{PARTIAL}1-aa").write_bytes(b"half")
    (folder / "metadata" / f"{PARTIAL}1-aa").write_bytes(b"half")
    again = pack().folder
    assert again == folder
    assert [path.name for path in volumes(folder)] == ["demo-1.0001.tar", "demo-1.0002.tar"]
    assert not list(folder.rglob(f"{PARTIAL}*"))
    zone.take(folder)
    whole(zone)


def test_signed_pieces_that_are_not_the_blob_are_refused(
    tmp_path: Path, contents: tuple[BlobStore, Contents], pack: Pack, zone: Zone
) -> None:
    """A packer whose store rotted between cutting and writing."""
    blobs, what = contents
    layer = max(blobs, key=blobs.size)
    rotten = bytearray(blobs.path(layer).read_bytes())
    rotten[5] ^= 1
    blobs.path(layer).chmod(0o644)
    blobs.path(layer).write_bytes(rotten)
    folder = pack(limit=24 * KIB).folder
    with pytest.raises(Exception, match="do not make up that blob"):
        zone.take(folder)
    assert not zone.refs.all()
    assert not list(zone.waiting.pieces._files("*"))
    assert what.name == BundleDocument.from_bytes((folder / "bundle.json").read_bytes(), "x").name


def test_what_waits_of_one_bundle_does_not_disturb_another(
    pack: Pack, zone: Zone, contents: tuple[BlobStore, Contents]
) -> None:
    """Both carry the same blobs; the half of the first waits in pieces and whole."""
    halves = pack("halves", limit=24 * KIB, medium=60 * KIB)
    with pytest.raises(VolumeMissing):
        zone.take(halves.folders[0])
    with pytest.raises(VolumeMissing):
        zone.take(halves.folders[-1])
    before = zone.waiting.size
    assert before
    other = pack("other", version="2", days=1)
    assert zone.take(other.folder).new_blobs == 8
    for digest in zone.blobs:
        assert Digest.of(zone.blobs.path(digest).read_bytes()) == digest
    assert zone.waiting.clear() <= before
    assert zone.waiting.size == 0
    assert not zone.take(other.folder).changed
