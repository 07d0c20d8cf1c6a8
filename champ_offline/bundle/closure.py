"""Following a bundle's index.json to everything below it, before any of it gets a name.

Invariant: what is linked is there whole with the size its descriptor gives, as what the descriptor
says it is, down to the last layer; and nothing came along that the index does not lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from champ_offline.bundle.errors import BundleIncomplete, LayoutFaulty
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import INDEX_FILE
from champ_offline.errors import Phrase, Reason
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, as_referrer
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Referrer

# Images of several platforms need two levels; readers of the store follow them by recursion.
_DEEPEST = 8
# Refuses named content of a kind that it knows: given a reader of blobs, the content and its name.
Vet: TypeAlias = Callable[[Callable[[Digest], bytes], Descriptor, str], None]
_KINDS = (media_types.INDEXES, media_types.MANIFESTS)


@dataclass(frozen=True)
class Links:
    """What one bundle makes reachable; `names` leads from repository and tag."""

    names: dict[tuple[str, str], Ref] = field(default_factory=dict)
    referrers: list[Referrer] = field(default_factory=list)


class Closure:
    """One bundle's content, found by digest in the store that `room` gives.

    `vet` refuses what has a name and cannot be used under it.
    """

    def __init__(
        self, bundle: VerifiedBundle, room: Callable[[Digest], BlobStore], vet: Vet
    ) -> None:
        self._name, self._whole = bundle.document.name, str(bundle.trusted.digest)
        self._room, self._vet = room, vet
        # Content counts as seen only as what it was taken for: a layer may be an index elsewhere.
        self._seen: dict[tuple[Digest, bool], int] = {}
        self._links = Links()

    def follow(self, index: bytes, blobs: Mapping[Digest, int]) -> Links:
        """The names and referrers of index.json; `blobs` is all that the bundle brought.

        Raises BundleIncomplete, LayoutFaulty, InvalidManifest, InvalidReference, and what `vet`
        raises.
        """
        top = Manifest.from_bytes(index)
        if top.media_type not in media_types.INDEXES:
            raise self._faulty(INDEX_FILE, Phrase("it is no index"))
        for descriptor in top.manifests:
            if descriptor.media_type not in media_types.DOCUMENTS:
                raise self._faulty(
                    descriptor.digest, Phrase("index.json leads to what is no manifest")
                )
            self._check(descriptor, INDEX_FILE, _DEEPEST)
            self._link(descriptor)
        found = {digest for digest, _document in self._seen}
        if stray := next((digest for digest in blobs if digest not in found), None):
            raise self._faulty(stray, Phrase("index.json does not lead to it"))
        return self._links

    def _link(self, descriptor: Descriptor) -> None:
        name = descriptor.annotations.get(REF_NAME)
        if name:
            self._name_it(Reference.parse(name), descriptor)
            return
        data = self._read(descriptor.digest)
        subject = Manifest.from_bytes(data).subject
        if subject is None:
            raise self._faulty(descriptor.digest, Phrase("it has neither a name nor a subject"))
        self._check(subject, str(descriptor.digest), _DEEPEST)
        self._links.referrers.append(Referrer(subject.digest, as_referrer(data), self._whole))

    def _name_it(self, reference: Reference, descriptor: Descriptor) -> None:
        stored = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
        ref = Ref(reference.name, reference.tag, stored, self._whole)
        known = self._links.names.setdefault((ref.name, ref.tag), ref)
        if reference.digest is not None or known != ref:
            raise self._faulty(reference, Phrase("the name is given twice, or with a digest"))
        self._vet(self._read, stored, str(reference))

    def _read(self, digest: Digest) -> bytes:
        return self._room(digest).read(digest)

    def _check(self, descriptor: Descriptor, parent: str, levels: int) -> None:
        digest, document = descriptor.digest, descriptor.media_type in media_types.DOCUMENTS
        room = self._room(digest)
        if not room.has(digest) or room.size(digest) != descriptor.size:
            raise BundleIncomplete(bundle=self._name, blob=digest, parent=parent)
        if not levels:
            raise self._faulty(digest, Phrase("indexes lead to indexes too deeply"))
        if self._seen.get((digest, document), 0) >= levels:
            return
        self._seen[digest, document] = levels
        if document:
            manifest = Manifest.from_bytes(room.read(digest))
            if not any({descriptor.media_type, manifest.media_type} <= kind for kind in _KINDS):
                raise self._faulty(digest, Phrase("it is no {kind}", kind=descriptor.media_type))
            for child in manifest.children:
                self._check(child, str(digest), levels - 1)

    def _faulty(self, where: object, reason: Reason) -> LayoutFaulty:
        return LayoutFaulty(bundle=self._name, where=where, reason=reason)
