"""The zone that is attacked: a bundle's repository, pushed ones, and secrets that must never show.

Invariant: `Ground.secrets` are texts that lie in the zone's files and in no repository.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.paths import ZonePaths
from champ_offline.registry.clients import Clients, roles
from champ_offline.registry.passwords import hashed
from champ_offline.registry.pki import ensure_certificates
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    LAYER,
    Registry,
    descriptor,
    digest_of,
)
from tests.field.site import Site
from tests.hostile.served.process import NAMES

PASSWORD = "correct horse battery staple"
OWNED, PUSHED = "champ.local/demo", "fuzz/seed"
BLOB = bytes(range(256)) * 600
CONFIG_BLOB = b'{"architecture":"amd64","os":"linux"}'


@dataclass(frozen=True)
class Ground:
    """A commissioned zone with one imported bundle; `owned` are digests of its repository."""

    zone: Path
    owned: tuple[str, ...]
    unlinked: str
    secrets: tuple[bytes, ...]

    @property
    def paths(self) -> ZonePaths:
        return ZonePaths(self.zone)


def credentials(password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"ci:{password}".encode()).decode()


def ground(folder: Path) -> Ground:
    """Make one; takes some seconds."""
    site = Site(folder)
    site.does("trust", "init", site.keys, "--holder", "Team", "--unencrypted")
    site.does("lock", site.recipe)
    stick = folder / "stick"
    stick.mkdir()
    assert site.pack(stick).code == 0
    paths = ZonePaths(site.zone(folder / "zone"))
    assert site.take(paths.root, stick).code == 0
    found = [str(digest) for digest in BlobStore(paths.store)]
    return Ground(paths.root, tuple(sorted(found)), *_hidden(paths))


def bare(zone: Path) -> Path:
    """A zone that nothing was imported into, with the client that pushes."""
    zone.mkdir()
    with closing(Database.create(ZonePaths(zone).database)) as database:
        clients = Clients(database, now_utc)
        clients.add("ci", hashed(PASSWORD.encode()), roles(push=["fuzz/*"]), "test")
    return zone


def seed(registry: Registry) -> str:
    """Push an image into the pushed repository; its digest."""
    headers = {"authorization": credentials()}

    def ask(method: str, rest: str, body: bytes, **more: str) -> None:
        target = f"/v2/{PUSHED}/{rest}"
        assert registry.send(method, target, body, {**headers, **more}).status == 201

    for data in (BLOB, CONFIG_BLOB):
        ask("POST", f"blobs/uploads/?digest={digest_of(data)}", data)
    manifest = image()
    ask("PUT", "manifests/1", manifest, **{"content-type": IMAGE})
    return digest_of(manifest)


def image(**more: object) -> bytes:
    """A manifest of blobs that the pushed repository has."""
    document: Mapping[str, object] = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(CONFIG_BLOB, CONFIG),
        "layers": [descriptor(BLOB, LAYER)],
    }
    return json.dumps({**document, **more}).encode()


def _hidden(paths: ZonePaths) -> tuple[str, tuple[bytes, ...]]:
    """Put secrets everywhere; a blob that no repository has, and what must never be seen."""
    marks = [secrets.token_hex(24).encode() for _ in range(4)]
    unlinked = BlobStore(paths.store).add(marks[0] * 50)
    paths.uploads.mkdir(exist_ok=True)
    (paths.uploads / "0").write_bytes(marks[1] * 50)
    (paths.root / "notes").write_bytes(marks[2] * 50)
    (paths.root.parent / "outside").write_bytes(marks[3] * 50)
    ensure_certificates(paths.pki, NAMES, now_utc())
    keys = [path.read_text(encoding="ascii").splitlines()[1] for path in paths.pki.glob("*.key")]
    kept = hashed(PASSWORD.encode())
    with closing(Database.create(paths.database)) as database:
        clients = Clients(database, now_utc)
        clients.add("ci", kept, roles(push=["fuzz/*"], delete=["fuzz/*"]), "test")
        token = clients.token_key()
    private = [key.encode() for key in keys]
    return str(unlinked), (*marks, *private, kept.encode(), token, b"SQLite format 3")
