"""Whole bundles with parity on failing media: packed, damaged anywhere, imported as they were."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from champ_offline.bundle import media
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import BlobsLost, VolumeFault
from champ_offline.bundle.healing import healed, mend
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packed, Packer
from champ_offline.bundle.parity.beside import parity_size, write_parity
from champ_offline.bundle.parity.documents import restore_documents
from champ_offline.bundle.parity.patches import Patches
from champ_offline.bundle.parity.protection import BeyondParity
from champ_offline.bundle.reader import every_member
from champ_offline.bundle.verify import Faults, read_every_byte, verify
from champ_offline.bundle.volume import Member, VolumeIndex, chunks
from champ_offline.bundle.volume_image import VolumeImage
from champ_offline.errors import ChampError
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import DocumentAltered
from tests.unit.bundle.conftest import NOW, Pack, Signing, Zone, image, new_signing

SECTOR = 512
MIB = 1024**2


@dataclass(frozen=True)
class Original:
    """A bundle of some MiB with parity, and what a zone holds after its import."""

    packed: Packed
    signing: Signing
    content: tuple[set[str], list[str]]

    def copy_to(self, folder: Path) -> Path:
        shutil.copytree(self.packed.folder, folder)
        return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, signing: Signing) -> Original:
    folder = tmp_path_factory.mktemp("original")
    blobs = BlobStore(folder / "workshop")
    noise = random.Random(1)
    layers = [noise.randbytes(size) for size in (3 * MIB, 700_001, 5, 900_000, 1_300_000)]
    # Many small layers make a volume index of several sectors.
    layers += [noise.randbytes(1 + n * 37) for n in range(60)]
    descriptor = image(blobs, "champ.local/first:1", layers)
    contents = Contents("demo", "1", ("core",), (descriptor,), (), ("champ.local/first:1",))
    packer = Packer(blobs, (signing.root,), signing.signers)
    packed = packer.pack(contents, folder, Limits(2 * MIB, None, 5), NOW, ignore)
    zone = Zone(folder / "zone", signing)
    zone.take(packed.folder)
    return Original(packed, signing, zone.content())


def zero(path: Path, sectors: list[int]) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for sector in sectors:
            file.seek(sector * SECTOR)
            file.write(bytes(min(SECTOR, size - sector * SECTOR)))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def assert_imported(zone: Zone, folder: Path, original: Original) -> None:
    zone.take(folder)
    assert zone.content() == original.content
    for digest in zone.blobs:
        assert Digest.of(zone.blobs.read(digest)) == digest


def test_parity_lies_beside_the_volumes_within_its_share(original: Original) -> None:
    document, folder = original.packed.document, original.packed.folder
    assert document.parity == 5
    assert len(document.volumes) > 2
    for entry in document.volumes:
        size = (folder / document.parity_name(entry)).stat().st_size
        assert size <= entry.size * 5 // 100 + 64 * SECTOR
    found = sum(path.stat().st_size for path in folder.glob("demo-1.*.par"))
    assert found == parity_size(document)
    data = (folder / media.DOCUMENT).read_bytes()
    assert BundleDocument.from_bytes(data, "here").parity == 5


def test_without_parity_nothing_lies_there(pack: Pack) -> None:
    packed = pack()
    assert list(packed.folder.rglob("*.par")) == []
    assert parity_size(packed.document) == 0


def test_the_same_content_packs_to_the_same_parity(pack: Pack) -> None:
    first, second = pack("one", parity=7), pack("two", parity=7, days=1)
    for path in sorted(first.folder.glob("demo-1.*.par")):
        assert path.read_bytes() == (second.folder / path.name).read_bytes()


@pytest.mark.parametrize("seed", range(25))
def test_three_percent_of_all_sectors_of_all_files_are_healed(
    original: Original, tmp_path: Path, zone: Zone, seed: int
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    place = random.Random(seed)
    for path in files(folder):
        count = -(-path.stat().st_size // SECTOR)
        zero(path, [sector for sector in range(count) if place.random() < 0.03])
    assert_imported(zone, folder, original)


@pytest.mark.parametrize("seed", range(6))
def test_a_dead_stretch_of_each_volume_is_healed(
    original: Original, tmp_path: Path, zone: Zone, seed: int
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    for path in folder.glob("*.tar"):
        count = path.stat().st_size // SECTOR
        first = random.Random(seed).randrange(count - count // 25)
        zero(path, list(range(first, first + count // 25)))
    assert_imported(zone, folder, original)


def test_cut_off_volumes_are_healed(original: Original, tmp_path: Path, zone: Zone) -> None:
    folder = original.copy_to(tmp_path / "stick")
    for path in folder.glob("*.tar"):
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size * 97 // 100)
    assert_imported(zone, folder, original)


def test_an_index_that_is_gone_everywhere_comes_back(
    original: Original, tmp_path: Path, zone: Zone
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    shutil.rmtree(folder / "volumes")
    for path in folder.glob("*.tar"):
        zero(path, list(range(6)))
    assert_imported(zone, folder, original)


def test_documents_come_back_when_all_are_gone(
    original: Original, tmp_path: Path, zone: Zone
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    shutil.rmtree(folder / "metadata")
    (folder / media.DOCUMENT).unlink()
    assert_imported(zone, folder, original)


def test_spare_documents_of_other_keys_are_refused(
    original: Original, pack: Pack, tmp_path: Path, zone: Zone
) -> None:
    folder = original.copy_to(tmp_path / "copy")
    other = pack(by=new_signing(), parity=5).folder
    (folder / media.SPARE_DOCUMENTS).write_bytes((other / media.SPARE_DOCUMENTS).read_bytes())
    assert_imported(zone, folder, original)
    (folder / media.DOCUMENT).write_bytes(b"{}")
    before = zone.content()
    with pytest.raises(DocumentAltered):
        zone.take(folder)
    assert zone.content() == before


@pytest.mark.parametrize("kind", ["missing", "noise", "empty", "swapped", "folder"])
def test_a_good_bundle_asks_nothing_of_its_parity(
    original: Original, tmp_path: Path, zone: Zone, kind: str
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    spoil(folder, kind)
    assert zone.take(folder).damaged == 0
    assert zone.content() == original.content


@pytest.mark.parametrize("kind", ["missing", "noise", "empty", "swapped", "folder"])
def test_without_usable_parity_damage_is_named_as_ever(
    original: Original, tmp_path: Path, zone: Zone, kind: str
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    spoil(folder, kind)
    volume = sorted(folder.glob("*.tar"))[1]
    zero(volume, [volume.stat().st_size // SECTOR // 2])
    before = zone.content()
    with pytest.raises((BlobsLost, VolumeFault)) as caught:
        zone.take(folder)
    assert caught.value.fields["volume"] == volume.name
    assert zone.content() == before


def spoil(folder: Path, kind: str) -> None:
    paths = sorted(folder.glob("*.par"))
    whole = [path.read_bytes() for path in paths]
    for path, other in zip(paths, [*whole[1:], whole[0]], strict=True):
        path.unlink()
        if kind == "noise":
            path.write_bytes(random.Random(4).randbytes(len(other)))
        elif kind == "empty":
            path.touch()
        elif kind == "swapped":
            path.write_bytes(other)
        elif kind == "folder":
            path.mkdir()


def test_verifying_still_reports_what_healing_would_mend(
    original: Original, tmp_path: Path
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    volume = min(folder.glob("*.tar"))
    zero(volume, [volume.stat().st_size // SECTOR // 2])
    bundle = verify([folder], original.signing.root, NOW)
    with pytest.raises(ChampError) as caught:
        read_every_byte(bundle, ignore)
    assert isinstance(caught.value, VolumeFault)


def test_faults_that_are_kept_keep_no_buffers(original: Original, tmp_path: Path) -> None:
    """A traceback would hold the frames of the reading, a MiB for each damaged blob."""
    folder = original.copy_to(tmp_path / "stick")
    for path in folder.glob("*.tar"):
        zero(path, list(range(40, path.stat().st_size // SECTOR, 100)))
    bundle = verify([folder], original.signing.root, NOW)
    faults = Faults(bundle, ignore)
    for volume, index in bundle.readable:
        for _ in volume.copies[0].read(index, every_member, faults):
            pass
    assert len(faults.found) > 5
    for fault in faults.found:
        assert (fault.__traceback__, fault.__context__, fault.__cause__) == (None, None, None)


def test_damage_beyond_the_parity_keeps_what_could_be_healed(
    original: Original, tmp_path: Path, zone: Zone
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    first, second = sorted(folder.glob("*.tar"))[:2]
    zero(first, [first.stat().st_size // SECTOR // 2])
    zero(second, list(range(20, second.stat().st_size // SECTOR)))
    with pytest.raises(ChampError):
        zone.take(folder)
    assert zone.content() == (set(), [])
    # What was healed of the first waits; the second comes from another copy.
    shutil.copy(original.packed.folder / second.name, second)
    assert_imported(zone, folder, original)


def mend_all(folder: Path, original: Original) -> list[ChampError]:
    """Mend every volume in place; returns what is wrong still."""
    bundle = verify([folder], original.signing.root, NOW)
    faults: list[ChampError] = []
    for volume, index in bundle.readable:
        for copy in volume.copies:
            found = mend(bundle.places, bundle.document, copy, index, None, ignore)
            faults += found.faults
    return faults


@pytest.mark.parametrize("seed", range(6))
def test_volumes_are_mended_in_place(original: Original, tmp_path: Path, seed: int) -> None:
    folder = original.copy_to(tmp_path / "stick")
    place = random.Random(seed)
    for path in files(folder):
        count = -(-path.stat().st_size // SECTOR)
        zero(path, [sector for sector in range(count) if place.random() < 0.03])
    with sorted(folder.glob("*.tar"))[1].open("r+b") as file:
        file.truncate(2 * MIB - 20_000)
    assert mend_all(folder, original) == []
    for path in folder.glob("*.tar"):
        assert path.read_bytes() == (original.packed.folder / path.name).read_bytes()


def test_only_whole_members_are_mended_where_parity_does_not_suffice(
    original: Original, tmp_path: Path
) -> None:
    folder = original.copy_to(tmp_path / "stick")
    volume = sorted(folder.glob("*.tar"))[1]
    count = volume.stat().st_size // SECTOR
    zero(volume, list(range(count // 2, count)))
    before = volume.read_bytes()
    assert any(isinstance(fault, BeyondParity) for fault in mend_all(folder, original))
    assert volume.read_bytes() == before


def test_untrue_parity_changes_no_good_volume(original: Original, tmp_path: Path) -> None:
    """Parity made of the volume with three other sectors "heals" these; nothing is written."""
    folder = original.copy_to(tmp_path / "stick")
    document = original.packed.document
    entry = document.volumes[1]
    volume = folder / document.volume_name(entry)
    good = volume.read_bytes()
    untrue = bytearray(good)
    for sector in (200, 900, 2000):
        untrue[sector * SECTOR : (sector + 1) * SECTOR] = b"evil" * (SECTOR // 4)
    write_parity(folder, document, entry, BytesIO(untrue), tmp_path, ignore)
    bundle = verify([folder], original.signing.root, NOW)
    copy = bundle.volumes[1].copies[0]
    with Patches(entry.size, tmp_path) as patches:
        _, failed = healed(bundle.places, document, copy, patches, ignore)
        assert (failed, len(patches)) == (None, 3)
    assert mend_all(folder, original) != []
    assert volume.read_bytes() == good


def test_the_documents_capsule_holds_the_documents(original: Original) -> None:
    folder = original.packed.folder
    with (folder / media.SPARE_DOCUMENTS).open("rb", buffering=0) as file:
        found = restore_documents(file)
    assert found is not None
    assert set(found) == {
        "bundle.json",
        "metadata/1.root.json",
        *(f"metadata/{role}.json" for role in ("targets", "snapshot", "timestamp")),
    }
    for name, data in found.items():
        assert (folder / name).read_bytes() == data


@pytest.mark.parametrize("seed", range(8))
def test_a_volumes_image_is_the_volume(seed: int) -> None:
    noise = random.Random(seed)
    contents: dict[str, bytes] = {}
    members: list[Member] = []
    for size in (0, 1, 511, 512, 513, 5000):
        data = noise.randbytes(size)
        member = Member.of_blob(Digest.of(data), size)
        contents[member.name] = data
        members.append(member)
    noise.shuffle(members)
    index = VolumeIndex("demo", "1", Digest.of(b""), 1, tuple(members))

    def content(member: Member) -> BytesIO:
        return BytesIO(contents[member.name])

    whole = b"".join(chunks(index, content))
    volume = VolumeImage(index, content)
    assert volume.seek(0, 2) == len(whole)
    for _ in range(50):
        offset = volume.seek(noise.randrange(len(whole)))
        data = b""
        while len(data) < 700 and (part := volume.read(700 - len(data))):
            data += part
        assert data == whole[offset : offset + 700]
    volume.close()
