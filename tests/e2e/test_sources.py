"""Images out of a real registry, a real Docker engine and archives written by real tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.sources.archive import ArchiveSource
from champ_offline.bundle.sources.docker_engine import DockerEngineSource
from champ_offline.bundle.sources.registry import RegistrySource, TlsRefused
from champ_offline.bundle.sources.source import (
    ImageSource,
    ReferenceNotFound,
    SourceChanged,
    SourceRefused,
    SourceUnreachable,
)
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore
from tests.e2e.daemons import free_port, output, registry_with_password
from tests.lab import resources
from tests.lab.docker_registry import DockerRegistry
from tests.lab.engine import Engine
from tests.lab.records import Records
from tests.unit.sources.archives import Sample, layer, unfold, write

# bcrypt of "lab"; the registry knows no other form.
HTPASSWD = "lab:$2b$05$abcdefghijklmnopqrstuup1vlAAUDMpgzvqmIu/m0vJZ3muqfVsK\n"


@pytest.fixture(scope="module")
def sample() -> Sample:
    empty = layer("empty", 10)
    return Sample([layer("base", 3_000_000), empty, layer("app"), empty])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, sample: Sample) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("registry")
    layout = unfold(directory / "layout", sample.layout_files("web"))
    records = Records(directory)
    registry = DockerRegistry(records, directory / "daemon")
    try:
        registry.start()
        target = f"docker://{registry.host}/lab/web:1"
        output("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:web", target)
        yield registry.host
    finally:
        registry.stop()
        resources.remove_all(records)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, sample: Sample) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("engine")
    saved = write(directory / "web.tar", sample.docker_files("lab/web:1"))
    records = Records(directory)
    engine = Engine(records, directory / "daemon", f"champ-{os.getpid()}")
    try:
        engine.start()
        output("docker", "--host", engine.socket, "load", "--input", saved)
        yield engine.socket
    finally:
        engine.stop()
        resources.remove_all(records)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def _carried(source: ImageSource, blobs: BlobStore) -> Manifest:
    """Pin, fetch, and check that all is there under its own digest."""
    pinned = source.pin(ignore)
    descriptor = source.fetch(pinned.digest, blobs, ignore)
    assert descriptor.digest == pinned.digest
    manifest = Manifest.from_bytes(blobs.read(descriptor.digest))
    for child in manifest.children:
        assert Digest.of(blobs.path(child.digest).read_bytes()) == child.digest
        assert blobs.size(child.digest) == child.size
    children = {child.digest: child.size for child in manifest.children}
    assert pinned.size == descriptor.size + sum(children.values())
    return manifest


def _registry_source(address: str, name: str = "lab/web:1") -> RegistrySource:
    reference = Reference.parse(f"{address}/{name}")
    return RegistrySource(reference, plain_http=True, sleep=lambda _: None)


def test_registry(registry: str, sample: Sample, blobs: BlobStore) -> None:
    source = _registry_source(registry)
    assert source.pin(ignore).image_id == Digest.of(sample.config)
    upstream = output("skopeo", "inspect", "--tls-verify=false", f"docker://{registry}/lab/web:1")
    assert str(source.pin(ignore).digest) == json.loads(upstream)["Digest"]
    assert len(_carried(source, blobs).layers) == 4


def test_registry_by_digest(registry: str, blobs: BlobStore) -> None:
    digest = _registry_source(registry).pin(ignore).digest
    source = _registry_source(registry, f"lab/web@{digest}")
    assert source.pin(ignore).digest == digest
    _carried(source, blobs)


def test_registry_errors(registry: str, blobs: BlobStore) -> None:
    with pytest.raises(ReferenceNotFound, match="lab/web:2"):
        _registry_source(registry, "lab/web:2").pin(ignore)
    with pytest.raises(ReferenceNotFound):
        _registry_source(registry).fetch(Digest.of(b"deleted"), blobs, ignore)
    with pytest.raises(SourceUnreachable, match="connection refused"):
        _registry_source(f"127.0.0.1:{free_port()}").pin(ignore)
    with pytest.raises(TlsRefused, match="does not speak TLS"):
        RegistrySource(Reference.parse(f"{registry}/lab/web:1")).pin(ignore)


def test_registry_credentials(
    tmp_path: Path, sample: Sample, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = unfold(tmp_path / "layout", sample.layout_files("web"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with registry_with_password(tmp_path / "daemon", HTPASSWD) as address:
        target = f"docker://{address}/lab/web:1"
        output(
            "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds=lab:lab",
            f"oci:{layout}:web", target,
        )  # fmt: skip
        with pytest.raises(SourceRefused, match=address):
            _registry_source(address).pin(ignore)
        (tmp_path / ".docker").mkdir()
        login = {"auths": {address: {"auth": "bGFiOmxhYg=="}}}
        (tmp_path / ".docker/config.json").write_text(json.dumps(login))
        _carried(_registry_source(address), blobs)


def test_engine(engine: str, sample: Sample, blobs: BlobStore) -> None:
    source = DockerEngineSource("lab/web:1", host=engine)
    _carried(source, blobs)
    assert source.pin(ignore).digest == sample.digest
    assert source.pin(ignore).image_id == Digest.of(sample.config)
    image_id = output("docker", "--host", engine, "images", "--no-trunc", "-q", "lab/web:1")
    by_id = DockerEngineSource(image_id.strip(), host=engine).pin(ignore)
    assert by_id.digest == sample.digest


def test_engine_from_its_environment(
    engine: str, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    assert DockerEngineSource("lab/web:1").pin(ignore).digest == sample.digest


def test_engine_errors(engine: str, blobs: BlobStore) -> None:
    with pytest.raises(ReferenceNotFound, match="lab/none"):
        DockerEngineSource("lab/none", host=engine).pin(ignore)
    with pytest.raises(SourceChanged):
        DockerEngineSource("lab/web:1", host=engine).fetch(Digest.of(b"old"), blobs, ignore)
    with pytest.raises(SourceUnreachable):
        DockerEngineSource("lab/web:1", host=f"tcp://127.0.0.1:{free_port()}").pin(ignore)


def test_what_docker_save_writes(engine: str, tmp_path: Path, sample: Sample) -> None:
    path = tmp_path / "web.tar"
    output("docker", "--host", engine, "save", "--output", path, "lab/web:1")
    assert ArchiveSource(path, name="lab/web:1").pin(ignore).digest == sample.digest
    _carried(ArchiveSource(path), BlobStore(tmp_path / "blobs"))
    subprocess.run(["gzip", str(path)], check=True)
    assert ArchiveSource(tmp_path / "web.tar.gz").pin(ignore).digest == sample.digest


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
def test_what_skopeo_writes(form: str, registry: str, tmp_path: Path) -> None:
    path = tmp_path / "web"
    origin = f"docker://{registry}/lab/web:1"
    output("skopeo", "copy", "--src-tls-verify=false", origin, f"{form}:{path}:lab/web:1")
    blobs = BlobStore(tmp_path / "blobs")
    manifest = _carried(ArchiveSource(path, name="lab/web:1"), blobs)
    assert len(manifest.layers) == 4
    if form != "docker-archive":
        upstream = _registry_source(registry).pin(ignore).digest
        assert ArchiveSource(path).pin(ignore).digest == upstream


def test_a_fetched_image_runs_through_stock_tools(
    engine: str, tmp_path: Path, blobs: BlobStore
) -> None:
    source = DockerEngineSource("lab/web:1", host=engine)
    pinned = source.pin(ignore)
    descriptor = source.fetch(pinned.digest, blobs, ignore)
    layout = tmp_path / "layout"
    shutil.copytree(tmp_path / "blobs", layout / "blobs")
    index = {"schemaVersion": 2, "manifests": [descriptor.named("web").to_document()]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    found = json.loads(output("skopeo", "inspect", f"oci:{layout}:web"))
    assert found["Digest"] == str(pinned.digest)
