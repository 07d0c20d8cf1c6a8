"""What bundles brought to a zone, written into its store and names without any bundle.

An index of two platforms under two tags, an image of Docker's form that shares a layer with it and
has an older one without a tag, a name with a port, an app, and signatures: of the index, of the
list of packages of one platform, and of that list.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import (
    EMPTY_CONTENT,
    artifact_manifest,
    as_referrer,
    image_index,
    image_manifest,
)
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Referrer, Refs

WEB, JOB = "docker.io/library/web", "quay.io/some/job"
ODD, APP = "localhost:5000/odd", "champ.local/apps/demo"
BUNDLE = f"sha256:{'b' * 64}"
SIGNATURE = "application/vnd.example.signature"


@dataclass
class Brought:
    """A zone's tables and store, and what to look for elsewhere: manifests of each name."""

    database: Database
    blobs: BlobStore
    refs: Refs
    digests: dict[str, Digest] = field(default_factory=dict)
    referrers: dict[Digest, list[Digest]] = field(default_factory=dict)

    def size(self) -> int:
        """Bytes of all that is stored."""
        return sum(self.blobs.size(digest) for digest in self.blobs)


class _Maker:
    def __init__(self, brought: Brought, scale: int) -> None:
        self._brought, self._scale = brought, scale
        self._noise = random.Random(20)
        self.referrers: list[Referrer] = []

    def layer(self, size: int) -> Descriptor:
        data = self._noise.randbytes(size * self._scale)
        return self.blob(data, media_types.LAYER_GZIP)

    def blob(self, data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, self._brought.blobs.add(data), len(data))

    def image(self, layers: list[Descriptor], arch: str = "amd64") -> Descriptor:
        config = self.blob(json.dumps({"architecture": arch, "os": "linux"}).encode(), CONFIG)
        data = image_manifest(config, layers)
        platform = {"architecture": arch, "os": "linux"}
        made = self.blob(data, media_types.IMAGE_MANIFEST)
        return Descriptor(made.media_type, made.digest, made.size, platform=platform)

    def docker_image(self, layers: list[Descriptor]) -> Descriptor:
        config = self.blob(b'{"os":"linux"}', "application/vnd.docker.container.image.v1+json")
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.DOCKER_MANIFEST,
            "config": config.to_document(),
            "layers": [layer.to_document() for layer in layers],
        }
        return self.blob(json.dumps(document, indent=1).encode(), media_types.DOCKER_MANIFEST)

    def refer(self, subject: Descriptor, content: bytes) -> Descriptor:
        layers = [self.blob(content, "text/plain")]
        self._brought.blobs.add(EMPTY_CONTENT)
        data = artifact_manifest(SIGNATURE, layers, subject, {"org.example.of": "champ"})
        made = self.blob(data, media_types.IMAGE_MANIFEST)
        self.referrers.append(Referrer(subject.digest, as_referrer(data), BUNDLE))
        self._brought.referrers.setdefault(subject.digest, []).append(made.digest)
        return made


CONFIG = media_types.IMAGE_CONFIG


def bring(zone: Path, scale: int = 1) -> Brought:
    """Fill the zone's folder, some 130 kB times `scale`; it need not be commissioned."""
    zone.mkdir(exist_ok=True)
    database, blobs = Database.create(zone / "champ.db"), BlobStore(zone / "store")
    brought = Brought(database, blobs, Refs(database))
    make = _Maker(brought, scale)
    shared = make.layer(60_000)
    first = make.image([shared, make.layer(40_000)])
    second = make.image([shared, make.layer(20_000)], "arm64")
    web = make.blob(image_index([first, second]), media_types.IMAGE_INDEX)
    older, job = make.docker_image([make.layer(5_000)]), make.docker_image([shared])
    odd = make.image([make.layer(100)])
    demo = make.blob(
        image_manifest(
            make.blob(b'{"name":"demo"}', media_types.APP_CONFIG),
            [make.blob(b"values: {}\n", media_types.APP_FILE)],
            artifact_type=media_types.APP,
        ),
        media_types.IMAGE_MANIFEST,
    )
    make.refer(web, b"signature of the index")
    listed = make.refer(first, b"list of packages")
    make.refer(listed, b"signature of the list")
    refs = [
        Ref(WEB, "1.27", web, BUNDLE),
        Ref(WEB, "latest", web, BUNDLE),
        Ref(JOB, "2", older, BUNDLE),
        Ref(ODD, "1", odd, BUNDLE),
        Ref(APP, "1", demo, BUNDLE),
    ]
    with database.transaction() as connection:
        brought.refs.put(connection, refs)
        brought.refs.put(connection, [Ref(JOB, "2", job, BUNDLE)])
        brought.refs.put_referrers(connection, make.referrers)
    named = {"web": web, "first": first, "second": second, "job": job, "older": older}
    named |= {"odd": odd, "demo": demo, "listed": listed}
    brought.digests = {name: one.digest for name, one in named.items()}
    return brought
