"""A small signed bundle and an empty zone store, made anew for each test."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import Content
from champ_offline.bundle.intake import Imported, Intake
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packed, Packer
from champ_offline.bundle.verify import verify
from champ_offline.catalog.artifact import vet_app
from champ_offline.durable.database import Database
from champ_offline.events import Subscriber, ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from champ_offline.store.waiting import WaitingRoom
from champ_offline.trust.state import TrustState
from tests.unit.bundle.desk import Desk
from tests.unit.trust.signing import Holder, Signers, first_root, signers_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Signing:
    """A root and its keys."""

    root: bytes
    signers: Signers


def new_signing() -> Signing:
    holder = Holder("Release team")
    return Signing(first_root([holder], NOW), signers_of(holder))


@pytest.fixture(scope="session")
def signing() -> Signing:
    return new_signing()


def image(blobs: BlobStore, name: str, layers: list[bytes]) -> Descriptor:
    """An image of raw layers, named."""

    def put(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, blobs.add(data), len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    manifest = image_manifest(config, [put(layer, media_types.LAYER_TAR) for layer in layers])
    return put(manifest, media_types.IMAGE_MANIFEST).named(name)


@pytest.fixture
def contents(tmp_path: Path) -> tuple[BlobStore, Contents]:
    """Three images of 60 KiB layers, two of which share one layer."""
    blobs = BlobStore(tmp_path / "workshop")
    noise = random.Random(7)
    shared, first, second = (noise.randbytes(60 * 1024 + n) for n in range(3))
    descriptors = (
        image(blobs, "champ.local/first:1", [shared, first]),
        image(blobs, "champ.local/second:1", [shared, second]),
        image(blobs, "docker.io/library/third:1", [b"tiny"]),
    )
    named = tuple(str(d.annotations["org.opencontainers.image.ref.name"]) for d in descriptors)
    apps = (Content("demo", "1", {"en": "Demo", "zh": "演示"}),)
    return blobs, Contents("demo", "1", ("core",), descriptors, apps, named)


Pack = Callable[..., Packed]


@pytest.fixture
def pack(tmp_path: Path, contents: tuple[BlobStore, Contents], signing: Signing) -> Pack:
    """Packs the contents; options: out folder, volume limit, days after NOW, other signing."""

    def run(
        out: str = "stick",
        *,
        limit: int = 130 * 1024,
        days: int = 0,
        by: Signing = signing,
        version: str = "1",
        zones: tuple[str, ...] = ("core",),
        medium: int | None = None,
        parity: int = 0,
        what: Contents | None = None,
    ) -> Packed:
        blobs, small = contents
        folder = tmp_path / out
        folder.mkdir(exist_ok=True)
        packer = Packer(blobs, (by.root,), by.signers)
        changed = replace(what or small, version=version, zones=zones)
        limits = Limits(limit, medium, parity)
        return packer.pack(changed, folder, limits, NOW + timedelta(days=days), ignore)

    return run


class Zone:
    """The parts of a zone that an import touches."""

    def __init__(self, root: Path, signing: Signing) -> None:
        root.mkdir()
        self.database = Database.create(root / "champ.db")
        self.blobs = BlobStore(root / "store")
        self.refs = Refs(self.database)
        self.trust = TrustState(self.database)
        self.waiting = WaitingRoom(root / "incoming")
        self.signing = signing
        self.intake = Intake(
            self.database, self.blobs, self.waiting, self.refs, self.trust, vet_app
        )
        with self.database.transaction() as connection:
            self.trust.pin(connection, 1, signing.root)

    def take(self, *folders: Path, notify: Subscriber = ignore) -> Imported:
        verified = verify(folders, self.trust.root(), NOW, "core")
        return self.intake.take(verified, NOW.isoformat(), notify)

    def content(self) -> tuple[set[str], list[str]]:
        """Everything reachable or stored, to compare before and after."""
        refs = [f"{ref.name}:{ref.tag} {ref.descriptor.digest}" for ref in self.refs.all()]
        return {str(digest) for digest in self.blobs}, refs


@pytest.fixture
def zone(tmp_path: Path, signing: Signing) -> Zone:
    return Zone(tmp_path / "zone", signing)


@pytest.fixture
def desk_of(signing: Signing, tmp_path: Path) -> Callable[[Path], Desk]:
    return lambda folder: Desk(folder, signing.root, NOW, tmp_path)


@pytest.fixture
def desk(pack: Pack, desk_of: Callable[[Path], Desk]) -> Desk:
    return desk_of(pack().folder)
