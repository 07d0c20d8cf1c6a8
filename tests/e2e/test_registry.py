"""The zone registry in its own process, over TLS, read by skopeo, containerd and our source."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.bundle.sources.registry import RegistrySource, TlsRefused
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index, image_manifest
from champ_offline.oci.reference import Reference
from champ_offline.registry.pki import Certificates, ensure_certificates
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs
from tests.e2e.daemons import containerd, free_port, output
from tests.unit.sources.archives import Sample, layer

WEB = "docker.io/library/web"
MEBIBYTE = 1024 * 1024
SERVE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from champ_offline.durable.database import Database
from champ_offline.clock import now_utc
from champ_offline.registry.asgi import registry
from champ_offline.registry.pki import ensure_certificates
from champ_offline.registry.server import Listen, serve
from champ_offline.store.blobs import BlobStore
zone, port = Path(sys.argv[1]), int(sys.argv[2])
database, blobs = Database.create(zone / "zone.db"), BlobStore(zone / "blobs")
app = registry(database, blobs, zone / "uploads", now_utc)
certificates = ensure_certificates(zone / "pki", ["127.0.0.1"], datetime.now(UTC))
serve(app, Listen("127.0.0.1", port, certificates), lambda: print("ready", flush=True))
"""


@dataclass
class Zone:
    folder: Path
    database: Database
    blobs: BlobStore
    refs: Refs
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def certificates(self) -> Certificates:
        return ensure_certificates(self.folder / "pki", ["127.0.0.1"], datetime.now(UTC))

    def tag(self, name: str, tag: str, descriptor: Descriptor) -> None:
        with self.database.transaction() as connection:
            self.refs.put(connection, [Ref(name, tag, descriptor, "bundle")])

    def image(self, sample: Sample) -> Descriptor:
        for data in (*sample.layers, sample.config, sample.manifest):
            self.blobs.add(data)
        return sample.descriptor

    def trusted(self, directory: Path) -> Path:
        """The folder skopeo's --cert-dir wants."""
        directory.mkdir()
        (directory / "ca.crt").write_bytes(self.certificates.authority.read_bytes())
        return directory

    def peak_megabytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024


@contextmanager
def _served(folder: Path) -> Iterator[Zone]:
    folder.mkdir(exist_ok=True)
    database, port = Database.create(folder / "zone.db"), free_port()
    refs = Refs(database)
    command = [sys.executable, "-c", SERVE, str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Zone(folder, database, BlobStore(folder / "blobs"), refs, port, process)
        finally:
            process.terminate()
            assert process.wait(30) == 0
            database.close()


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Zone]:
    with _served(tmp_path / "zone") as zone:
        yield zone


@pytest.fixture
def sample() -> Sample:
    return Sample([layer("base", 3_000_000), layer("app")])


def test_skopeo(zone: Zone, sample: Sample, tmp_path: Path) -> None:
    zone.tag("champ.local/web", "1", zone.image(sample))
    trust = zone.trusted(tmp_path / "certs")
    origin = f"docker://{zone.address}/champ.local/web:1"
    found = json.loads(output("skopeo", "inspect", f"--cert-dir={trust}", origin))
    assert (found["Digest"], found["RepoTags"]) == (str(sample.digest), ["1"])
    target = tmp_path / "copy"
    output("skopeo", "copy", f"--src-cert-dir={trust}", origin, f"dir:{target}")
    assert (target / "manifest.json").read_bytes() == sample.manifest
    for data in (*sample.layers, sample.config):
        assert (target / Digest.of(data).hex).read_bytes() == data


@pytest.fixture
def node(tmp_path: Path, zone: Zone) -> Iterator[tuple[Path, Path]]:
    """A containerd's socket and its certs.d, in which every registry is the zone's."""
    trust = ("node", "trust", zone.address, "--ca", zone.certificates.authority)
    place = ("--root", tmp_path, "--certs-dir", "/certs.d")
    output(sys.executable, "-m", "installer", *trust, *place)
    with containerd(tmp_path / "containerd") as sock:
        yield sock, tmp_path / "certs.d"


def _pull(node: tuple[Path, Path], reference: str) -> str:
    sock, hosts = node
    output("ctr", "--address", sock, "content", "fetch", "--hosts-dir", hosts, reference)
    listed = output("ctr", "--address", sock, "images", "list", f"name=={reference}")
    return listed.splitlines()[1].split()[2]


def test_containerd_by_its_mirror(node: tuple[Path, Path], zone: Zone, sample: Sample) -> None:
    zone.tag(WEB, "1", zone.image(sample))
    assert _pull(node, f"{WEB}:1") == str(sample.digest)
    assert _pull(node, f"{WEB}@{sample.digest}") == str(sample.digest)
    zone.tag("quay.io:8443/lab/web", "2", sample.descriptor)
    assert _pull(node, "quay.io:8443/lab/web:2") == str(sample.digest)


def test_containerd_gets_an_index(node: tuple[Path, Path], zone: Zone, sample: Sample) -> None:
    image = zone.image(sample)
    platform = {"os": "linux", "architecture": "amd64"}
    index = image_index([Descriptor(image.media_type, image.digest, image.size, {}, "", platform)])
    zone.tag(WEB, "1", Descriptor(media_types.IMAGE_INDEX, zone.blobs.add(index), len(index)))
    assert _pull(node, f"{WEB}:1") == str(Digest.of(index))


def test_containerd_sees_what_was_imported_meanwhile(
    node: tuple[Path, Path], zone: Zone, sample: Sample
) -> None:
    with pytest.raises(AssertionError, match="not found"):
        _pull(node, f"{WEB}:later")
    zone.tag(WEB, "later", zone.image(sample))
    assert _pull(node, f"{WEB}:later") == str(sample.digest)


def test_our_own_source_reads_it(zone: Zone, sample: Sample, tmp_path: Path) -> None:
    zone.tag("champ.local/web", "1", zone.image(sample))
    reference = Reference.parse(f"{zone.address}/champ.local/web:1")
    with pytest.raises(TlsRefused, match="not signed"):
        RegistrySource(reference).pin(ignore)
    source = RegistrySource(reference, ca_file=zone.certificates.authority)
    blobs = BlobStore(tmp_path / "blobs")
    assert source.fetch(source.pin(ignore).digest, blobs, ignore) == sample.descriptor
    assert set(blobs) == set(zone.blobs)


def test_a_chart_as_an_oci_artifact(zone: Zone, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.2.3\n")
    tgz = pack_chart(chart)
    zone.tag("champ.local/charts/web", "1.2.3", chart_artifact(tgz, zone.blobs))
    trust = zone.trusted(tmp_path / "certs")
    origin = f"docker://{zone.address}/champ.local/charts/web:1.2.3"
    raw = json.loads(output("skopeo", "inspect", "--raw", f"--cert-dir={trust}", origin))
    assert raw["config"]["mediaType"] == media_types.HELM_CONFIG
    assert raw["layers"][0]["digest"] == str(Digest.of(tgz))


def _large(zone: Zone, megabytes: int) -> Descriptor:
    piece = os.urandom(MEBIBYTE)
    with zone.blobs.writer() as writer:
        for _ in range(megabytes):
            writer.write(piece)
        digest = writer.commit()
    blob = Descriptor(media_types.LAYER_TAR, digest, megabytes * MEBIBYTE)
    config = Descriptor(media_types.IMAGE_CONFIG, zone.blobs.add(b"{}"), 2)
    manifest = image_manifest(config, [blob])
    top = Descriptor(media_types.IMAGE_MANIFEST, zone.blobs.add(manifest), len(manifest))
    zone.tag("champ.local/large", "1", top)
    return blob


def _open(zone: Zone, blob: Descriptor, **headers: str) -> tuple[int, int]:
    """Status and length of a blob read to its end without being kept."""
    context = ssl.create_default_context(cafile=str(zone.certificates.authority))
    url = f"https://{zone.address}/v2/champ.local/large/blobs/{blob.digest}"
    request = urllib.request.Request(url, headers=headers)
    done = 0
    with urllib.request.urlopen(request, context=context) as response:
        while piece := response.read(MEBIBYTE):
            done += len(piece)
        return response.status, done


def test_memory_does_not_grow_with_blobs_or_clients(zone: Zone) -> None:
    blob = _large(zone, 400)
    threads = [threading.Thread(target=_open, args=(zone, blob)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert _open(zone, blob, Range="bytes=1-") == (206, blob.size - 1)
    for thread in threads:
        thread.join()
    assert zone.peak_megabytes() < 200


def test_sigterm_lets_a_running_answer_end(zone: Zone) -> None:
    blob = _large(zone, 64)
    context = ssl.create_default_context(cafile=str(zone.certificates.authority))
    url = f"https://{zone.address}/v2/champ.local/large/blobs/{blob.digest}"
    with urllib.request.urlopen(url, context=context) as response:
        done = len(response.read(MEBIBYTE))
        zone.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        while piece := response.read(MEBIBYTE):
            done += len(piece)
    assert done == blob.size
    assert zone.process.wait(15) == 0


def test_it_comes_back_on_the_same_store(tmp_path: Path, sample: Sample) -> None:
    for number in range(3):
        with _served(tmp_path / "zone") as zone:
            assert [ref.tag for ref in zone.refs.all()] == [str(tag) for tag in range(number)]
            zone.tag("champ.local/web", str(number), zone.image(sample))
            trust = tmp_path / f"certs{number}"
            origin = f"docker://{zone.address}/champ.local/web:{number}"
            output("skopeo", "inspect", f"--cert-dir={zone.trusted(trust)}", origin)
