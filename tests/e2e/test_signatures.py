"""Debian's cosign in a zone without a way out: it accepts what was packed, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from champ_offline.bundle.referrers import Layer, attach
from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Referrer, Refs
from tests.e2e.commands import PROJECT, Champ, run
from tests.e2e.ground import REGISTRY_PORT, LabGround
from tests.lab import build, cosign
from tests.lab.lab import Lab
from tests.unit.sources.archives import Sample, layer, tar

APP = PROJECT / "appstore_catalog/orthanc"
IMAGES = ["champ.local/orthanc:1.10.1", "champ.local/postgresql:15"]
NAME = "org.opencontainers.image.ref.name"


@dataclass
class Signed:
    """A zone with a signed bundle, its registry serving; `cosign verify` runs inside."""

    ground: LabGround
    zone: Path
    key: Path
    program: Path

    def address(self, name: str) -> str:
        return f"{self.ground.registry_address}:{REGISTRY_PORT}/{name}"

    def says(self, *words: str | Path, expect: int = 0) -> str:
        """What cosign writes; it has a home of its own, empty and without trusted roots."""
        authority = self.zone / "pki/ca.crt"
        command: list[str | Path] = [self.program, *words, "--registry-cacert", authority]
        extra = {"HOME": str(self.zone.parent), "NO_COLOR": "1"}
        done = run(command, enter=self.ground.enter, expect=expect, extra=extra, timeout=60)
        return done.stdout if expect == 0 else done.stderr

    def verify(self, name: str, *more: str | Path, key: Path | None = None, expect: int = 0) -> str:
        words = ["verify", "--key", key or self.key, "--insecure-ignore-tlog=true", *more]
        return self.says(*words, self.address(name), expect=expect)


def recipe(folder: Path) -> Path:
    images = []
    for number, name in enumerate(IMAGES):
        archive = folder / f"{number}.tar"
        archive.write_bytes(tar(Sample([layer(name, 1000)]).layout_files(name)))
        images.append({"name": name, "archive": {"path": str(archive)}})
    document = {
        "format": 1,
        "name": "signed",
        "version": "1",
        "apps": [{"path": str(APP), "version": "1.10.1"}],
        "images": images,
    }
    path = folder / "bundle.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def signed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signed")
    program = cosign.fetch(build.cache())
    ground = LabGround(lab.zone("signatures"))
    champ = Champ(ground.enter, folder / "zone")
    source = recipe(folder)
    champ("trust", "init", folder / "trust", "--holder", "release engineering", "--unencrypted")
    champ("lock", source)
    champ("pack", source, "--signing", folder / "trust", "--out", folder)
    champ("zone", "init", "--name", "core", "--root", folder / "trust/root.json")
    champ("import", folder)
    (folder / "zone.pub").write_text(champ("trust", "image-key").stdout)
    ground.start_registry(folder / "zone", folder / "registry.log")
    return Signed(ground, folder / "zone", folder / "zone.pub", program)


def test_cosign_accepts_everything_that_has_a_name(signed: Signed) -> None:
    lock = json.loads((signed.zone.parent / "bundle.lock").read_text())
    names = [one["name"] for kind in ("images", "charts", "apps") for one in lock[kind]]
    assert len(names) == len(IMAGES) + 2
    for name in names:
        (claim,) = json.loads(signed.verify(name))
        assert claim["critical"]["type"] == "https://sigstore.dev/cosign/sign/v1"
        assert claim["optional"] == {NAME: name}


def sbom_of(signed: Signed, name: str) -> str:
    """The name of the list of packages that the registry has for an image, by digest."""
    repository, _, tag = name.partition(":")
    database = Database(signed.zone / "champ.db")
    refs = Refs(database)
    image = refs.resolve(repository, tag)
    assert image is not None
    (found,) = [
        one for one in refs.referrers(image.digest) if one.artifact_type == media_types.CYCLONEDX
    ]
    database.close()
    return f"{repository}@{found.digest}"


def test_cosign_accepts_the_list_of_packages_of_each_image(signed: Signed) -> None:
    for image in IMAGES:
        name = sbom_of(signed, image)
        (claim,) = json.loads(signed.verify(name, "-a", f"{NAME}={name}"))
        assert claim["critical"]["type"] == "https://sigstore.dev/cosign/sign/v1"
        signed.verify(name, "-a", f"{NAME}={image}", expect=1)
        (claim,) = json.loads(signed.verify(name, "--new-bundle-format=false"))
        assert claim["critical"]["identity"] == {"docker-reference": name}


def test_cosign_can_hold_an_image_to_its_name(signed: Signed) -> None:
    signed.verify(IMAGES[0], "-a", f"{NAME}={IMAGES[0]}")
    signed.verify(IMAGES[0], "-a", f"{NAME}={IMAGES[1]}", expect=1)


def test_the_zone_tells_the_key_that_the_packer_has(signed: Signed) -> None:
    folder = signed.zone.parent
    assert signed.key.read_bytes() == (folder / "trust/images.pub").read_bytes()
    told = Champ()("trust", "image-key", folder, "--root", folder / "trust/root.json").stdout
    assert told == signed.key.read_text()


def test_another_key_is_refused(signed: Signed, tmp_path: Path) -> None:
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", tmp_path / "key"])
    run(["openssl", "pkey", "-in", tmp_path / "key", "-pubout", "-out", tmp_path / "pub"])
    said = signed.verify(IMAGES[0], key=tmp_path / "pub", expect=1)
    assert "failed to verify signature" in said


def test_the_tag_of_older_readers_is_signed_with_the_same_key(signed: Signed) -> None:
    """What cosign 2 and engines built on it read; cosign 3 reads it when told so."""
    claims = json.loads(signed.verify(IMAGES[0], "--new-bundle-format=false"))
    assert claims[0]["critical"]["identity"] == {"docker-reference": IMAGES[0]}
    assert claims[0]["critical"]["type"] == "cosign container image signature"


def test_cosign_lists_both_forms(signed: Signed) -> None:
    listed = signed.says("tree", signed.address(IMAGES[0]))
    assert ".sig" in listed
    assert "https://sigstore.dev/cosign/sign/v1 artifacts via OCI referrer" in listed


def test_a_signature_does_not_fit_another_digest(signed: Signed) -> None:
    """An image of the zone whose signatures were copied from another one."""
    database = Database(signed.zone / "champ.db")
    refs, blobs = Refs(database), BlobStore(signed.zone / "store")
    good = refs.resolve("champ.local/orthanc", "1.10.1")
    assert good is not None
    sample = Sample([layer("altered", 1000)])
    for data in (*sample.layers, sample.config, sample.manifest):
        blobs.add(data)
    (bundle,) = [
        one
        for one in refs.referrers(good.digest)
        if one.artifact_type == media_types.SIGSTORE_BUNDLE
    ]
    (found,) = Manifest.from_bytes(blobs.read(bundle.digest)).layers
    copied = attach(
        blobs,
        bundle.artifact_type,
        [Layer(found.media_type, blobs.read(found.digest))],
        sample.descriptor,
        bundle.annotations,
    )
    with database.transaction() as connection:
        refs.put(connection, [Ref("champ.local/altered", "1", sample.descriptor, "none")])
        refs.put_referrers(connection, [Referrer(sample.digest, copied, "none")])
    database.close()
    assert "digest" in signed.verify("champ.local/altered:1", expect=1)
