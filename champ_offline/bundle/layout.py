"""A bundle's contents as the files of one OCI image layout (image-spec 1.1, image-layout.md).

Invariant: the same contents give the same members in the same order, parents before what they
lead to, each blob once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from champ_offline.bundle.document import Content
from champ_offline.bundle.volume import CHUNK, INDEX_FILE, LAYOUT_FILE, Member
from champ_offline.errors import Bytes, ChampError, ExitCode
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, Manifest, encode, image_index
from champ_offline.store.blobs import BlobStore

LAYOUT = encode({"imageLayoutVersion": "1.0.0"})


@dataclass(frozen=True)
class Contents:
    """What is to be packed: descriptors named by reference, found with all below in a store.

    `referrers` are manifests with a `subject` among the rest, each with artifactType and
    annotations as a registry lists it (`oci.manifest.as_referrer`). `image_key` is the PEM of the
    key that signed the images (`bundle.signatures`), empty where none did.
    """

    name: str
    version: str
    zones: tuple[str, ...]
    descriptors: tuple[Descriptor, ...]
    apps: tuple[Content, ...]
    images: tuple[str, ...]
    referrers: tuple[Descriptor, ...] = ()
    image_key: str = ""


class TooManyNames(ChampError):
    """A bundle whose index.json would be larger than a zone reads."""

    id = "pack.too-many-names"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "The bundle has too many images, charts and apps: its index.json would have {size}, and"
        " zones read {limit}."
    )
    remedy = "Divide the recipe into several bundles."


class Layout:
    """The files of a layout: its own two documents, then every blob below the contents."""

    def __init__(self, blobs: BlobStore, contents: Contents) -> None:
        """Raises TooManyNames, BlobMissing where a document that leads on is not in the store."""
        self._blobs = blobs
        listed = (*contents.descriptors, *contents.referrers)
        index = image_index(list(listed))
        if len(index) > LIMIT:
            raise TooManyNames(size=Bytes(len(index)), limit=Bytes(LIMIT))
        self._documents = {LAYOUT_FILE: LAYOUT, INDEX_FILE: index}
        own = [Member(name, len(d), Digest.of(d)) for name, d in self._documents.items()]
        self.members = (*own, *self._blobs_below(listed))

    @property
    def index(self) -> Descriptor:
        """The layout's index.json."""
        data = self._documents[INDEX_FILE]
        return Descriptor(media_types.IMAGE_INDEX, Digest.of(data), len(data))

    def open(self, member: Member) -> BinaryIO:
        """The member's bytes from its first on; of a piece, with the rest of its blob behind."""
        if member.blob is None:
            return BytesIO(self._documents[member.name])
        file = self._blobs.open(member.blob)
        file.seek(member.offset or 0)
        return file

    def digest(self, member: Member) -> Digest:
        """The SHA-256 of the member's bytes as they are in the store."""
        found, left = hashlib.sha256(), member.size
        with self.open(member) as file:
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                found.update(chunk)
        return Digest(found.hexdigest())

    def _blobs_below(self, descriptors: Sequence[Descriptor]) -> list[Member]:
        found: dict[Digest, Member] = {}
        for descriptor in descriptors:
            for blob in self._closure(descriptor):
                found.setdefault(blob.digest, Member.of_blob(blob.digest, blob.size))
        return list(found.values())

    def _closure(self, descriptor: Descriptor) -> Iterator[Descriptor]:
        """`descriptor` and everything below it, parents first."""
        yield descriptor
        if descriptor.media_type in media_types.DOCUMENTS:
            for child in Manifest.from_bytes(self._blobs.read(descriptor.digest)).children:
                yield from self._closure(child)
