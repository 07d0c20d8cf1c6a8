"""What is listed of an image's layers, that the list never differs, and that nothing leaks in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.debian import DebianLock, build, compress, pool
from champ_offline.bundle.debian.description import ImageDescription
from champ_offline.bundle.debian.lock import LockedLayer
from champ_offline.bundle.sbom import attach, syft
from champ_offline.bundle.sbom.attach import Attacher
from champ_offline.bundle.sbom.document import Component, canonical, components
from champ_offline.bundle.sbom.syft import GeneratorFailed, GeneratorMissing, scan
from champ_offline.events import Event, Progress, StepFinished, StepStarted, ignore
from champ_offline.journal.process import Process
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, image_manifest
from champ_offline.store.blobs import BlobStore
from tests.unit.debian.packages import File, deb, locked
from tests.unit.sbom import images
from tests.unit.sbom.images import Ecosystem, layer, put
from tests.unit.sources.archives import tar

IMAGE = """\
format: 1
suite: bookworm
layers: [base.yaml]
config: {user: "10001:10001", entrypoint: [/usr/bin/viewer]}
"""


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "cache" / "blobs")


def listed(image: Descriptor, blobs: BlobStore, tmp_path: Path) -> dict[str, Component]:
    document = canonical(scan(image, blobs, tmp_path / "rooms"), image.digest)
    return {one.name: one for one in components(document, "image")}


@pytest.mark.parametrize("make", [images.debian, images.python, images.npm, images.java, images.go])
def test_a_package_of_each_ecosystem_is_listed(
    make: Callable[[], Ecosystem], blobs: BlobStore, tmp_path: Path
) -> None:
    package = make()
    found = listed(put(blobs, layer(package)), blobs, tmp_path)
    assert package.name in found
    one = found[package.name]
    assert (one.version, one.kind) == (package.version, package.kind)
    assert one.purl.startswith(f"pkg:{package.kind}/")
    assert f"/{next(reversed(package.files))}" in one.paths


def test_packages_of_all_layers_are_listed_once(blobs: BlobStore, tmp_path: Path) -> None:
    image = put(blobs, layer(images.debian(), images.npm()), layer(images.python()))
    found = listed(image, blobs, tmp_path)
    assert {"libssl3", "lodash", "requests"} == set(found)
    assert found["libssl3"].source == "openssl"
    assert found["lodash"].licences == ("MIT",)


def test_what_a_later_layer_removed_is_not_listed(blobs: BlobStore, tmp_path: Path) -> None:
    """Whiteouts of a file, of a folder's content (image-spec 1.1, layer.md), and a newer list."""
    whiteouts = {
        "app/node_modules/.wh.lodash": b"",
        "usr/lib/python3/dist-packages/requests-2.31.0.dist-info/.wh..wh..opq": b"",
    }
    below = layer(images.debian(), images.npm(), images.python(), images.java())
    image = put(blobs, below, tar(whiteouts), layer(images.debian(version="3.0.15-1")))
    found = listed(image, blobs, tmp_path)
    assert set(found) == {"libssl3", images.java().name}
    assert found["libssl3"].version == "3.0.15-1"


def test_an_image_built_of_debian_packages_lists_them(blobs: BlobStore, tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "description"
    folder.mkdir()
    (folder / "base.yaml").write_text("format: 1\nname: base\npackages: [viewer]\n")
    (folder / "image.yaml").write_text(IMAGE)
    data = deb("viewer", [File("./usr/bin/viewer", b"program", mode=0o755)])
    pool.Pool(cache).path(locked("viewer", data)).write_bytes(data)
    description = ImageDescription.from_file(folder / "image.yaml")
    layers = (LockedLayer("base", (locked("viewer", data),)),)
    lock = DebianLock(description.digest, "bookworm", 1_700_000_000, compress.identity(), layers)
    image = build(folder / "image.yaml", lock, cache, blobs, ignore)
    found = listed(image, blobs, tmp_path)
    assert [(one.name, one.version, one.kind) for one in found.values()] == [
        ("viewer", "1.0-1", "deb")
    ]


@pytest.mark.usefixtures("settings_of_a_user")
def test_the_machine_does_not_show_in_the_bytes(tmp_path: Path) -> None:
    content = (layer(images.debian(), images.npm(), images.java()), layer(images.python()))
    documents = []
    for place in ("one", "two/deeper"):
        blobs = BlobStore(tmp_path / place / "blobs")
        referrers = Attacher(tmp_path / place, blobs).attach([put(blobs, *content)], ignore)
        documents.append((referrers, attached(blobs, referrers[0])))
    assert documents[0] == documents[1]
    text = documents[0][1].decode()
    assert str(tmp_path) not in text
    assert "timestamp" not in text
    assert json.loads(text)["metadata"]["tools"]["components"][0]["version"] == syft.version()


@pytest.fixture
def settings_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that would empty every list if the child saw them."""
    (tmp_path / ".syft.yaml").write_text("exclude: ['**']\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("SYFT_EXCLUDE", "**")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.chdir(tmp_path)


def test_the_list_is_a_referrer_of_its_image(blobs: BlobStore, tmp_path: Path) -> None:
    image = put(blobs, layer(images.npm()))
    (referrer,) = Attacher(tmp_path / "cache", blobs).attach([image], ignore)
    manifest = Manifest.from_bytes(blobs.read(referrer.digest))
    assert referrer.artifact_type == manifest.artifact_type == "application/vnd.cyclonedx+json"
    assert manifest.subject is not None
    assert manifest.subject.digest == image.digest
    assert [one.media_type for one in manifest.layers] == ["application/vnd.cyclonedx+json"]
    assert manifest.config is not None
    assert blobs.read(manifest.config.digest) == b"{}"


def test_an_image_is_listed_once_whatever_its_names(blobs: BlobStore, tmp_path: Path) -> None:
    image = put(blobs, layer(images.npm()))
    told: list[Event] = []
    attacher = Attacher(tmp_path / "cache", blobs)
    names = [image.named("a.example/x:1"), image.named("b.example/y:2")]
    first = attacher.attach(names, told.append)
    assert len(first) == 1
    assert told == [
        Progress("sbom", 0, 1, unit="images", subject="a.example/x:1"),
        StepStarted("sbom", "a.example/x:1"),
        StepFinished("sbom", "a.example/x:1"),
    ]
    told.clear()
    assert attacher.attach(names, told.append) == first
    assert not any(isinstance(event, StepStarted) for event in told)


def test_a_damaged_list_in_the_cache_is_made_anew(blobs: BlobStore, tmp_path: Path) -> None:
    image = put(blobs, layer(images.npm()))
    attacher = Attacher(tmp_path / "cache", blobs)
    (first,) = attacher.attach([image], ignore)
    document = Manifest.from_bytes(blobs.read(first.digest)).layers[0]
    path = blobs.path(document.digest)
    path.chmod(0o644)
    path.write_bytes(b"{}")
    assert attacher.attach([image], ignore) == (first,)
    assert Digest.of(path.read_bytes()) == document.digest


def test_what_has_no_files_gets_no_list(blobs: BlobStore, tmp_path: Path) -> None:
    def pointer(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, blobs.add(data), len(data))

    chart = image_manifest(
        pointer(b"{}", media_types.HELM_CONFIG), [pointer(b"chart", media_types.HELM_CHART)]
    )
    found = pointer(chart, media_types.IMAGE_MANIFEST)
    assert Attacher(tmp_path / "cache", blobs).attach([found], ignore) == ()


def test_an_unreadable_layer_is_named_with_its_cause(blobs: BlobStore, tmp_path: Path) -> None:
    image = put(blobs, b"this is no tar")
    with pytest.raises(GeneratorFailed) as raised:
        Attacher(tmp_path, blobs).attach([image.named("a.example/broken:1")], ignore)
    assert raised.value.fields["image"] == "a.example/broken:1"
    assert "failed to read layer" in str(raised.value.fields["reason"])
    assert str(tmp_path) not in str(raised.value)
    assert list((tmp_path / "sbom" / "rooms").iterdir()) == []


def test_a_listing_ends_when_its_time_is_over(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(GeneratorFailed, match="was ended after 0 seconds"):
        scan(put(blobs, layer(images.npm())), blobs, tmp_path / "rooms", patience=0.0)
    assert list((tmp_path / "rooms").iterdir()) == []


def test_what_killed_predecessors_unpacked_is_removed(blobs: BlobStore, tmp_path: Path) -> None:
    own = Process.own()
    dead, reused, busy = (
        tmp_path / "rooms" / name
        for name in ("2147483647-1-left", f"{own.pid}-1-left", f"{own.pid}-{own.started}-busy")
    )
    for room in (dead, reused, busy):
        (room / "unpacked").mkdir(parents=True)
    listed(put(blobs, layer(images.npm())), blobs, tmp_path)
    assert list((tmp_path / "rooms").iterdir()) == [busy]


def test_an_answer_beyond_all_measure_is_refused(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syft, "LARGEST_ANSWER", 100)
    with pytest.raises(GeneratorFailed, match="more than 100 bytes"):
        scan(put(blobs, layer(images.npm())), blobs, tmp_path / "rooms")
    monkeypatch.undo()
    monkeypatch.setattr(attach, "LIMIT", 100)
    with pytest.raises(GeneratorFailed, match="more than 100 bytes"):
        Attacher(tmp_path / "cache", blobs).attach([put(blobs, layer(images.npm()))], ignore)


def test_an_installation_without_syft_says_so_at_once(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syft, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(GeneratorMissing):
        Attacher(tmp_path / "cache", blobs)
    monkeypatch.setattr(syft, "PACKAGE", "no_such_package")
    with pytest.raises(GeneratorMissing):
        scan(put(blobs, layer(images.npm())), blobs, tmp_path / "rooms")


def test_a_program_of_the_same_name_is_never_run(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy, witness = tmp_path / "bin" / "syft", tmp_path / "witness"
    decoy.parent.mkdir()
    decoy.write_text(f"#!/bin/sh\ntouch {witness}\n")
    decoy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{decoy.parent}:{os.environ['PATH']}")
    assert set(listed(put(blobs, layer(images.npm())), blobs, tmp_path)) == {"lodash"}
    assert not witness.exists()


def attached(blobs: BlobStore, referrer: Descriptor) -> bytes:
    (document,) = Manifest.from_bytes(blobs.read(referrer.digest)).layers
    return blobs.read(document.digest)
