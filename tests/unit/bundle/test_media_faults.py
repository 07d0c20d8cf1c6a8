"""What a bad stick does: each fault has its own exit code, names its place, changes nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.bundle import media
from champ_offline.bundle.errors import (
    NewerFormat,
    NoBundle,
    SeveralBundles,
    VolumeCorrupt,
    VolumeForeign,
    VolumeMissing,
    VolumeTruncated,
    ZoneUnwritable,
)
from champ_offline.bundle.gather import zone_disk
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import ignore
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import DocumentAltered, Expired, OtherRoot, Replayed, WrongZone
from tests.unit.bundle.conftest import NOW, Pack, Signing, Zone, image, new_signing
from tests.unit.bundle.desk import flip, swap, volumes


def whole_content(zone: Zone) -> tuple[set[str], list[str]]:
    """What the zone holds, after every blob was hashed and every name was followed."""
    for digest in zone.blobs:
        assert hashlib.sha256(zone.blobs.path(digest).read_bytes()).hexdigest() == digest.hex
    for ref in zone.refs.all():
        for child in Manifest.from_bytes(zone.blobs.read(ref.descriptor.digest)).children:
            assert zone.blobs.size(child.digest) == child.size
    assert len(zone.refs.all()) == 3
    return zone.content()


def verify_and_read(folder: Path, signing: Signing) -> None:
    read_every_byte(verify([folder], signing.root, NOW), ignore)


def test_a_bundle_is_verified_and_imported_once(pack: Pack, zone: Zone, signing: Signing) -> None:
    packed = pack()
    assert len(volumes(packed.folder)) == 2
    verify_and_read(packed.folder, signing)
    first = zone.take(packed.folder)
    assert (first.changed, first.new_blobs, first.known_blobs) == (True, 8, 0)
    assert zone.refs.resolve("champ.local/second", "1") is not None
    before = zone.content()
    again = zone.take(packed.folder)
    assert (again.changed, again.new_blobs, again.known_blobs) == (False, 0, 8)
    assert zone.content() == before


def test_untarred_volumes_are_an_oci_layout(pack: Pack, tmp_path: Path) -> None:
    for volume in volumes(pack().folder):
        with tarfile.open(volume) as tar:
            tar.extractall(tmp_path / "layout", filter="data")
    index = json.loads((tmp_path / "layout/index.json").read_bytes())
    assert len(index["manifests"]) == 3
    assert json.loads((tmp_path / "layout/oci-layout").read_bytes()) == {
        "imageLayoutVersion": "1.0.0"
    }
    for manifest in index["manifests"]:
        assert (tmp_path / "layout/blobs" / manifest["digest"].replace(":", "/")).is_file()


def test_the_same_content_packs_to_the_same_volumes(pack: Pack) -> None:
    first, second = pack("one"), pack("two", days=3)
    for a, b in zip(volumes(first.folder), volumes(second.folder), strict=True):
        assert (a.name, a.read_bytes()) == (b.name, b.read_bytes())


@pytest.mark.parametrize("seed", range(60))
def test_any_flipped_bit_of_a_volume_is_found_and_named(
    pack: Pack, zone: Zone, signing: Signing, seed: int
) -> None:
    folder = pack().folder
    place = random.Random(seed)
    volume = place.choice(volumes(folder))
    flip(volume, place.randrange(volume.stat().st_size), place.randrange(8))
    before = zone.content()
    with pytest.raises((VolumeCorrupt, VolumeForeign)) as caught:
        verify_and_read(folder, signing)
    assert caught.value.exit_code is ExitCode.CORRUPT
    assert caught.value.fields["volume"] == volume.name
    assert caught.value.fields["blob"]
    try:
        taken = zone.take(folder)
    except (VolumeCorrupt, VolumeForeign):
        assert zone.content() == before
    else:  # no content depends on the flipped bit, and it was counted
        assert taken.damaged == 1
        assert zone.content() == whole_content(zone)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_truncated_volume_is_found_and_named(pack: Pack, zone: Zone, share: float) -> None:
    folder = pack().folder
    volume = volumes(folder)[-1]
    size = int(volume.stat().st_size * share)
    with volume.open("r+b") as file:
        file.truncate(size)
    before = zone.content()
    with pytest.raises(VolumeTruncated) as caught:
        zone.take(folder)
    assert caught.value.exit_code is ExitCode.TRUNCATED
    assert (caught.value.fields["volume"], caught.value.fields["offset"]) == (volume.name, size)
    assert zone.content() == before


def test_a_volume_with_something_appended_is_refused(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    with volumes(folder)[0].open("ab") as file:
        file.write(b"more")
    with pytest.raises(VolumeCorrupt):
        verify_and_read(folder, zone.signing)
    assert zone.take(folder).damaged == 1


def test_a_missing_volume_is_named(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    gone = volumes(folder)[1]
    gone.unlink()
    before = zone.content()
    with pytest.raises(VolumeMissing) as caught:
        zone.take(folder)
    assert caught.value.exit_code is ExitCode.MEDIUM_MISSING
    assert gone.name in str(caught.value)
    assert zone.content() == before


def test_a_link_in_the_place_of_a_volume_is_not_followed(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    volume = volumes(folder)[0]
    volume.rename(folder / "elsewhere")
    volume.symlink_to(folder / "elsewhere")
    with pytest.raises(VolumeMissing):
        zone.take(folder)


def test_a_stale_volume_is_told_from_a_damaged_one(pack: Pack, zone: Zone) -> None:
    old, new = pack("old", version="1"), pack("new", version="2", limit=90 * 1024)
    stale, fresh = volumes(old.folder)[0], volumes(new.folder)[0]
    data = stale.read_bytes()
    fresh.write_bytes(data + bytes(max(0, fresh.stat().st_size - len(data))))
    with pytest.raises(VolumeForeign) as caught:
        zone.take(new.folder)
    assert caught.value.fields["found"] == "demo 1 0001"


def test_swapped_volumes_are_used_for_what_they_are(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    swap(*volumes(folder))
    assert zone.take(folder).damaged == 2


def test_swapped_volumes_are_no_sound_medium(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    swap(*volumes(folder))
    with pytest.raises(VolumeForeign) as caught:
        read_every_byte(verify([folder], zone.trust.root(), NOW), ignore)
    assert caught.value.fields["found"] == "demo 1 0002"
    assert caught.value.fields["expected"] == "demo 1 0001"


def test_damage_in_store_and_waiting_room_is_found_and_mended(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    zone.take(folder)
    digest = next(iter(zone.blobs))
    path = zone.blobs.path(digest)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1])
    assert zone.take(folder).new_blobs == 1
    assert path.read_bytes() == whole
    zone.waiting.blobs.path(digest).write_bytes(bytes(len(whole)))
    path.unlink()
    zone.take(folder)
    assert path.read_bytes() == whole


def test_a_bundle_signed_by_another_root_is_refused(pack: Pack, zone: Zone) -> None:
    folder = pack(by=new_signing()).folder
    before = zone.content()
    with pytest.raises(OtherRoot) as caught:
        zone.take(folder)
    assert caught.value.exit_code is ExitCode.TRUST_REFUSED
    assert zone.content() == before


@pytest.mark.parametrize("name", ["targets.json", "snapshot.json", "timestamp.json"])
def test_an_edited_document_is_refused(pack: Pack, zone: Zone, name: str) -> None:
    folder = pack().folder
    path = folder / media.METADATA / name
    document = json.loads(path.read_bytes())
    document["signed"]["expires"] = "2099-01-01T00:00:00Z"
    path.write_text(json.dumps(document))
    before = zone.content()
    with pytest.raises(DocumentAltered) as caught:
        zone.take(folder)
    assert caught.value.exit_code is ExitCode.DOCUMENT_ALTERED
    assert caught.value.fields["role"] == path.stem
    assert zone.content() == before


def test_an_edited_bundle_document_is_refused(pack: Pack, zone: Zone) -> None:
    folder = pack().folder
    path = folder / media.DOCUMENT
    path.write_bytes(path.read_bytes().replace(b'"core"', b'"evil"'))
    with pytest.raises(DocumentAltered):
        zone.take(folder)


def test_an_older_state_of_a_bundle_is_refused(pack: Pack, zone: Zone) -> None:
    old, new = pack("old"), pack("new", days=1, version="2")
    zone.take(new.folder)
    before = zone.content()
    with pytest.raises(Replayed):
        zone.take(old.folder)
    assert zone.content() == before


def test_a_pack_that_was_accepted_before_a_newer_one_is_refused_again(
    pack: Pack, zone: Zone
) -> None:
    old, new = pack("old"), pack("new", days=1, version="2")
    zone.take(old.folder)
    zone.take(new.folder)
    with pytest.raises(Replayed):
        zone.take(old.folder)
    assert not zone.take(new.folder).changed


def test_an_older_pack_gives_lost_blobs_back_and_no_name(
    pack: Pack, zone: Zone, contents: tuple[BlobStore, Contents]
) -> None:
    blobs, what = contents
    name = "champ.local/first:1"
    newer = image(blobs, name, [b"newer"])
    old = pack("old")
    new = pack("new", days=1, what=replace(what, descriptors=(newer,), images=(name,)))
    zone.take(old.folder)
    zone.take(new.folder)
    before = zone.content()
    kept = zone.trust.accepted(), zone.trust.root()
    lost = next(d for d in zone.blobs if d != newer.digest and zone.blobs.size(d) > 1024)
    zone.blobs.path(lost).unlink()
    assert zone.take(old.folder).new_blobs == 1
    assert zone.content() == before
    assert (zone.trust.accepted(), zone.trust.root()) == kept
    with pytest.raises(Replayed):
        zone.take(old.folder)


def test_a_bundle_for_another_zone_is_refused(pack: Pack, zone: Zone) -> None:
    with pytest.raises(WrongZone):
        zone.take(pack(zones=("public-service",)).folder)


def test_an_expired_bundle_is_refused(pack: Pack, signing: Signing) -> None:
    folder = pack(days=-400).folder
    with pytest.raises(Expired):
        verify([folder], signing.root, NOW)


def test_a_folder_without_a_bundle_and_one_with_several(
    pack: Pack, signing: Signing, tmp_path: Path
) -> None:
    with pytest.raises(NoBundle):
        verify([tmp_path], signing.root, NOW)
    pack(version="1")
    pack(version="2")
    with pytest.raises(SeveralBundles):
        verify([tmp_path / "stick"], signing.root, NOW)


def test_nobody_else_makes_a_verified_bundle(pack: Pack, signing: Signing) -> None:
    found = verify([pack().folder], signing.root, NOW)
    with pytest.raises(TypeError):
        VerifiedBundle(
            found.paths,
            found.places,
            found,  # type: ignore[arg-type]
            found.volumes,
            (),
            installer=found.installer,
            made_by=object(),
        )


def test_every_fault_has_its_own_exit_code() -> None:
    faults: list[type[ChampError]] = [
        VolumeCorrupt, VolumeTruncated, VolumeMissing, OtherRoot, DocumentAltered, NewerFormat
    ]  # fmt: skip
    codes = [fault.exit_code for fault in faults]
    assert len(set(codes)) == len(codes)


def test_what_is_in_the_way_in_the_zone_is_named_and_a_full_disk_as_a_whole(
    tmp_path: Path,
) -> None:
    file, folder = tmp_path / "file", tmp_path / "incoming" / "pieces" / "a"
    folder.mkdir(parents=True)
    file.write_bytes(b"")
    with pytest.raises(ZoneUnwritable) as refused, zone_disk(tmp_path / "incoming"):
        file.rename(folder)
    assert refused.value.fields["path"] == str(folder)
    with pytest.raises(ZoneUnwritable) as refused, zone_disk(tmp_path / "incoming"):
        folder.unlink()
    assert refused.value.fields["path"] == str(folder)
    with pytest.raises(ZoneUnwritable) as refused, zone_disk(tmp_path / "incoming"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    assert refused.value.fields["path"] == tmp_path / "incoming"
