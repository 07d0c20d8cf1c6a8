"""The zone's registry with clients: skopeo, containerd, docker and helm log in to it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from tests.architecture.source import ROOT
from tests.e2e.daemons import containerd, free_port, output
from tests.lab import network, resources
from tests.lab.engine import Engine
from tests.lab.records import Records
from tests.unit.sources.archives import Sample, layer

PASSWORD = "correct horse battery staple"


@dataclass
class Served:
    """A zone made and served by the command itself."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def champ(self, *words: str | Path) -> str:
        return output(sys.executable, "-m", "installer", "--zone", self.folder / "zone", *words)

    def skopeo(self, *words: object) -> subprocess.CompletedProcess[str]:
        """With the zone's authority and a file of credentials of its own."""
        environment = {**os.environ, "REGISTRY_AUTH_FILE": str(self.folder / "auth.json")}
        command = ["skopeo", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def docker(self, name: str) -> str:
        return f"docker://{self.address}/{name}"

    def acts(self) -> list[tuple[str, str, str]]:
        rows = json.loads(self.champ("audit", "show", "--since", "2020-01-01", "--json"))["rows"]
        return [(row["actor"], row["act"], row["subject"]) for row in rows]

    @property
    def trust(self) -> Path:
        """The folder skopeo's --cert-dir wants."""
        folder = self.folder / "certs"
        folder.mkdir(exist_ok=True)
        (folder / "ca.crt").write_bytes((self.folder / "zone" / "pki" / "ca.crt").read_bytes())
        return folder


@contextmanager
def serving(folder: Path, *entered: str) -> Iterator[Served]:
    """A new zone with the client `ci`; `entered` are words to put before the server's command."""
    zone, signing, secret = Served(folder, free_port()), folder / "signing", folder / "password"
    init = ["trust", "init", str(signing), "--holder", "Anna", "--unencrypted"]
    output(sys.executable, "-m", "installer", *init)
    zone.champ("zone", "init", "--name", "core", "--root", signing / "root.json")
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    roles = ["--push", "team/*", "--delete", "team/app"]
    zone.champ("registry", "client", "add", "ci", *roles, "--password-file", secret)
    serve = ["registry", "serve", "--port", str(zone.port), "--name", "127.0.0.1"]
    champ = [sys.executable, "-m", "installer", "--zone", str(folder / "zone"), *serve]
    command = [*entered, *champ]
    log = (folder / "log").open("wb")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield zone
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as zone:
        yield zone


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    records = Records(tmp_path)
    engine = Engine(records, tmp_path / "daemon", f"champ-access-{os.getpid()}")
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        resources.remove_all(records)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image as an OCI layout, tag 1."""
    sample = Sample([layer("base", 300_000), layer("app")])
    layout = tmp_path / "image"
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (*sample.layers, sample.config, sample.manifest):
        (blobs / Digest.of(data).hex).write_bytes(data)
    named = {"org.opencontainers.image.ref.name": "1"}
    entry = {**sample.descriptor.to_document(), "annotations": named}
    index = {"schemaVersion": 2, "manifests": [entry]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def test_skopeo_logs_in_and_works(served: Served, image: Path) -> None:
    trust, origin = served.trust, f"oci:{image}:1"
    wrong = ["--username", "ci", "--password", "wrong", served.address]
    assert "invalid username/password" in served.skopeo("login", "--cert-dir", trust, *wrong).stderr
    right = ["--username", "ci", "--password", PASSWORD, served.address]
    assert served.skopeo("login", "--cert-dir", trust, *right).returncode == 0
    to: list[str | Path] = ["--dest-cert-dir", trust]
    at: list[str | Path] = ["--cert-dir", trust]

    def copied(target: str, *more: str | Path) -> subprocess.CompletedProcess[str]:
        return served.skopeo("copy", *to, *more, origin, served.docker(target))

    for target in ("team/app:1", "team/two:1"):
        assert copied(target).returncode == 0
    refused = copied("other/app:1")
    assert refused.returncode != 0
    assert "client ci may not push" in refused.stderr
    assert copied("team/app:2", "--dest-no-creds").returncode != 0
    found = served.skopeo("inspect", *at, "--no-creds", served.docker("team/app:1"))
    assert json.loads(found.stdout)["RepoTags"] == ["1"]
    assert served.skopeo("delete", *at, served.docker("team/app:1")).returncode == 0
    refused = served.skopeo("delete", *at, served.docker("team/two:1"))
    assert "client ci may not delete" in refused.stderr
    acts = served.acts()
    assert ("ci", "registry.manifest.push", "team/two") in acts
    assert ("ci", "registry.manifest.delete", "team/app") in acts
    assert not [act for act in acts if act[2].startswith("other/")]


def test_a_closed_zone_and_a_client_that_leaves(served: Served, image: Path) -> None:
    to: list[str | Path] = ["--dest-cert-dir", served.trust]
    at: list[str | Path] = ["--cert-dir", served.trust]
    creds = ["--dest-creds", f"ci:{PASSWORD}"]
    target = served.docker("team/app:1")
    assert served.skopeo("copy", *to, *creds, f"oci:{image}:1", target).returncode == 0
    served.champ("registry", "access", "--anonymous", "none")
    assert served.skopeo("inspect", *at, "--no-creds", target).returncode != 0
    known = ["--creds", f"ci:{PASSWORD}"]
    assert served.skopeo("inspect", *at, *known, target).returncode == 0
    served.champ("registry", "client", "remove", "ci")
    assert served.skopeo("inspect", *at, *known, target).returncode != 0


def test_containerd_pulls_and_pushes(served: Served, image: Path, tmp_path: Path) -> None:
    to: list[str | Path] = ["--dest-cert-dir", served.trust, "--dest-creds", f"ci:{PASSWORD}"]
    target = served.docker("team/app:1")
    assert served.skopeo("copy", *to, f"oci:{image}:1", target).returncode == 0
    served.champ("registry", "access", "--anonymous", "none")
    hosts = tmp_path / "certs.d"
    known = tmp_path / "certs.d-known"
    pair = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
    header = f'[host."https://{served.address}".header]\n  authorization = "Basic {pair}"\n'
    for place, more in ((hosts, ""), (known, header)):
        folder = place / served.address
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(
            f'server = "https://{served.address}"\n[host."https://{served.address}"]\n'
            f'  capabilities = ["pull", "resolve", "push"]\n  ca = "{served.trust}/ca.crt"\n{more}'
        )
    with containerd(tmp_path / "containerd") as sock:
        asked: list[str | Path] = ["--hosts-dir", hosts, "--user", f"ci:{PASSWORD}"]
        name, other = f"{served.address}/team/app:1", f"{served.address}/team/three:1"
        fetch: list[str | Path] = ["ctr", "--address", sock, "content", "fetch"]
        with pytest.raises(AssertionError, match=r"(?i)unauthorized"):
            output(*fetch, "--hosts-dir", hosts, name)
        output(*fetch, "--hosts-dir", known, name)
        output(*fetch, *asked, name)
        output("ctr", "--address", sock, "images", "tag", name, other)
        output("ctr", "--address", sock, "images", "push", *asked, other)
    assert ("ci", "registry.manifest.push", "team/three") in served.acts()


def test_helm_logs_in_pushes_and_pulls(served: Served, helm_binary: Path, tmp_path: Path) -> None:
    chart, own = tmp_path / "web", tmp_path / "own"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.2.3\n")
    own.mkdir()
    places = {f"HELM_{what}_HOME": str(own / what) for what in ("CONFIG", "CACHE", "DATA")}
    authority = ["--ca-file", str(served.trust / "ca.crt")]

    def run(*words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(helm_binary), *map(str, words)]
        return subprocess.run(
            command, env={**os.environ, **places, "DOCKER_CONFIG": str(own)}, input=given,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    served.champ("registry", "access", "--anonymous", "none")
    assert run("package", chart, "--destination", own).returncode == 0
    packed, login = own / "web-1.2.3.tgz", ["registry", "login", served.address, "-u", "ci"]
    target = f"oci://{served.address}/team/charts"
    assert run("push", packed, target, *authority).returncode != 0
    assert run(*login, "--password-stdin", *authority, given="wrong").returncode != 0
    assert run(*login, "--password-stdin", *authority, given=PASSWORD).returncode == 0
    pushed = run("push", packed, target, *authority)
    assert pushed.returncode == 0, pushed.stderr
    out = tmp_path / "out"
    out.mkdir()
    words: list[str | Path] = [
        "pull",
        f"{target}/web",
        "--version",
        "1.2.3",
        "--destination",
        out,
        *authority,
    ]
    assert run(*words).returncode == 0
    assert (out / packed.name).read_bytes() == packed.read_bytes()
    assert run("push", packed, f"oci://{served.address}/other", *authority).returncode != 0


def test_docker_logs_in_pushes_and_pulls(engine: Engine, image: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    saved, settings = tmp_path / "saved.tar", tmp_path / "docker"
    output("skopeo", "copy", f"oci:{image}:1", f"docker-archive:{saved}:web:1")
    with serving(folder, *network.enter(engine.namespace)) as zone:
        name = f"{zone.address}/team/web:1"
        docker = ["docker", "--host", engine.socket, "--config", str(settings)]

        def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*docker, *words], input=given, capture_output=True, text=True, check=False
            )

        output(*docker, "load", "--input", saved)
        output(*docker, "tag", "web:1", name)
        assert run("push", name).returncode != 0
        login = ["login", "--username", "ci", "--password-stdin", zone.address]
        assert run(*login, given="wrong").returncode != 0
        done = run(*login, given=PASSWORD)
        assert done.returncode == 0, done.stderr
        output(*docker, "push", name)
        output(*docker, "rmi", name, "web:1")
        zone.champ("registry", "access", "--anonymous", "none")
        output(*docker, "pull", name)
        output(*docker, "logout", zone.address)
        output(*docker, "rmi", name)
        assert run("pull", name).returncode != 0
        assert ("ci", "registry.manifest.push", "team/web") in zone.acts()
