"""A small zone: one image in two tags, an index, a signature that refers to the image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import encode, image_index, image_manifest
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs
from tests.unit.registry.desk import Desk

NAME = "docker.io/library/web"
LAYER = bytes(range(256)) * 8192


@dataclass
class Zone:
    database: Database
    blobs: BlobStore
    refs: Refs
    content: Content
    app: RegistryApp
    image: Descriptor
    layer: Descriptor
    index: Descriptor
    signature: Descriptor

    def tag(self, name: str, tag: str, descriptor: Descriptor) -> None:
        with self.database.transaction() as connection:
            self.refs.put(connection, [Ref(name, tag, descriptor, "bundle-1")])


def _put(blobs: BlobStore, media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, blobs.add(data), len(data))


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    blobs = BlobStore(tmp_path / "blobs")
    database = Database.create(tmp_path / "zone.db")
    refs = Refs(database)
    layer = _put(blobs, media_types.LAYER_TAR, LAYER)
    config = _put(blobs, media_types.IMAGE_CONFIG, b'{"architecture":"amd64","os":"linux"}')
    image = _put(blobs, media_types.IMAGE_MANIFEST, image_manifest(config, [layer]))
    index = _put(blobs, media_types.IMAGE_INDEX, image_index([image]))
    empty = _put(blobs, media_types.EMPTY, b"{}")
    document = json.loads(image_manifest(empty, [empty], artifact_type="application/x-signature"))
    document["subject"] = image.to_document()
    signature = _put(blobs, media_types.IMAGE_MANIFEST, encode(document))
    _put(blobs, media_types.LAYER_TAR, b"in the store, but of no repository")
    app = registry(database, blobs, tmp_path / "uploads", now_utc)
    content = Content(database, blobs)
    zone = Zone(database, blobs, refs, content, app, image, layer, index, signature)
    zone.tag(NAME, "1", image)
    zone.tag(NAME, "2", index)
    zone.tag(NAME, f"sha256-{image.digest.hex}.sig", signature)
    zone.tag("champ.local/orthanc", "1.10.1", image)
    return zone


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield Desk(tmp_path, database)
