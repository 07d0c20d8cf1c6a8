"""Archives of every form give the same image; hostile ones are refused, and nothing is kept."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import pytest

from champ_offline.bundle.sources.archive import ArchiveSource
from champ_offline.bundle.sources.image import SeveralImages
from champ_offline.bundle.sources.source import (
    ArchiveMissing,
    Platform,
    PlatformMissing,
    ReferenceNotFound,
    SourceBlobDiffers,
    SourceChanged,
)
from champ_offline.bundle.sources.tarball import NotAnImageArchive, UnsafeArchive
from champ_offline.events import Event, Progress, ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, image_index
from champ_offline.store.blobs import BlobStore
from tests.unit.sources.archives import Sample, joined, layer, tar, unfold, with_member, write

FORMS = ["docker", "docker.gz", "layout", "layout.gz", "folder"]


def archive(form: str, sample: Sample, tmp_path: Path) -> Path:
    if form == "folder":
        return unfold(tmp_path / "layout", sample.layout_files("web:1"))
    kind, _, zipped = form.partition(".")
    files = sample.docker_files("web:1") if kind == "docker" else sample.layout_files("web:1")
    return write(tmp_path / "image.tar", files, zipped=bool(zipped))


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.mark.parametrize("form", FORMS)
def test_pin_and_fetch(form: str, tmp_path: Path, blobs: BlobStore) -> None:
    sample = Sample()
    source = ArchiveSource(archive(form, sample, tmp_path))
    pinned = source.pin(ignore)
    assert (pinned.digest, pinned.image_id) == (sample.digest, Digest.of(sample.config))
    events: list[Event] = []
    descriptor = source.fetch(pinned.digest, blobs, events.append)
    assert descriptor == sample.descriptor
    manifest = Manifest.from_bytes(blobs.read(descriptor.digest))
    assert all(blobs.size(child.digest) == child.size for child in manifest.children)
    assert pinned.size == descriptor.size + sum(child.size for child in manifest.children)
    assert len(list(blobs)) == 4
    last = events[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total == sum(len(data) for data in sample.layers)


def test_compressed_layers_are_kept_as_given(tmp_path: Path, blobs: BlobStore) -> None:
    sample = Sample()
    path = write(tmp_path / "i.tar", sample.docker_files("web:1", zipped=True))
    pinned = ArchiveSource(path).pin(ignore)
    ArchiveSource(path).fetch(pinned.digest, blobs, ignore)
    layers = Manifest.from_bytes(blobs.read(pinned.digest)).layers
    assert [item.media_type for item in layers] == [media_types.LAYER_GZIP] * 2
    assert [gzip.decompress(blobs.read(item.digest)) for item in layers] == sample.layers


def test_a_layer_that_occurs_twice_is_a_link_in_docker_save(
    tmp_path: Path, blobs: BlobStore
) -> None:
    empty = layer("empty", 10)
    sample = Sample([layer("base"), empty, layer("app"), empty])
    files = sample.docker_files("web:1")
    second = f"{3:064x}/layer.tar"
    del files[second]
    link = tarfile.TarInfo(second)
    link.type, link.linkname = tarfile.SYMTYPE, f"../{1:064x}/layer.tar"
    path = tmp_path / "i.tar"
    path.write_bytes(with_member(tar(files), link))
    assert ArchiveSource(path).pin(ignore).digest == sample.digest
    ArchiveSource(path).fetch(sample.digest, blobs, ignore)
    assert blobs.has(Digest.of(empty))


@pytest.mark.parametrize("form", ["docker", "layout"])
def test_several_images(form: str, tmp_path: Path) -> None:
    one, two = Sample(), Sample(comment="two")
    if form == "docker":
        files = joined(one.docker_files("web:1"), two.docker_files("web:2", "db:7"))
    else:
        files = joined(one.layout_files("web:1"), two.layout_files("web:2", "db:7"))
    path = write(tmp_path / "i.tar", files)
    with pytest.raises(SeveralImages) as caught:
        ArchiveSource(path).pin(ignore)
    assert all(name in str(caught.value) for name in ("web:1", "web:2"))
    for name in ("db:7", "docker.io/library/db:7"):
        assert ArchiveSource(path, name=name).pin(ignore).digest == two.digest
    with pytest.raises(ReferenceNotFound):
        ArchiveSource(path, name="web:3").pin(ignore)


def test_the_same_image_under_two_names_needs_no_choice(tmp_path: Path) -> None:
    sample = Sample()
    path = write(tmp_path / "i.tar", sample.layout_files("web:1", "web:latest"))
    assert ArchiveSource(path).pin(ignore).digest == sample.digest


def test_an_index_gives_the_platforms_manifest(tmp_path: Path) -> None:
    one, two = Sample(), Sample(comment="arm")
    files = one.layout_files() | two.layout_files()
    entries = [
        Descriptor(
            item.descriptor.media_type,
            item.digest,
            item.descriptor.size,
            platform={"os": "linux", "architecture": architecture},
        )
        for item, architecture in ((two, "arm64"), (one, "amd64"))
    ]
    index = image_index(entries)
    top = Descriptor(media_types.IMAGE_INDEX, Digest.of(index), len(index))
    files[f"blobs/sha256/{Digest.of(index).hex}"] = index
    files["index.json"] = image_index([top])
    path = write(tmp_path / "i.tar", files)
    assert ArchiveSource(path).pin(ignore).digest == one.digest
    arm = ArchiveSource(path, platform=Platform.parse("linux/arm64"))
    assert arm.pin(ignore).digest == two.digest
    with pytest.raises(PlatformMissing) as caught:
        ArchiveSource(path, platform=Platform.parse("linux/s390x")).pin(ignore)
    assert "linux/arm64" in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_another_image_than_locked(form: str, tmp_path: Path, blobs: BlobStore) -> None:
    source = ArchiveSource(archive(form, Sample(), tmp_path))
    with pytest.raises(SourceChanged) as caught:
        source.fetch(Digest.of(b"locked"), blobs, ignore)
    assert str(Sample().digest) in str(caught.value)
    assert not blobs.has(Sample().digest)


@pytest.mark.parametrize("form", ["docker", "layout"])
def test_an_altered_layer(form: str, tmp_path: Path, blobs: BlobStore) -> None:
    sample = Sample()
    files = sample.docker_files() if form == "docker" else sample.layout_files()
    name = next(name for name, data in files.items() if data == sample.layers[1])
    files[name] = sample.layers[1][:-1] + b"x"
    source = ArchiveSource(write(tmp_path / "i.tar", files))
    with pytest.raises((SourceBlobDiffers, NotAnImageArchive)) as caught:
        source.fetch(sample.digest, blobs, ignore)
    assert str(Digest.of(sample.layers[1])) in str(caught.value)
    assert form == "docker" or not blobs.has(Digest.of(files[name]))
    assert not blobs.has(sample.digest)


@pytest.mark.parametrize("part", ["layer", "config", "manifest"])
@pytest.mark.parametrize("form", ["docker", "layout"])
def test_a_missing_part(form: str, part: str, tmp_path: Path, blobs: BlobStore) -> None:
    sample = Sample()
    files = sample.docker_files() if form == "docker" else sample.layout_files()
    data = {"layer": sample.layers[0], "config": sample.config, "manifest": sample.manifest}[part]
    gone = [name for name in files if files[name] == data] or ["manifest.json"]
    del files[gone[0]]
    with pytest.raises(NotAnImageArchive):
        ArchiveSource(write(tmp_path / "i.tar", files)).fetch(sample.digest, blobs, ignore)
    assert not blobs.has(sample.digest)


def _special(kind: bytes, name: str = "0/device", target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "member",
    [
        _special(tarfile.CHRTYPE),
        _special(tarfile.BLKTYPE),
        _special(tarfile.FIFOTYPE),
        _special(tarfile.LNKTYPE, "hard", "manifest.json"),
        _special(tarfile.LNKTYPE, "0/layer.tar", "manifest.json"),
        _special(tarfile.SYMTYPE, "manifest.json", "/etc/passwd"),
        _special(tarfile.SYMTYPE, "index.json", "../../secret"),
        _special(tarfile.REGTYPE, "manifest.json"),
        _special(tarfile.REGTYPE, "./manifest.json"),
    ],
    ids=lambda info: f"{info.type!r} {info.name}",
)
def test_members_that_are_refused(member: tarfile.TarInfo, tmp_path: Path) -> None:
    path = tmp_path / "i.tar"
    path.write_bytes(with_member(tar(Sample().docker_files("web:1")), member))
    with pytest.raises(UnsafeArchive) as caught:
        ArchiveSource(path).pin(ignore)
    assert member.name.removeprefix("./") in str(caught.value)


def test_names_that_lead_elsewhere_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"{}")
    files = Sample().docker_files("web:1")
    document = json.loads(files["manifest.json"])
    document[0]["Config"] = "../secret"
    files["manifest.json"] = json.dumps(document).encode()
    with pytest.raises(NotAnImageArchive):
        ArchiveSource(write(tmp_path / "i.tar", files)).pin(ignore)
    with pytest.raises(NotAnImageArchive):
        ArchiveSource(unfold(tmp_path / "saved", files)).pin(ignore)


def test_links_in_a_layout_folder_are_refused(tmp_path: Path) -> None:
    root = unfold(tmp_path / "layout", Sample().layout_files())
    index = root / "index.json"
    index.rename(tmp_path / "index.json")
    index.symlink_to(tmp_path / "index.json")
    with pytest.raises(UnsafeArchive):
        ArchiveSource(root).pin(ignore)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\x1f\x8bnot gzip", b"\0" * 10240, gzip.compress(b"hello"), tar({"a": b"b"})],
)
def test_files_that_are_no_archives(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "i.tar"
    path.write_bytes(data)
    with pytest.raises(NotAnImageArchive):
        ArchiveSource(path).pin(ignore)


@pytest.mark.parametrize("zipped", [False, True])
def test_cut_anywhere(zipped: bool, tmp_path: Path, blobs: BlobStore) -> None:
    sample = Sample()
    whole = write(tmp_path / "i.tar", sample.docker_files("web:1"), zipped=zipped).read_bytes()
    # What follows the last member is padding: an archive without it still holds the whole image.
    end = len(whole) - 64 if zipped else len(whole.rstrip(b"\0"))
    for cut in range(1, end, end // 40):
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        with pytest.raises(NotAnImageArchive):
            ArchiveSource(tmp_path / "cut.tar").fetch(sample.digest, blobs, ignore)
        assert not blobs.has(sample.digest)


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 8 * 1024**3
    path = tmp_path / "i.tar"
    with path.open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(9 * 1024**3)
    with pytest.raises(NotAnImageArchive, match="1 MiB"):
        ArchiveSource(path).pin(ignore)


def test_a_document_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    files = Sample().docker_files("web:1")
    files["manifest.json"] = b"[" + b" " * (5 * 1024 * 1024)
    with pytest.raises(NotAnImageArchive, match="too large"):
        ArchiveSource(write(tmp_path / "i.tar", files, zipped=True)).pin(ignore)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissing) as caught:
        ArchiveSource(tmp_path / "none.tar").pin(ignore)
    assert str(caught.value) == f"There is no archive {tmp_path / 'none.tar'}."
