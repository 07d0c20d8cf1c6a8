"""Stock clients push to the zone registry over TLS and read back what they pushed.

Each is run as its users run it, trusting the zone's authority and nothing else. Whether a blob was
mounted rather than sent is read from the registry's own access log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import oras.oci  # type: ignore[import-untyped]
import oras.provider  # type: ignore[import-untyped]
import pytest

from champ_offline.bundle.charts import pack_chart
from champ_offline.oci.digest import Digest
from tests.e2e.daemons import output
from tests.e2e.open_registry import OpenRegistry, open_registry
from tests.lab import build
from tests.unit.sources.archives import Sample, layer, unfold

Client = Callable[..., str]
SBOM = "application/vnd.example.sbom"
SIGNATURE = "application/vnd.example.signature"


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRegistry]:
    with open_registry(tmp_path_factory.mktemp("zone")) as found:
        yield found


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample([layer("base", 3_000_000), layer("app")])


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory, sample: Sample) -> Path:
    return unfold(tmp_path_factory.mktemp("image") / "layout", sample.layout_files("web"))


@pytest.fixture(scope="module")
def programs() -> Path:
    return build.build(programs=build.CLIENTS)


def _whole(layout: Path, sample: Sample) -> bool:
    """Whether a layout that a client wrote holds the very bytes of the image."""
    parts = (*sample.layers, sample.config, sample.manifest)
    found = layout / "blobs/sha256"
    return all((found / Digest.of(data).hex).read_bytes() == data for data in parts)


# skopeo


@pytest.fixture
def trust(zone: OpenRegistry, tmp_path: Path) -> Path:
    """The folder skopeo's --cert-dir wants."""
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(zone.ca.read_bytes())
    return folder


def _skopeo_push(layout: Path, trust: Path, target: str) -> None:
    words = ("skopeo", "copy", "--preserve-digests", f"--dest-cert-dir={trust}")
    output(*words, f"oci:{layout}:web", f"docker://{target}")


def test_skopeo_pushes_and_pulls(
    zone: OpenRegistry, layout: Path, sample: Sample, trust: Path, tmp_path: Path
) -> None:
    name = f"{zone.host}/skopeo/web"
    _skopeo_push(layout, trust, f"{name}:1")
    for number, reference in enumerate((f"{name}:1", f"{name}@{sample.digest}")):
        found = output("skopeo", "inspect", f"--cert-dir={trust}", f"docker://{reference}")
        assert json.loads(found)["Digest"] == str(sample.digest)
        copy = tmp_path / f"copy{number}"
        words = ("skopeo", "copy", "--preserve-digests", f"--src-cert-dir={trust}")
        output(*words, f"docker://{reference}", f"oci:{copy}:web")
        assert _whole(copy, sample)


def test_skopeo_lists_and_deletes(
    zone: OpenRegistry, layout: Path, sample: Sample, trust: Path
) -> None:
    name = f"docker://{zone.host}/skopeo/deleted"
    for tag in ("2", "1"):
        _skopeo_push(layout, trust, f"{zone.host}/skopeo/deleted:{tag}")
    listed = json.loads(output("skopeo", "list-tags", f"--cert-dir={trust}", name))
    assert listed["Tags"] == ["1", "2"]
    output("skopeo", "delete", f"--cert-dir={trust}", f"{name}:1")
    with pytest.raises(AssertionError, match="manifest unknown"):
        output("skopeo", "inspect", f"--cert-dir={trust}", f"{name}@{sample.digest}")


def test_skopeo_refuses_another_authority(zone: OpenRegistry, layout: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="x509"):
        _skopeo_push(layout, tmp_path, f"{zone.host}/skopeo/untrusted:1")


# crane


@pytest.fixture
def crane(zone: OpenRegistry, programs: Path, tmp_path: Path) -> Client:
    environment = ("env", f"SSL_CERT_FILE={zone.ca}", f"DOCKER_CONFIG={tmp_path / 'docker'}")
    return lambda *words: output(*environment, programs / "crane", *words).strip()


def test_crane_pushes_and_pulls(
    crane: Client, zone: OpenRegistry, layout: Path, sample: Sample, tmp_path: Path
) -> None:
    name = f"{zone.host}/crane/web"
    assert crane("push", layout, f"{name}:1") == f"{name}@{sample.digest}"
    assert crane("digest", f"{name}:1") == str(sample.digest)
    assert crane("manifest", f"{name}@{sample.digest}").encode() == sample.manifest
    for number, reference in enumerate((f"{name}:1", f"{name}@{sample.digest}")):
        crane("pull", "--format", "oci", reference, tmp_path / f"copy{number}")
        assert _whole(tmp_path / f"copy{number}", sample)


def test_crane_copies_by_mounting(
    crane: Client, zone: OpenRegistry, layout: Path, sample: Sample
) -> None:
    crane("push", layout, f"{zone.host}/crane/origin:1")
    crane("copy", f"{zone.host}/crane/origin:1", f"{zone.host}/crane/mounted:1")
    assert crane("digest", f"{zone.host}/crane/mounted:1") == str(sample.digest)
    assert zone.mounted("crane/mounted") == len([*sample.layers, sample.config])


def test_crane_lists_tags_and_deletes(
    crane: Client, zone: OpenRegistry, layout: Path, sample: Sample
) -> None:
    name = f"{zone.host}/crane/deleted"
    crane("push", layout, f"{name}:1")
    crane("tag", f"{name}:1", "2")
    assert crane("ls", name).split() == ["1", "2"]
    assert "crane/deleted" in crane("catalog", zone.host).split()
    crane("delete", f"{name}@{sample.digest}")
    with pytest.raises(AssertionError, match="MANIFEST_UNKNOWN"):
        crane("manifest", f"{name}:1")


# regctl


@pytest.fixture
def regctl(zone: OpenRegistry, programs: Path, tmp_path: Path) -> Client:
    environment = ("env", f"REGCTL_CONFIG={tmp_path / 'regctl.json'}")

    def run(*words: str | Path) -> str:
        return output(*environment, programs / "regctl", *words).strip()

    run("registry", "set", zone.host, "--skip-check", "--cacert", zone.ca.read_text())
    return run


def test_regctl_pushes_and_pulls(
    regctl: Client, zone: OpenRegistry, layout: Path, sample: Sample, tmp_path: Path
) -> None:
    name = f"{zone.host}/regctl/web"
    regctl("image", "copy", f"ocidir://{layout}:web", f"{name}:1")
    assert regctl("image", "digest", f"{name}:1") == str(sample.digest)
    for number, reference in enumerate((f"{name}:1", f"{name}@{sample.digest}")):
        body = regctl("manifest", "get", reference, "--format", "raw-body")
        assert body.encode() == sample.manifest
        regctl("image", "copy", reference, f"ocidir://{tmp_path}/copy{number}:web")
        assert _whole(tmp_path / f"copy{number}", sample)


def test_regctl_pushes_in_chunks(regctl: Client, zone: OpenRegistry, tmp_path: Path) -> None:
    sizes = ("--blob-chunk", "1000000", "--blob-max", "1000000")
    regctl("registry", "set", zone.host, "--skip-check", *sizes)
    large = tmp_path / "large"
    large.write_bytes(layer("chunks", 3_500_000))
    name = f"{zone.host}/regctl/chunks"
    titled = ("--file-title", "--strip-dirs", "--file", large)
    regctl("artifact", "put", "--artifact-type", SBOM, *titled, f"{name}:1")
    chunks = [found["status"] for found in zone.answered("PATCH", "regctl/chunks")]
    assert chunks == [202] * 4
    out = tmp_path / "out"
    out.mkdir()
    regctl("artifact", "get", f"{name}:1", "--output", out)
    assert (out / "large").read_bytes() == large.read_bytes()


def test_regctl_pushes_by_sha512(
    regctl: Client, zone: OpenRegistry, layout: Path, sample: Sample, tmp_path: Path
) -> None:
    local = f"ocidir://{tmp_path}/sha512:web"
    regctl("image", "mod", f"ocidir://{layout}:web", "--digest-algo", "sha512", "--create", local)
    name = f"{zone.host}/regctl/sha512"
    regctl("image", "copy", local, f"{name}:1")
    body = regctl("manifest", "get", f"{name}:1", "--format", "raw-body")
    parts = [entry["digest"] for entry in json.loads(body)["layers"]]
    assert parts == [f"sha512:{hashlib.sha512(data).hexdigest()}" for data in sample.layers]
    top = f"sha512:{hashlib.sha512(body.encode()).hexdigest()}"
    regctl("image", "copy", f"{name}@{top}", f"ocidir://{tmp_path}/back:web")
    back = tmp_path / "back/blobs/sha512"
    for digest, data in zip(parts, sample.layers, strict=True):
        assert (back / digest.removeprefix("sha512:")).read_bytes() == data


def test_regctl_lists_referrers(
    regctl: Client, zone: OpenRegistry, layout: Path, sample: Sample, tmp_path: Path
) -> None:
    name = f"{zone.host}/regctl/signed"
    regctl("image", "copy", f"ocidir://{layout}:web", f"{name}:1")
    text = tmp_path / "text"
    for kind in (SBOM, SIGNATURE):
        text.write_text(kind)
        regctl("artifact", "put", "--subject", f"{name}:1", "--artifact-type", kind, "-f", text)
    wanted = ("--format", "{{range .Descriptors}}{{.ArtifactType}} {{end}}")
    assert sorted(regctl("artifact", "list", f"{name}:1", *wanted).split()) == [SBOM, SIGNATURE]
    only = ("--filter-artifact-type", SBOM)
    assert regctl("artifact", "list", f"{name}@{sample.digest}", *only, *wanted) == SBOM
    assert regctl("artifact", "get", "--subject", f"{name}:1", *only) == SBOM
    assert regctl("tag", "list", name).split() == ["1"]
    # Asked of the registry, not of the tag that stands in where there are no referrers.
    assert {found["status"] for found in zone.answered("GET", "regctl/signed/referrers")} == {200}


def test_regctl_copies_by_mounting(
    regctl: Client, zone: OpenRegistry, layout: Path, sample: Sample, tmp_path: Path
) -> None:
    origin, target = f"{zone.host}/regctl/origin:1", f"{zone.host}/regctl/mounted:1"
    regctl("image", "copy", f"ocidir://{layout}:web", origin)
    text = tmp_path / "text"
    text.write_text(SBOM)
    regctl("artifact", "put", "--subject", origin, "--artifact-type", SBOM, "-f", text)
    regctl("image", "copy", "--referrers", origin, target)
    assert regctl("image", "digest", target) == str(sample.digest)
    assert regctl("artifact", "get", "--subject", target) == SBOM
    assert zone.mounted("regctl/mounted") >= 3


def test_regctl_lists_tags_and_deletes(
    regctl: Client, zone: OpenRegistry, layout: Path, sample: Sample
) -> None:
    name = f"{zone.host}/regctl/deleted"
    for tag in ("1", "2", "3"):
        regctl("image", "copy", f"ocidir://{layout}:web", f"{name}:{tag}")
    assert regctl("tag", "list", name).split() == ["1", "2", "3"]
    regctl("tag", "delete", f"{name}:2")
    assert regctl("tag", "list", name).split() == ["1", "3"]
    assert regctl("image", "digest", f"{name}:1") == str(sample.digest)
    regctl("manifest", "delete", f"{name}@{sample.digest}")
    with pytest.raises(AssertionError, match="not found"):
        regctl("image", "digest", f"{name}:1")


# oras


@pytest.fixture
def client(
    zone: OpenRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[oras.provider.Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    found = oras.provider.Registry(zone.host, tls_verify=str(zone.ca))
    yield found
    found.session.close()


def _oras_push(client: oras.provider.Registry, target: str, file: Path, **more: object) -> str:
    done = client.push(target, files=[str(file)], disable_path_validation=True, quiet=True, **more)
    return str(done.headers["Docker-Content-Digest"])


@pytest.mark.parametrize("chunked", [False, True])
def test_oras_pushes_and_pulls(
    client: oras.provider.Registry, zone: OpenRegistry, tmp_path: Path, chunked: bool
) -> None:
    name, file = f"{zone.host}/oras/files{int(chunked)}", tmp_path / "file"
    file.write_bytes(layer("file", 2_000_000))
    digest = _oras_push(client, f"{name}:1", file, do_chunked=chunked, chunk_size=500_000)
    for number, reference in enumerate((f"{name}:1", f"{name}@{digest}")):
        pulled = client.pull(reference, outdir=str(tmp_path / f"out{number}"))
        assert [Path(path).read_bytes() for path in pulled] == [file.read_bytes()]
    (blob,) = client.get_manifest(f"{name}@{digest}")["layers"]
    assert Digest.parse(blob["digest"]) == Digest.of(file.read_bytes())


def test_oras_lists_tags_referrers_and_deletes(
    client: oras.provider.Registry, zone: OpenRegistry, tmp_path: Path
) -> None:
    name, file = f"{zone.host}/oras/tags", tmp_path / "file"
    for tag in ("1", "2"):
        file.write_text(tag)
        digest = _oras_push(client, f"{name}:{tag}", file)
    container = client.get_container(name)
    assert client.get_tags(container) == ["1", "2"]
    top = client.do_request(f"https://{container.manifest_url('2')}", "HEAD").headers
    subject = oras.oci.Subject(top["Content-Type"], digest, int(top["Content-Length"]))
    file.write_text("signature")
    signature = _oras_push(client, f"{name}:signature", file, subject=subject)
    url = f"https://{zone.host}/v2/oras/tags/referrers/{digest}"
    found = client.do_request(url, "GET").json()
    assert [entry["digest"] for entry in found["manifests"]] == [signature]
    assert client.delete_tag(container, "1")
    assert client.get_tags(container) == ["2", "signature"]


# helm


@pytest.fixture
def helm(zone: OpenRegistry, tmp_path: Path) -> Client:
    homes = (f"HELM_{part}_HOME={tmp_path / part}" for part in ("CACHE", "CONFIG", "DATA"))
    environment = ("env", *homes, f"HELM_REGISTRY_CONFIG={tmp_path / 'registry.json'}")
    program = build.build() / "helm"
    return lambda *words: output(*environment, program, *words, "--ca-file", zone.ca)


def _chart(folder: Path, version: str) -> Path:
    source = folder / f"chart-{version}"
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: web\nversion: {version}\n")
    packed = folder / f"web-{version}.tgz"
    packed.write_bytes(pack_chart(source))
    return packed


def test_helm_pushes_and_pulls(helm: Client, zone: OpenRegistry, tmp_path: Path) -> None:
    charts, name = f"oci://{zone.host}/helm/charts", f"oci://{zone.host}/helm/charts/web"
    packed, digests = {}, {}
    for version in ("1.2.3", "1.10.0", "2.0.0"):
        packed[version] = _chart(tmp_path, version)
        digests[version] = helm("push", packed[version], charts).split()[-1]
        Digest.parse(digests[version])
    for number, (version, words) in enumerate(
        (
            ("1.2.3", (name, "--version", "1.2.3")),
            ("1.10.0", (name, "--version", "^1")),  # the highest that fits, out of the tag list
            ("2.0.0", (f"{name}@{digests['2.0.0']}",)),
        )
    ):
        folder = tmp_path / f"out{number}"
        folder.mkdir()
        said = helm("pull", *words, "--destination", folder)
        assert said.split()[-1] == digests[version]
        (got,) = folder.glob("*.tgz")
        assert got.read_bytes() == packed[version].read_bytes()
    assert zone.answered("GET", "helm/charts/web/tags")
