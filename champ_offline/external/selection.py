"""What is to be at an external registry: everything that bundles brought, name by name.

Invariant: in each name, children come before what names them and subjects before what refers to
them, so whoever pulls while a push is under way never finds half of anything. Only manifests whose
bytes hash to their name are followed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, as_referrer
from champ_offline.store.blobs import BlobDamaged, BlobStore
from champ_offline.store.refs import Refs


@dataclass(frozen=True)
class Entry:
    """A manifest of a name; `referrer` is how it is listed where it has a subject."""

    descriptor: Descriptor
    subject: Digest | None = None
    referrer: Descriptor | None = None


@dataclass
class Consignment:
    """One name of the zone: its blobs, its manifests in the order of pushing, and its tags."""

    name: str
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    manifests: dict[Digest, Entry] = field(default_factory=dict)
    tags: dict[str, Descriptor] = field(default_factory=dict)

    @property
    def content(self) -> Iterator[Digest]:
        """All that is read of the store to push it."""
        yield from self.blobs
        yield from self.manifests
        yield from (at.digest for at in self.tags.values())

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs.values())


class Selection:
    """Over the names and the store of one zone."""

    def __init__(self, refs: Refs, blobs: BlobStore) -> None:
        self._refs, self._blobs = refs, blobs

    def of(self, names: Collection[str]) -> list[Consignment]:
        """What belongs to `names`, sorted; raises BlobMissing, BlobDamaged for manifests.

        Tags are those that bundles brought: what clients pushed is no bundle's content.
        """
        found = {name: Consignment(name) for name in sorted(names)}
        for ref in self._refs.all():
            if ref.name in found:
                found[ref.name].tags[ref.tag] = ref.descriptor
        for one in found.values():
            roots = {root.digest: root for root in self._refs.manifests(one.name)}
            for root in roots.values():
                self._add(one, root, roots)
        return list(found.values())

    def read(self, digest: Digest) -> bytes:
        """The bytes of a manifest, hashed; raises BlobMissing, BlobDamaged, BlobTooLarge."""
        data = self._blobs.read(digest)
        if Digest.of(data, digest.algorithm) != digest:
            raise BlobDamaged(digest=digest)
        return data

    def _add(self, found: Consignment, one: Descriptor, roots: Mapping[Digest, Descriptor]) -> None:
        """A manifest, its subject and what is below it before it, and what refers to it after."""
        data = self.read(one.digest)
        manifest = Manifest.from_bytes(data)
        subject = manifest.subject.digest if manifest.subject else None
        if subject and subject in roots and subject not in found.manifests:
            self._add(found, roots[subject], roots)
        if one.digest in found.manifests:
            return
        for child in manifest.children:
            if child.media_type in media_types.DOCUMENTS:
                self._add(found, child, roots)
            elif self._travels(child):
                found.blobs[child.digest] = child
        whole = Descriptor(manifest.media_type, one.digest, len(data))
        found.manifests[one.digest] = Entry(whole, subject, as_referrer(data) if subject else None)
        for referrer in self._refs.referrers(one.digest):
            self._add(found, referrer, roots)

    def _travels(self, blob: Descriptor) -> bool:
        """Layers that may not be passed on go along only where the bundle had them."""
        return blob.media_type not in media_types.NOT_DISTRIBUTED or self._blobs.has(blob.digest)
