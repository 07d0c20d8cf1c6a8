"""What stock clients find in other people's registries after a push: skopeo, regctl, cosign.

The bundle is packed, signed, imported and pushed by the commands that people use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from tests.contracts.external.conftest import REGISTRIES
from tests.e2e.daemons import output
from tests.field.conftest import filled, packed, site
from tests.field.site import LAYERS, Site
from tests.lab import build, cosign

__all__ = ["filled", "packed", "site"]
NAME = "champ.local/demo"


@dataclass(frozen=True)
class Pushed:
    """A registry that was pushed to: its address, and the public half of the signing key."""

    host: str
    key: Path

    @property
    def image(self) -> str:
        return f"{self.host}/champ/{NAME}"


@pytest.fixture(params=["docker-registry", "distribution"], scope="module")
def pushed(
    request: pytest.FixtureRequest,
    site: Site,
    filled: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pushed]:
    with REGISTRIES[request.param](tmp_path_factory.mktemp("target") / "data") as port:
        host = f"127.0.0.1:{port}"
        site.does("--zone", filled, "registry", "external", "set", f"{host}/champ", "--plain-http")
        done = site.does("--zone", filled, "registry", "push")
        assert [one["name"] for one in done["names"]] == [NAME]
        yield Pushed(host, site.keys / "images.pub")


def test_skopeo_reads_it_back(pushed: Pushed, tmp_path: Path) -> None:
    plain = "--tls-verify=false"
    listed = json.loads(output("skopeo", "list-tags", plain, f"docker://{pushed.image}"))
    assert "1" in listed["Tags"]
    found = json.loads(output("skopeo", "inspect", plain, f"docker://{pushed.image}:1"))
    assert len(found["Layers"]) == LAYERS
    for number, reference in enumerate((f"{pushed.image}:1", f"{pushed.image}@{found['Digest']}")):
        copy = tmp_path / f"copy{number}"
        words = ("skopeo", "copy", "--preserve-digests", "--src-tls-verify=false")
        output(*words, f"docker://{reference}", f"oci:{copy}:web")
        blobs = list((copy / "blobs" / "sha256").iterdir())
        assert len(blobs) == LAYERS + 2
        assert all(Digest.of(blob.read_bytes()).hex == blob.name for blob in blobs)


def test_regctl_finds_what_refers_to_it(pushed: Pushed, tmp_path: Path) -> None:
    program = build.build(programs=build.CLIENTS) / "regctl"
    run = ("env", f"REGCTL_CONFIG={tmp_path / 'regctl.json'}", program)
    output(*run, "registry", "set", pushed.host, "--tls", "disabled", "--skip-check")
    wanted = ("--format", "{{range .Descriptors}}{{.ArtifactType}} {{end}}")
    kinds = output(*run, "artifact", "list", f"{pushed.image}:1", *wanted).split()
    assert "application/vnd.dev.sigstore.bundle.v0.3+json" in kinds


def test_cosign_accepts_it(pushed: Pushed, tmp_path: Path) -> None:
    program = cosign.fetch(build.cache())
    words = ("verify", "--key", pushed.key, "--insecure-ignore-tlog=true")
    clean = ("env", f"HOME={tmp_path}", "NO_COLOR=1")
    (claim,) = json.loads(output(*clean, program, *words, f"{pushed.image}:1"))
    assert claim["critical"]["type"] == "https://sigstore.dev/cosign/sign/v1"
    assert claim["optional"]["org.opencontainers.image.ref.name"] == f"{NAME}:1"
