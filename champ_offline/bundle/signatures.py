"""Signatures on packed content for cosign and for policy engines, in both formats they read.

Invariant: a signature says which digest has which name in the zone; equal content, names and key
give equal bytes where the signer is deterministic. Trust in a bundle does not rest on these: they
are for whoever asks at the registry, long after the import (adr/0016-signatures-for-others.md).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from securesystemslib.signer import Signer

from champ_offline.bundle.referrers import Layer, attach
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, encode
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://sigstore.dev/cosign/sign/v1"
# What `signature_tag` gives, and cosign.
SIGNATURE_TAG = re.compile(r"sha256-[0-9a-f]{64}\.sig")
_PAYLOAD = "application/vnd.in-toto+json"
_SIMPLE_TYPE = "cosign container image signature"
_SIMPLE_SIGNATURE = "dev.cosignproject.cosign/signature"


@dataclass(frozen=True)
class Claim:
    """`reference`, as the zone names it, leads to `subject`, or to an index that has it."""

    reference: Reference
    subject: Descriptor


@dataclass(frozen=True)
class Signatures:
    """What `sign` made: referrers without a name and, for older readers, manifests with a tag."""

    referrers: tuple[Descriptor, ...]
    tagged: tuple[Descriptor, ...]


def sign(
    blobs: BlobStore,
    named: Sequence[Descriptor],
    attached: Sequence[Descriptor],
    signer: Signer,
) -> Signatures:
    """Sign everything in `named`, below an index each of its manifests, and what is `attached`.

    `attached` are referrers: each is signed in every repository that has its subject, under its own
    digest there, for it has no tag. `signer` holds an ECDSA P-256 key; signatures go into `blobs`.
    Raises BlobMissing, InvalidManifest.
    """
    referrers: list[Descriptor] = []
    simple: dict[tuple[str, Digest], list[Claim]] = {}
    claims = dict.fromkeys(_claims(blobs, named))
    for claim in dict.fromkeys((*claims, *_claims_of_attached(blobs, claims, attached))):
        layer = Layer(media_types.SIGSTORE_BUNDLE, sigstore_bundle(claim, signer))
        notes = {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": PREDICATE,
        }
        kind = media_types.SIGSTORE_BUNDLE
        referrers.append(attach(blobs, kind, [layer], claim.subject, notes))
        simple.setdefault((claim.reference.name, claim.subject.digest), []).append(claim)
    tagged = []
    for (name, digest), several in simple.items():
        layers = [simple_signing(claim, signer) for claim in several]
        kind = media_types.COSIGN_SIGNATURE
        manifest = attach(blobs, kind, layers, several[0].subject, {})
        tagged.append(manifest.named(f"{name}:{signature_tag(digest)}"))
    return Signatures(tuple(referrers), tuple(tagged))


def signature_tag(digest: Digest) -> str:
    """The tag under which simple signatures are looked for (cosign, SIGNATURE_SPEC.md)."""
    return f"sha256-{digest.hex}.sig"


def statement(claim: Claim) -> bytes:
    """The in-toto statement that cosign signs (in-toto attestation framework, Statement v1).

    The name stands in the subject's annotations too, so that `cosign verify -a` can ask for it.
    """
    reference = str(claim.reference)
    subject = {
        "name": reference,
        "digest": {"sha256": claim.subject.digest.hex},
        "annotations": {REF_NAME: reference},
    }
    return encode(
        {"_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE, "predicate": {}}
    )


def sigstore_bundle(claim: Claim, signer: Signer) -> bytes:
    """A Sigstore bundle 0.3 around a DSSE envelope, without log entries and timestamps.

    The envelope names no key: readers are given one, and skip envelopes with another's name.
    """
    payload = statement(claim)
    kind = _PAYLOAD.encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    return encode(
        {
            "mediaType": media_types.SIGSTORE_BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": signer.public_key.keyid}},
            "dsseEnvelope": {
                "payload": _base64(payload),
                "payloadType": _PAYLOAD,
                "signatures": [{"sig": _signature(signed, signer)}],
            },
        }
    )


def simple_signing(claim: Claim, signer: Signer) -> Layer:
    """A signature in the format of containers-signature(5), as cosign carries it in a layer."""
    reference = str(claim.reference)
    payload = encode(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": str(claim.subject.digest)},
                "type": _SIMPLE_TYPE,
            },
            "optional": {REF_NAME: reference},
        }
    )
    notes = {_SIMPLE_SIGNATURE: _signature(payload, signer)}
    return Layer(media_types.SIMPLE_SIGNING, payload, notes)


def _claims(blobs: BlobStore, named: Sequence[Descriptor]) -> Iterator[Claim]:
    for descriptor in named:
        reference = Reference.parse(descriptor.annotations[REF_NAME])
        waiting = [descriptor]
        while waiting:
            one = waiting.pop(0)
            yield Claim(reference, Descriptor(one.media_type, one.digest, one.size))
            if one.media_type in media_types.INDEXES:
                waiting += Manifest.from_bytes(blobs.read(one.digest)).manifests


def _claims_of_attached(
    blobs: BlobStore, claims: Iterable[Claim], attached: Sequence[Descriptor]
) -> Iterator[Claim]:
    about: dict[Digest, list[Descriptor]] = {}
    for referrer in attached:
        subject = Manifest.from_bytes(blobs.read(referrer.digest)).subject
        if subject is not None:
            about.setdefault(subject.digest, []).append(referrer)
    for claim in claims:
        for one in about.get(claim.subject.digest, []):
            reference = replace(claim.reference, tag="", digest=one.digest)
            yield Claim(reference, Descriptor(one.media_type, one.digest, one.size))


def _signature(data: bytes, signer: Signer) -> str:
    return _base64(bytes.fromhex(signer.sign(data).signature))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
