"""containerd and Docker push to the zone registry over TLS and pull back what they pushed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from tests.e2e.daemons import containerd, output
from tests.e2e.open_registry import OpenRegistry, certificates, open_registry
from tests.lab import network, resources
from tests.lab.commands import call
from tests.lab.engine import Engine
from tests.lab.records import Records
from tests.unit.sources.archives import Sample, layer, write

Client = Callable[..., str]
# Docker takes whatever is on loopback as insecure, so its registry is elsewhere (RFC 2544's range).
ENGINE_SEES = "198.18.255.1"


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRegistry]:
    with open_registry(tmp_path_factory.mktemp("zone")) as found:
        yield found


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample([layer("base", 3_000_000), layer("app")])


# containerd


@pytest.fixture
def ctr(zone: OpenRegistry, tmp_path: Path) -> Iterator[Client]:
    with containerd(tmp_path / "containerd") as sock:
        yield lambda *words: output("ctr", "--address", sock, *words)


@pytest.fixture
def hosts(zone: OpenRegistry, tmp_path: Path) -> Path:
    folder = tmp_path / "certs.d"
    (folder / zone.host).mkdir(parents=True)
    (folder / zone.host / "hosts.toml").write_text(
        f'server = "https://{zone.host}"\n[host."https://{zone.host}"]\n  ca = "{zone.ca}"\n'
    )
    return folder


def _in_containerd(ctr: Client, reference: str) -> str:
    return ctr("images", "list", f"name=={reference}").splitlines()[1].split()[2]


def test_containerd_pushes_and_pulls(
    ctr: Client, hosts: Path, zone: OpenRegistry, sample: Sample, tmp_path: Path
) -> None:
    name = f"{zone.host}/containerd/web"
    archive = write(tmp_path / "web.tar", sample.layout_files("1"))
    ctr("images", "import", "--no-unpack", "--base-name", name, archive)
    ctr("images", "push", "--hosts-dir", hosts, f"{name}:1")
    ctr("images", "remove", "--sync", f"{name}:1")
    assert ctr("content", "list", "--quiet") == ""
    for reference in (f"{name}:1", f"{name}@{sample.digest}"):
        words = ("images", "pull", "--snapshotter", "native", "--hosts-dir", hosts)
        ctr(*words, reference)
        assert _in_containerd(ctr, reference) == str(sample.digest)
    stored = set(ctr("content", "list", "--quiet").split())
    parts = (*sample.layers, sample.config, sample.manifest)
    assert stored == {str(Digest.of(data)) for data in parts}


def test_containerd_mounts_what_it_pulled(
    ctr: Client, hosts: Path, zone: OpenRegistry, sample: Sample, tmp_path: Path
) -> None:
    origin, target = f"{zone.host}/containerd/origin:1", f"{zone.host}/containerd/mounted:1"
    archive = write(tmp_path / "web.tar", sample.layout_files("1"))
    ctr("images", "import", "--no-unpack", "--base-name", origin[:-2], archive)
    ctr("images", "push", "--hosts-dir", hosts, origin)
    ctr("images", "remove", "--sync", origin)
    ctr("content", "fetch", "--hosts-dir", hosts, origin)
    ctr("images", "tag", origin, target)
    ctr("images", "push", "--hosts-dir", hosts, target)
    assert zone.mounted("containerd/mounted") >= 2
    ctr("content", "fetch", "--hosts-dir", hosts, target)
    assert _in_containerd(ctr, target) == str(sample.digest)


# docker


@pytest.fixture(scope="module")
def docker_zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OpenRegistry, Client]]:
    """A registry in the network of a Docker engine that trusts its authority; and `docker`."""
    directory, folder = tmp_path_factory.mktemp("docker"), tmp_path_factory.mktemp("docker-zone")
    records = Records(directory)
    ca = certificates(folder, ENGINE_SEES).authority
    engine = Engine(records, directory / "daemon", f"champ-{os.getpid()}", ca=ca)
    try:
        engine.start()
        call("ip", "-n", engine.namespace, "address", "add", f"{ENGINE_SEES}/32", "dev", "lo")
        words = ("docker", "--host", engine.socket, "--config", directory / "config")
        with open_registry(folder, ENGINE_SEES, network.enter(engine.namespace)) as zone:
            yield zone, lambda *more: output(*words, *more)
    finally:
        engine.stop()
        resources.remove_all(records)


def _docker_push(docker: Client, reference: str) -> str:
    """The digest it says it pushed."""
    last = docker("push", reference).splitlines()[-1]
    return last.partition("digest: ")[2].split()[0]


def test_docker_pushes_and_pulls(
    docker_zone: tuple[OpenRegistry, Client], sample: Sample, tmp_path: Path
) -> None:
    zone, docker = docker_zone
    name = f"{zone.host}/docker/web"
    docker("load", "--input", write(tmp_path / "web.tar", sample.docker_files(f"{name}:1")))
    digest = _docker_push(docker, f"{name}:1")
    docker("tag", f"{name}:1", f"{name}:2")
    assert _docker_push(docker, f"{name}:2") == digest
    for words in ((f"{name}:1",), (f"{name}@{digest}",), ("--all-tags", name)):
        docker("image", "rm", "--force", Digest.of(sample.config).hex)
        assert f"Digest: {digest}" in docker("pull", *words)
        found = docker("image", "inspect", "--format", "{{.Id}}", f"{name}@{digest}")
        assert found.strip() == str(Digest.of(sample.config))
    tags = docker("image", "ls", "--format", "{{.Tag}}", name).split()
    assert sorted(tags) == ["1", "2"]


def test_docker_mounts_from_another_repository(
    docker_zone: tuple[OpenRegistry, Client], sample: Sample, tmp_path: Path
) -> None:
    zone, docker = docker_zone
    origin, target = f"{zone.host}/docker/origin:1", f"{zone.host}/docker/mounted:1"
    docker("load", "--input", write(tmp_path / "web.tar", sample.docker_files(origin)))
    docker("tag", origin, target)
    digest = _docker_push(docker, origin)
    assert _docker_push(docker, target) == digest
    assert zone.mounted("docker/mounted") == len(sample.layers)
