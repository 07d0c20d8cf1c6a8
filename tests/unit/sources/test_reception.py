"""What an engine sends: the older form, and the OCI layout that engines since 25 send."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from champ_offline.bundle.sources.docker_engine import _Pipe, _Reception
from champ_offline.bundle.sources.image import Image
from champ_offline.bundle.sources.source import LINUX_AMD64
from champ_offline.bundle.sources.tarball import NotAnImageArchive, scan
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from tests.unit.sources.archives import Sample, tar


def receive(files: dict[str, bytes], named: list[Digest], blobs: BlobStore | None = None) -> Image:
    stream = io.BytesIO(tar(files))
    pipe = _Pipe(iter(lambda: stream.read(70_001), b""))
    reception = _Reception(frozenset(named), blobs)
    for member in scan(pipe, "the engine"):
        reception.accept(member, "the engine")
    return reception.image(LINUX_AMD64, "the engine")


@pytest.mark.parametrize("form", ["saved", "layout", "both"])
def test_both_forms_give_the_same_image(form: str, tmp_path: Path) -> None:
    sample = Sample()
    layout, saved = sample.layout_files("web:1"), sample.docker_files("web:1")
    files = {"saved": saved, "layout": layout, "both": layout | saved}[form]
    named = [Digest.of(data) for data in sample.layers]
    assert receive(files, named).descriptor == sample.descriptor
    blobs = BlobStore(tmp_path)
    assert receive(files, named, blobs).descriptor == sample.descriptor
    assert all(blobs.has(digest) for digest in named)


def test_layers_the_engine_did_not_name_are_not_kept(tmp_path: Path) -> None:
    sample, blobs = Sample(), BlobStore(tmp_path)
    files = sample.docker_files("web:1") | {"f" * 64 + "/layer.tar": b"unasked" * 99}
    receive(files, [Digest.of(data) for data in sample.layers], blobs)
    assert set(blobs) == {Digest.of(data) for data in sample.layers}


@pytest.mark.parametrize("form", ["saved", "layout"])
def test_an_altered_layer(form: str, tmp_path: Path) -> None:
    sample, blobs = Sample(), BlobStore(tmp_path)
    files = sample.docker_files() if form == "saved" else sample.layout_files()
    name = next(name for name, data in files.items() if data == sample.layers[0])
    files[name] = files[name][:-1] + b"x"
    with pytest.raises(NotAnImageArchive, match=Digest.of(sample.layers[0]).hex):
        receive(files, [Digest.of(data) for data in sample.layers], blobs)
    assert not blobs.has(Digest.of(files[name]))


def test_documents_without_end(tmp_path: Path) -> None:
    files = {f"{number}.json": b"[" + b" " * (4 * 1024 * 1024 - 1) for number in range(17)}
    with pytest.raises(NotAnImageArchive, match="too large"):
        receive(files, [])
