"""The bills of materials that a zone holds, each under the image whose packages it lists.

Invariant: nothing is kept: what is found is what names and referrers lead to at that moment. Every
image is accounted for, so nobody takes an image without a list for one without the package.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.bundle.sbom.document import (
    LIMIT,
    Component,
    SbomMalformed,
    components,
    generator,
)
from champ_offline.bundle.sbom.versions import general_key
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.manifest import Manifest
from champ_offline.oci.reference import InvalidReference, Reference
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs

_LAYERS = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")


class ImageUnknown(ChampError):
    """The zone has no image of that name or digest."""

    id = "sbom.image-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "This zone has no image “{image}”."
    remedy = "Name it as `champ sbom find` shows it, or by the digest of its manifest."


class SbomMissing(ChampError):
    """Nobody attached a list of packages to the image."""

    id = "sbom.missing"
    exit_code = ExitCode.NOT_FOUND
    message = "The image {image} came without a list of its packages."
    remedy = "Pack and import its bundle again, without --no-sbom."


@dataclass(frozen=True)
class Image:
    """An image of the zone; `names` with their tags, or held to the digest where a tag moved on.

    `lists` are the blobs of its bills of materials: none, one, or one for each generator.
    """

    digest: Digest
    names: tuple[str, ...]
    lists: tuple[Descriptor, ...]


def is_image(manifest: Manifest) -> bool:
    """Whether a manifest is of files in layers, not of a chart, an app or a document."""
    types = [layer.media_type for layer in manifest.layers]
    return bool(types) and all(name.startswith(_LAYERS) for name in types)


class Shelf:
    """Reads the bills of materials of one zone."""

    def __init__(self, refs: Refs, blobs: BlobStore) -> None:
        self._refs, self._blobs = refs, blobs

    def images(self) -> tuple[Image, ...]:
        """Every image that a bundle brought, by name, also one that lost its tag to a newer one."""
        found = [
            Image(digest, tuple(sorted(names)), self._lists(digest))
            for digest, names in self._names().items()
            if is_image(Manifest.from_bytes(self._blobs.read(digest)))
        ]
        return tuple(sorted(found, key=lambda image: (image.names, image.digest)))

    def image(self, text: str) -> Image:
        """The image of that reference, or of that manifest digest; raises ImageUnknown."""
        wanted = self._digest(text)
        for image in self.images():
            if image.digest == wanted:
                return image
        raise ImageUnknown(image=text[:300])

    def held(self, digest: Digest, name: str) -> Image:
        """The image of that manifest under one of its names; nothing else is looked through."""
        return Image(digest, (name,), self._lists(digest))

    def document(self, image: Image) -> bytes:
        """Its bill of materials, the newest generator's; raises SbomMissing, SbomMalformed."""
        found = [self._read(image, one) for one in image.lists]
        if not found:
            raise SbomMissing(image=image.names[0])
        return max(found, key=lambda data: (general_key(generator(data, image.names[0])), data))

    def packages(self, image: Image, text: str = "") -> tuple[Component, ...]:
        """What its lists have with `text` in its name, each once; raises SbomMalformed."""
        name = image.names[0]
        found = (components(self._read(image, one), name, text) for one in image.lists)
        return tuple(dict.fromkeys(package for several in found for package in several))

    def _read(self, image: Image, document: Descriptor) -> bytes:
        if document.size > LIMIT:
            reason = Phrase(
                "it has {size} bytes; {limit} are read", size=document.size, limit=LIMIT
            )
            raise SbomMalformed(image=image.names[0], reason=reason)
        return self._blobs.read(document.digest, LIMIT)

    def _names(self) -> dict[Digest, set[str]]:
        names: dict[Digest, set[str]] = {}
        for ref in self._refs.all():
            names.setdefault(ref.descriptor.digest, set()).add(f"{ref.name}:{ref.tag}")
        tagged = frozenset(names)
        for name in self._refs.names():
            for manifest in self._refs.manifests(name):
                if manifest.digest not in tagged:
                    pinned = f"{name}@{manifest.digest}"
                    names.setdefault(manifest.digest, set()).add(pinned)
        return names

    def _lists(self, image: Digest) -> tuple[Descriptor, ...]:
        return tuple(
            layer
            for referrer in self._refs.referrers(image)
            if referrer.artifact_type == media_types.CYCLONEDX
            for layer in Manifest.from_bytes(self._blobs.read(referrer.digest)).layers
            if layer.media_type == media_types.CYCLONEDX
        )

    def _digest(self, text: str) -> Digest | None:
        try:
            if text.startswith("sha256:"):
                return Digest.parse(text)
            wanted = Reference.parse(text)
        except (InvalidReference, InvalidDigest) as error:
            raise ImageUnknown(image=text[:300]) from error
        found = wanted.digest or self._refs.resolve(wanted.name, wanted.tag)
        return found.digest if isinstance(found, Descriptor) else found
