"""Every manifest is signed under its name, in two formats, the same way each time."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Signer

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import DocumentMalformed
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.referrers import Layer, attach
from champ_offline.bundle.signatures import Signatures, sign, signature_tag
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.manifest import Manifest, image_index
from champ_offline.store.blobs import BlobStore
from champ_offline.trust import keys
from tests.unit.bundle.conftest import Signing, Zone, image
from tests.unit.bundle.test_referrers import listed, write

KEY = keys.generate("", keys.P256)


def public_pem(signer: Signer) -> str:
    return keys.public_pem(signer.public_key).decode()


def accepted(data: bytes, signature: str) -> None:
    """Raises InvalidSignature unless KEY made the signature."""
    public = load_pem_public_key(public_pem(KEY).encode())
    assert isinstance(public, EllipticCurvePublicKey)
    public.verify(base64.b64decode(signature), data, ECDSA(SHA256()))


@pytest.fixture
def named(contents: tuple[BlobStore, Contents]) -> list[Descriptor]:
    """A tagged image, the same under another tag and in an index, and another one."""
    blobs = contents[0]
    first = image(blobs, "champ.local/first:1", [b"first"])
    index = image_index([replace(first, annotations={})])
    many = Descriptor(media_types.IMAGE_INDEX, blobs.add(index), len(index))
    return [
        first,
        first.named("champ.local/first:2"),
        many.named("docker.io/library/many:1"),
        image(blobs, "docker.io/library/other:1", [b"other"]),
    ]


def layers(blobs: BlobStore, manifest: Descriptor) -> list[tuple[bytes, Mapping[str, str]]]:
    found = Manifest.from_bytes(blobs.read(manifest.digest)).layers
    return [(blobs.read(layer.digest), layer.annotations) for layer in found]


def statements(blobs: BlobStore, made: Signatures) -> list[dict[str, Any]]:
    """What the bundles say, after their signatures were accepted."""
    said = []
    for referrer in made.referrers:
        ((data, _),) = layers(blobs, referrer)
        bundle = json.loads(data)
        assert bundle["mediaType"] == referrer.artifact_type == media_types.SIGSTORE_BUNDLE
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        kind = "application/vnd.in-toto+json"
        assert envelope["payloadType"] == kind
        encoded = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
        accepted(encoded, envelope["signatures"][0]["sig"])
        said.append(json.loads(payload))
    return said


def test_each_name_is_bound_to_each_of_its_digests(
    contents: tuple[BlobStore, Contents], named: list[Descriptor]
) -> None:
    blobs = contents[0]
    found = [
        (one["subject"][0]["name"], "sha256:" + one["subject"][0]["digest"]["sha256"])
        for one in statements(blobs, sign(blobs, named, [], KEY))
    ]
    first, many, other = (str(named[number].digest) for number in (0, 2, 3))
    assert found == [
        ("champ.local/first:1", first),
        ("champ.local/first:2", first),
        ("docker.io/library/many:1", many),
        ("docker.io/library/many:1", first),
        ("docker.io/library/other:1", other),
    ]


def test_the_statement_is_what_cosign_signs(
    contents: tuple[BlobStore, Contents], named: list[Descriptor]
) -> None:
    blobs = contents[0]
    said = statements(blobs, sign(blobs, named[:1], [], KEY))
    assert said == [
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {
                    "name": "champ.local/first:1",
                    "digest": {"sha256": named[0].digest.hex},
                    "annotations": {REF_NAME: "champ.local/first:1"},
                }
            ],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        }
    ]


def test_simple_signatures_lie_under_the_tag_of_the_digest(
    contents: tuple[BlobStore, Contents], named: list[Descriptor]
) -> None:
    blobs = contents[0]
    made = sign(blobs, named, [], KEY)
    tags = [manifest.annotations[REF_NAME] for manifest in made.tagged]
    first, many, other = (signature_tag(named[number].digest) for number in (0, 2, 3))
    assert tags == [
        f"champ.local/first:{first}",
        f"docker.io/library/many:{many}",
        f"docker.io/library/many:{first}",
        f"docker.io/library/other:{other}",
    ]
    claimed = []
    for payload, notes in layers(blobs, made.tagged[0]):
        accepted(payload, notes["dev.cosignproject.cosign/signature"])
        critical = json.loads(payload)["critical"]
        assert critical["type"] == "cosign container image signature"
        assert critical["image"] == {"docker-manifest-digest": str(named[0].digest)}
        claimed.append(critical["identity"]["docker-reference"])
    assert claimed == ["champ.local/first:1", "champ.local/first:2"]


def test_what_is_attached_is_signed_in_each_repository_under_its_digest(
    contents: tuple[BlobStore, Contents], named: list[Descriptor]
) -> None:
    blobs = contents[0]
    layer = Layer(media_types.CYCLONEDX, b"{}")
    lists = [attach(blobs, layer.media_type, [layer], named[one], {}) for one in (0, 3)]
    stranger = attach(blobs, layer.media_type, [layer], contents[1].descriptors[0], {})
    bare, made = sign(blobs, named, [], KEY), sign(blobs, named, [*lists, stranger], KEY)
    assert made.referrers[: len(bare.referrers)] == bare.referrers
    subjects = [one["subject"][0] for one in statements(blobs, made)[len(bare.referrers) :]]
    where = [
        ("champ.local/first", lists[0].digest),
        ("docker.io/library/many", lists[0].digest),
        ("docker.io/library/other", lists[1].digest),
    ]
    assert [(one["name"], one["digest"]["sha256"]) for one in subjects] == [
        (f"{name}@{digest}", digest.hex) for name, digest in where
    ]
    tags = [manifest.annotations[REF_NAME] for manifest in made.tagged[len(bare.tagged) :]]
    assert tags == [f"{name}:{signature_tag(digest)}" for name, digest in where]
    for manifest, (name, digest) in zip(made.tagged[len(bare.tagged) :], where, strict=True):
        ((payload, notes),) = layers(blobs, manifest)
        accepted(payload, notes["dev.cosignproject.cosign/signature"])
        assert json.loads(payload)["critical"]["identity"]["docker-reference"] == f"{name}@{digest}"
    assert sign(blobs, named, [*lists, stranger], KEY) == made


def test_equal_content_gets_equal_signatures(
    contents: tuple[BlobStore, Contents], named: list[Descriptor]
) -> None:
    blobs = contents[0]
    assert sign(blobs, named, [], KEY) == sign(blobs, named, [], KEY)
    assert sign(blobs, named, [], KEY) != sign(blobs, named, [], keys.generate("", keys.P256))


def test_signatures_and_key_reach_the_zone(
    contents: tuple[BlobStore, Contents],
    named: list[Descriptor],
    signing: Signing,
    zone: Zone,
    tmp_path: Path,
) -> None:
    blobs, what = contents
    made = sign(blobs, named, [], KEY)
    signed = replace(what, descriptors=(*named, *made.tagged), images=(), image_key=public_pem(KEY))
    zone.take(write(blobs, signed, list(made.referrers), signing, tmp_path / "stick").folder)
    assert [known.document.image_key for known in zone.intake.bundles()] == [public_pem(KEY)]
    kinds = [entry["artifactType"] for entry in listed(zone, "champ.local/first", named[0].digest)]
    assert sorted(map(str, kinds)) == [
        media_types.COSIGN_SIGNATURE,
        *[media_types.SIGSTORE_BUNDLE] * 3,
    ]
    tag = signature_tag(named[0].digest)
    found = zone.refs.resolve("champ.local/first", tag)
    assert found is not None
    assert found.digest == made.tagged[0].digest


def test_a_bundle_document_shows_no_other_text_as_a_key(
    contents: tuple[BlobStore, Contents], signing: Signing, tmp_path: Path
) -> None:
    blobs, what = contents
    packed = write(blobs, what, [], signing, tmp_path / "stick")
    for text in ("\x1b[2J", public_pem(KEY) + "x", "-----BEGIN PUBLIC KEY-----\n"):
        data = replace(packed.document, image_key=text).to_bytes()
        with pytest.raises(DocumentMalformed):
            BundleDocument.from_bytes(data, "stick")
