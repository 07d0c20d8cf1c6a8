"""Platform images: the same binary gives the same bytes, in two kinds of archive."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.lab import platform_images
from tests.lab.node_texts import COREDNS, PAUSE


@pytest.fixture
def binaries(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pause", "coredns"):
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


def _files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {}
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def test_made_twice_is_the_same(tmp_path: Path, binaries: Path) -> None:
    first = platform_images.make(binaries, tmp_path / "one")
    second = platform_images.make(binaries, tmp_path / "two")
    for one, two in zip(first, second, strict=True):
        assert one.reference == two.reference
        assert one.archive.read_bytes() == two.archive.read_bytes()
    assert len(list((tmp_path / "one").iterdir())) == 2


def test_pause_is_an_oci_layout(tmp_path: Path, binaries: Path) -> None:
    files = _files(platform_images.make(binaries, tmp_path)[0].archive)

    def blob(descriptor: dict[str, Any]) -> bytes:
        algorithm, _, value = descriptor["digest"].partition(":")
        data = files[f"blobs/{algorithm}/{value}"]
        assert hashlib.sha256(data).hexdigest() == value
        assert len(data) == descriptor["size"]
        return data

    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    entry = json.loads(files["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == PAUSE
    manifest = json.loads(blob(entry))
    layer = blob(manifest["layers"][0])
    config = json.loads(blob(manifest["config"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/pause"]


def test_coredns_is_what_docker_saves(tmp_path: Path, binaries: Path) -> None:
    files = _files(platform_images.make(binaries, tmp_path)[1].archive)
    (described,) = json.loads(files["manifest.json"])
    assert described["RepoTags"] == [COREDNS]
    config = files[described["Config"]]
    assert described["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    layer = files[described["Layers"][0]]
    assert json.loads(config)["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256(layer).hexdigest()}"
    ]
