"""Image manifests and indexes (OCI image-spec 1.1, manifest.md and image-index.md).

Invariant: only documents of at most 4 MiB (distribution-spec 1.1, "Pushing Manifests") with known
media types are read, and every descriptor they hold has been checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.strict_json import NotStrict, parse

LIMIT = 4 * 1024 * 1024
# The content of an empty config or layer (manifest.md, "Guidance for an Empty Descriptor").
EMPTY_CONTENT = b"{}"
EMPTY = Descriptor(media_types.EMPTY, Digest.of(EMPTY_CONTENT), len(EMPTY_CONTENT))


class InvalidManifest(ChampError):
    """Bytes that should be a manifest or index are not."""

    id = "oci.invalid-manifest"
    exit_code = ExitCode.CORRUPT
    message = "A manifest cannot be read: {reason}."
    remedy = "The document was not written by a conforming tool; obtain it again from its source."


@dataclass(frozen=True)
class Manifest:
    """One manifest or index; `children` are the descriptors it points at, in document order.

    `subject` is the manifest that this one says something of; it is no part of this one.
    """

    media_type: str
    artifact_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    annotations: dict[str, str]
    subject: Descriptor | None = None

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything that must be present for this document to be usable."""
        config = () if self.config is None else (self.config,)
        return config + self.layers + self.manifests

    @property
    def kind(self) -> str:
        """What the artifact is: its artifactType, or the media type of its config.

        Empty for an index without an artifactType (distribution-spec 1.1, "Listing Referrers").
        """
        return self.artifact_type or (self.config.media_type if self.config else "")

    @classmethod
    def from_bytes(
        cls, data: bytes, digests: Callable[[object], Digest] = Digest.parse
    ) -> Manifest:
        """Read a manifest or index; `digests` says which its descriptors may carry.

        Raises InvalidManifest, InvalidDescriptor, InvalidDigest.
        """
        document = _document(data)
        media_type = document.get("mediaType") or _guess(document)
        if not isinstance(media_type, str) or media_type not in media_types.DOCUMENTS:
            found = str(media_type)[:80]
            raise InvalidManifest(reason=Phrase("media type “{found}” is not known", found=found))
        index, subject = media_type in media_types.INDEXES, document.get("subject")
        return cls(
            media_type=media_type,
            artifact_type=str(document.get("artifactType") or ""),
            config=None if index else Descriptor.from_document(document.get("config"), digests),
            layers=() if index else _descriptors(document, "layers", digests),
            manifests=_descriptors(document, "manifests", digests) if index else (),
            annotations={str(k): str(v) for k, v in (document.get("annotations") or {}).items()},
            subject=None if subject is None else Descriptor.from_document(subject, digests),
        )


def encode(document: dict[str, Any] | list[Any]) -> bytes:
    """Canonical bytes of a document of ours: sorted keys, no spaces; equal values, equal bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def image_manifest(
    config: Descriptor,
    layers: list[Descriptor],
    *,
    artifact_type: str = "",
    annotations: dict[str, str] | None = None,
) -> bytes:
    """The bytes of an OCI image manifest over `config` and `layers`."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": config.to_document(),
        "layers": [layer.to_document() for layer in layers],
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    if annotations:
        document["annotations"] = annotations
    return encode(document)


def artifact_manifest(
    artifact_type: str,
    layers: Sequence[Descriptor],
    subject: Descriptor,
    annotations: Mapping[str, str],
) -> bytes:
    """The bytes of a manifest that says something of `subject`: a signature, a bill of materials.

    Its config is `EMPTY`, and so is its layer where `layers` has none (image-spec 1.1, manifest.md,
    "Guidelines for Artifact Usage"); the caller stores `EMPTY_CONTENT` beside the manifest.
    """
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "artifactType": artifact_type,
        "config": EMPTY.to_document(),
        "layers": [layer.to_document() for layer in layers or (EMPTY,)],
        "subject": Descriptor(subject.media_type, subject.digest, subject.size).to_document(),
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return encode(document)


def as_referrer(data: bytes) -> Descriptor:
    """How a manifest with a `subject` is listed: under its kind, with its own annotations.

    distribution-spec 1.1, "Listing Referrers"; raises what `Manifest.from_bytes` raises.
    """
    manifest = Manifest.from_bytes(data)
    return Descriptor(
        manifest.media_type, Digest.of(data), len(data), manifest.annotations, manifest.kind
    )


def image_index(manifests: list[Descriptor]) -> bytes:
    """The bytes of an OCI image index over `manifests`."""
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": media_types.IMAGE_INDEX,
            "manifests": [manifest.to_document() for manifest in manifests],
        }
    )


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > LIMIT:
        raise InvalidManifest(
            reason=Phrase(
                "{size} bytes are more than the {limit} allowed", size=len(data), limit=LIMIT
            )
        )
    try:
        document = parse(data)
    except NotStrict as error:
        raise InvalidManifest(reason=error.reason) from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise InvalidManifest(reason=Phrase("it is not a JSON object with schemaVersion 2"))
    if not isinstance(document.get("annotations") or {}, dict):
        raise InvalidManifest(reason=Phrase("annotations are not an object"))
    if "manifests" in document and ("config" in document or "layers" in document):
        # Readers would not agree which it is (CVE-2021-41190; image-index.md, "mediaType").
        raise InvalidManifest(reason=Phrase("it is a manifest and an index at once"))
    return document


def _guess(document: dict[str, Any]) -> str:
    """OCI documents may leave mediaType out; the fields tell an index from a manifest."""
    return media_types.IMAGE_INDEX if "manifests" in document else media_types.IMAGE_MANIFEST


def _descriptors(
    document: dict[str, Any], key: str, digests: Callable[[object], Digest]
) -> tuple[Descriptor, ...]:
    items = document.get(key)
    if not isinstance(items, list):
        raise InvalidManifest(reason=Phrase("“{key}” is not a list", key=key))
    return tuple(Descriptor.from_document(item, digests) for item in items)
