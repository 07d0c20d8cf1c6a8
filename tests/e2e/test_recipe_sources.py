"""One recipe with an image of each kind of source, each a real one: locked, packed, imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.commands import PROJECT, Champ, run
from tests.lab import platform_images
from tests.lab.lab import Lab

NAMES = [
    "docker.io/library/from-registry:1",
    "docker.io/library/from-engine:1",
    "docker.io/library/from-archive:1",
    "champ.local/postgresql:15",
]


@pytest.fixture(scope="module")
def archives(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    made = platform_images.make(lab.binaries(), folder)
    return {image.archive.name: image.archive for image in made}


@pytest.fixture(scope="module")
def registry(lab: Lab, archives: dict[str, Path]) -> Iterator[str]:
    server = lab.docker_registry()
    server.start()
    source = f"oci-archive:{archives['pause.oci.tar']}"
    run(["skopeo", "copy", "--dest-tls-verify=false", source, f"docker://{server.host}/pause:1"])
    yield server.host
    server.stop()


@pytest.fixture(scope="module")
def engine(lab: Lab, archives: dict[str, Path]) -> Iterator[str]:
    docker = lab.engine()
    docker.start()
    archive = str(archives["coredns.docker.tar"])
    run(["docker", "--host", docker.socket, "load", "-i", archive])
    yield docker.socket
    docker.stop()


def recipe(folder: Path, registry: str, engine: str, archives: dict[str, Path]) -> Path:
    description = PROJECT / "appstore_catalog/orthanc/images/postgresql-15.yaml"
    coredns = "registry.k8s.io/coredns/coredns:v1.15.0"
    sources: list[dict[str, dict[str, object]]] = [
        {"registry": {"reference": f"{registry}/pause:1", "plain_http": True}},
        {"docker": {"reference": coredns, "host": engine}},
        {"archive": {"path": str(archives["pause.oci.tar"])}},
        {"debian": {"description": str(description)}},
    ]
    images = [
        {"name": name} | dict[str, object](source)
        for name, source in zip(NAMES, sources, strict=True)
    ]
    path = folder / "bundle.yaml"
    document = {"format": 1, "name": "mixed", "version": "1", "images": images}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def test_every_kind_of_source_goes_the_whole_way(
    tmp_path: Path, registry: str, engine: str, archives: dict[str, Path]
) -> None:
    champ = Champ(zone=tmp_path / "zone")
    source = recipe(tmp_path, registry, engine, archives)
    champ("trust", "init", tmp_path / "trust", "--holder", "release engineering", "--unencrypted")
    champ("lock", source)
    lock = (tmp_path / "bundle.lock").read_bytes()
    champ("lock", source)
    assert (tmp_path / "bundle.lock").read_bytes() == lock
    champ("pack", source, "--signing", tmp_path / "trust", "--out", tmp_path)
    champ("zone", "init", "--name", "z", "--root", tmp_path / "trust/root.json")
    champ("import", tmp_path)
    assert [image["name"] for image in json.loads(lock)["images"]] == NAMES
    served = {path.name for path in (tmp_path / "zone/store/sha256").iterdir()}
    for image in json.loads(lock)["images"]:
        assert image["digest"].removeprefix("sha256:") in served
    found = champ.json("sbom", "find")
    assert (found["searched"], found["bare"]) == (len(NAMES), [])
    listed = {(one["image"], one["type"]) for one in found["sightings"]}
    assert {(NAMES[1], "golang"), (NAMES[3], "deb")} <= listed


def test_an_edited_recipe_wants_a_new_lock(
    tmp_path: Path, registry: str, engine: str, archives: dict[str, Path]
) -> None:
    champ = Champ()
    source = recipe(tmp_path, registry, engine, archives)
    champ("trust", "init", tmp_path / "trust", "--holder", "release engineering", "--unencrypted")
    champ("lock", source)
    source.write_text(source.read_text() + "# edited\n")
    done = champ("pack", source, "--signing", tmp_path / "trust", "--out", tmp_path, expect=4)
    assert "champ lock" in done.stderr
