"""Descriptors: a typed, sized, digest-named pointer to content (OCI image-spec 1.1, descriptor.md).

Invariant: size is a non-negative integer and digest well formed, so a reader may allocate and name
files by them; unknown fields are kept so that a descriptor round-trips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest

REF_NAME = "org.opencontainers.image.ref.name"


class InvalidDescriptor(ChampError):
    """A document's descriptor lacks a field or has one of the wrong type."""

    id = "oci.invalid-descriptor"
    exit_code = ExitCode.CORRUPT
    message = "A descriptor is malformed at “{field}”: {found}."
    remedy = "The document was not written by a conforming tool; obtain it again from its source."


@dataclass(frozen=True)
class Descriptor:
    """Points at `size` bytes named `digest`, to be read as `media_type`."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""
    platform: Mapping[str, Any] | None = field(default=None, hash=False)

    @classmethod
    def from_document(
        cls, document: object, digests: Callable[[object], Digest] = Digest.parse
    ) -> Descriptor:
        """Read a JSON object; `digests` says which are accepted.

        Raises InvalidDescriptor or InvalidDigest.
        """
        if not isinstance(document, dict):
            raise InvalidDescriptor(field="descriptor", found=str(document)[:80])
        media_type, size = document.get("mediaType"), document.get("size")
        if not isinstance(media_type, str):
            raise InvalidDescriptor(field="mediaType", found=str(media_type)[:80])
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidDescriptor(field="size", found=str(size)[:80])
        annotations = document.get("annotations") or {}
        if not isinstance(annotations, dict):
            raise InvalidDescriptor(field="annotations", found=str(annotations)[:80])
        platform = document.get("platform")
        if not isinstance(platform, dict | None):
            raise InvalidDescriptor(field="platform", found=str(platform)[:80])
        return cls(
            media_type=media_type,
            digest=digests(document.get("digest")),
            size=size,
            annotations={str(key): str(value) for key, value in annotations.items()},
            artifact_type=str(document.get("artifactType") or ""),
            platform=platform,
        )

    def to_document(self) -> dict[str, Any]:
        """The JSON object, without the fields that are empty."""
        document: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.platform:
            document["platform"] = dict(self.platform)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document

    def named(self, reference: str) -> Descriptor:
        """The same content under a name (`org.opencontainers.image.ref.name`)."""
        return replace(self, annotations={**self.annotations, REF_NAME: reference})
