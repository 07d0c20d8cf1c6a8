"""Attaching: a document that says something of packed content becomes a referrer in a blob store.

Invariant: the same document about the same subject is the same manifest, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import EMPTY_CONTENT, artifact_manifest, as_referrer
from champ_offline.store.blobs import BlobStore


@dataclass(frozen=True)
class Layer:
    """One document of a referrer; `notes` are its descriptor's annotations."""

    media_type: str
    content: bytes
    notes: Mapping[str, str] = field(default_factory=dict)


def attach(
    blobs: BlobStore,
    artifact_type: str,
    layers: Sequence[Layer],
    subject: Descriptor,
    annotations: Mapping[str, str],
) -> Descriptor:
    """Store the manifest with its layers; returns it as `pack.Contents.referrers` wants it.

    `subject` is a manifest or an index of the same bundle.
    """
    blobs.add(EMPTY_CONTENT)
    pointers = [
        Descriptor(layer.media_type, blobs.add(layer.content), len(layer.content), layer.notes)
        for layer in layers
    ]
    manifest = artifact_manifest(artifact_type, pointers, subject, annotations)
    blobs.add(manifest)
    return as_referrer(manifest)
