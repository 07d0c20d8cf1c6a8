"""A small signed bundle under keys that are the same on every machine.

Invariant: the same release gives the same bytes, so kept inputs go on fitting to it. The keys
protect nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import BundleDocument, Content
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.bundle.volume import VolumeIndex
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.holders import PublicKeys
from champ_offline.trust.keys import ROLES, KeySigner, PrivateKey
from champ_offline.trust.rotation import Change, draft_root, sign_draft
from tests.fuzz.target import scratch

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_VOLUME = 7 * 1024
_P256_ROLE = "snapshot"


@dataclass(frozen=True)
class Sample:
    """The bundle's folder and what was signed for it."""

    folder: Path
    document: BundleDocument

    def file(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def volume(self, number: int) -> bytes:
        return self.file(self.document.volume_name(self.document.volumes[number - 1]))

    def parity(self, number: int) -> bytes:
        return self.file(self.document.parity_name(self.document.volumes[number - 1]))

    def index(self, number: int) -> VolumeIndex:
        return VolumeIndex.from_bytes(self.file(f"volumes/{number:04}.json"), "sample")


def key(role: str) -> PrivateKey:
    secret = hashlib.sha256(f"fuzzing {role}".encode()).digest()
    if role == _P256_ROLE:
        return derive_private_key(int.from_bytes(secret, "big") >> 1, SECP256R1())
    return Ed25519PrivateKey.from_private_bytes(secret)


@cache
def signers() -> dict[str, KeySigner]:
    return {role: KeySigner(key(role), "Fuzzing") for role in ROLES}


@cache
def roots() -> tuple[bytes, bytes]:
    """Root 1, and root 2 that follows on it."""
    public = PublicKeys("Fuzzing", {role: one.public_key for role, one in signers().items()})
    root = [signers()["root"]]
    first = sign_draft(draft_root(None, Change(added=[public]), NOW, "root"), root, "root")
    return first, sign_draft(draft_root(first, Change(), NOW, "root"), root, "root")


@cache
def packed(version: str = "1", filler: str = "") -> Sample:
    """Two volumes with parity, one image of which is cut into pieces."""
    out = scratch() / f"packed-{version}{filler}"
    blobs = BlobStore(out / "workshop")
    layers = [(f"layer {number} {filler}" * 300 * number).encode() for number in (1, 3)]

    def put(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, blobs.add(data), len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    manifest = image_manifest(config, [put(layer, media_types.LAYER_TAR) for layer in layers])
    image = put(manifest, media_types.IMAGE_MANIFEST).named("champ.local/first:1")
    apps = (Content("demo", "1", {"en": "Demo", "zh": "演示"}),)
    contents = Contents("demo", version, ("core",), (image,), apps, ("champ.local/first:1",))
    packer = Packer(blobs, roots(), {role: [one] for role, one in signers().items()})
    (out / "stick").mkdir()
    done = packer.pack(contents, out / "stick", Limits(_VOLUME, None, 10), NOW, ignore)
    return Sample(done.folder, done.document)
