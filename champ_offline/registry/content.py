"""Which content a repository of the zone has: what its refs lead to, and nothing else of the store.

Invariant: only digests reachable from a ref of the repository are found, from manifests down to
their children and on to what refers to them, each with the size that was recorded; a ref written a
moment ago counts at once, because refs are read on every call. Manifests never change under a
digest, so what one says is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs

_REMEMBERED = 4096


@dataclass(frozen=True)
class Document:
    """What the registry needs to know of one manifest or index."""

    children: tuple[Descriptor, ...] = ()
    subject: Digest | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


_UNREADABLE = Document()


class Content:
    """The zone's repositories, read-only."""

    def __init__(self, blobs: BlobStore, refs: Refs) -> None:
        self.blobs = blobs
        self.refs = refs
        self._known: OrderedDict[Digest, Document] = OrderedDict()

    def tagged(self, name: str, tag: str) -> Descriptor | None:
        """What the tag means now."""
        return self.refs.resolve(name, tag)

    def find(self, name: str, digest: Digest) -> Descriptor | None:
        """The descriptor of `digest` in the repository, or None when it has no such content."""
        return next((found for found in self._reachable(name) if found.digest == digest), None)

    def referrers(self, name: str, digest: Digest) -> list[Descriptor]:
        """The manifests of the repository whose subject is `digest`, sorted by digest."""
        found: dict[Digest, Descriptor] = {}
        for descriptor in self._reachable(name):
            if descriptor.media_type in media_types.DOCUMENTS:
                document = self._document(descriptor)
                if document.subject == digest:
                    found[descriptor.digest] = replace(
                        descriptor,
                        artifact_type=document.artifact_type,
                        annotations=dict(document.annotations),
                    )
        return [found[key] for key in sorted(found)]

    def _reachable(self, name: str) -> Iterator[Descriptor]:
        waiting = self.refs.manifests(name)
        seen: set[Digest] = set()
        while waiting:
            descriptor = waiting.pop()
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            yield descriptor
            if descriptor.media_type in media_types.DOCUMENTS:
                waiting.extend(self._document(descriptor).children)
                waiting.extend(self.refs.referrers(descriptor.digest))

    def _document(self, descriptor: Descriptor) -> Document:
        known = self._known.get(descriptor.digest)
        if known is not None:
            self._known.move_to_end(descriptor.digest)
            return known
        try:
            document = _read(self.blobs.read(descriptor.digest))
        except ChampError:
            # Missing or damaged: the content under it is not served, everything else is. It is not
            # remembered, so a repaired store is served again without a restart.
            return _UNREADABLE
        self._known[descriptor.digest] = document
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return document


def _read(data: bytes) -> Document:
    manifest = Manifest.from_bytes(data)
    return Document(
        children=manifest.children,
        subject=None if manifest.subject is None else manifest.subject.digest,
        artifact_type=manifest.kind,
        annotations=tuple(manifest.annotations.items()),
    )
