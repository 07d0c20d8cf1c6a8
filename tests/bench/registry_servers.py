"""The zone registry, Debian's docker-registry and nginx over one image, on loopback.

Invariant: the zone registry and nginx send the very same files and docker-registry a copy of them;
all have one certificate, and none writes an access log.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.registry.pki import Certificates
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs
from tests.bench.pullers import Endpoint
from tests.e2e.daemons import answers, daemon, free_port, output
from tests.e2e.open_registry import LOOPBACK, certificates

MIB = 1024**2
NAME, TAG = "champ.local/bench", "1"
MANIFEST = f"/v2/{NAME}/manifests/{TAG}"
ZONE, NGINX, DOCKER = "zone", "nginx", "docker-registry"
NGINX_SETTINGS = """\
daemon off; user root; worker_processes auto; worker_rlimit_nofile 8192;
pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {address}:{port} {tls} reuseport; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location ~ ^/v2/.+/blobs/sha256:(?<hex>[0-9a-f]+)$ {{
      default_type application/octet-stream; alias {store}/sha256/$hex;
    }}
    location = {manifest} {{ default_type {media_type}; alias {store}/sha256/{hex}; }}
  }}
}}
"""


@dataclass(frozen=True)
class Image:
    """One image in a zone's folder; `layers` are the paths under which any registry has them."""

    zone: Path
    manifest: Descriptor
    layers: tuple[str, ...]
    size: int

    def forget(self) -> None:
        """Have the kernel drop the files from its cache, so that the next pull is a cold one."""
        for path in (self.zone.parent / "docker-registry", self.zone / "store"):
            for file in path.rglob("*"):
                if file.is_file():
                    _drop(file)


@dataclass(frozen=True)
class Server:
    """Where one listens, and its process."""

    endpoint: Endpoint
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """What it and its workers have used so far (proc(5), /proc/pid/stat, fields 14 and 15)."""
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ticks = 0
        for number in (str(pid), *workers):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        """The most memory its first process ever had (VmHWM of proc(5)), in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6


def make_image(zone: Path, layers: int, mebibytes: int) -> Image:
    """An image of random layers in the store of a zone, or of a new folder for one."""
    zone.mkdir(exist_ok=True)
    blobs, made = BlobStore(zone / "store"), []
    for _ in range(layers):
        with blobs.writer() as writer:
            for _ in range(mebibytes):
                writer.write(os.urandom(MIB))
            made.append(Descriptor(media_types.LAYER_TAR, writer.commit(), mebibytes * MIB))
    config = Descriptor(media_types.IMAGE_CONFIG, blobs.add(b"{}"), 2)
    data = image_manifest(config, made)
    manifest = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))
    with closing(Database.create(zone / "champ.db")) as database:
        refs = Refs(database)
        with database.transaction() as connection:
            refs.put(connection, [Ref(NAME, TAG, manifest, "bench")])
    paths = tuple(f"/v2/{NAME}/blobs/{layer.digest}" for layer in made)
    return Image(zone, manifest, paths, layers * mebibytes * MIB)


@contextmanager
def servers(image: Image, *, tls: bool) -> Iterator[dict[str, Server]]:
    """All three at once, over TLS or plain HTTP."""
    folder, trusted = image.zone.parent, certificates(image.zone, LOOPBACK)
    with ExitStack() as stack:
        ports = {name: free_port() for name in (ZONE, NGINX, DOCKER)}
        commands: dict[str, list[str | Path]] = {
            ZONE: _zone(image, ports[ZONE], tls=tls),
            NGINX: _nginx(image, ports[NGINX], trusted, tls=tls),
            DOCKER: _docker(folder, ports[DOCKER], trusted, tls=tls),
        }
        running = {
            name: stack.enter_context(
                daemon(command, partial(answers, ports[name]), folder / f"{name}.log")
            )
            for name, command in commands.items()
        }
        ca = trusted.authority if tls else None
        yield {name: Server(Endpoint(LOOPBACK, ports[name], ca), running[name]) for name in running}


def fill_docker(image: Image) -> None:
    """Give docker-registry its copy of the image."""
    with servers(image, tls=False) as found:
        origin, target = (
            f"docker://{LOOPBACK}:{found[name].endpoint.port}/{NAME}:{TAG}"
            for name in (ZONE, DOCKER)
        )
        words = ("--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
        output("skopeo", "copy", *words, origin, target)


def _zone(image: Image, port: int, *, tls: bool) -> list[str | Path]:
    words = [sys.executable, "-m", "tests.e2e.open_registry", "--quiet"]
    return [*words, image.zone, LOOPBACK, str(port), *([] if tls else ["--plain"])]


def _nginx(image: Image, port: int, trusted: Certificates, *, tls: bool) -> list[str | Path]:
    folder = image.zone.parent / "nginx"
    folder.mkdir(exist_ok=True)
    settings = folder / "nginx.conf"
    settings.write_text(
        NGINX_SETTINGS.format(
            folder=folder,
            address=LOOPBACK,
            port=port,
            tls="ssl" if tls else "",
            certificate=trusted.certificate,
            key=trusted.key,
            store=image.zone / "store",
            manifest=MANIFEST,
            media_type=media_types.IMAGE_MANIFEST,
            hex=image.manifest.digest.hex,
        )
    )
    return ["nginx", "-e", folder / "nginx.log", "-c", settings]


def _docker(folder: Path, port: int, trusted: Certificates, *, tls: bool) -> list[str | Path]:
    data, settings = folder / "docker-registry", folder / "docker-registry.yml"
    pair = f"tls: {{certificate: {trusted.certificate}, key: {trusted.key}}}"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {data}}}}}\n"
        f'http: {{addr: "{LOOPBACK}:{port}"{", " + pair if tls else ""}}}\n'
    )
    return ["docker-registry", "serve", settings]


def _drop(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
