"""Which content a repository of the zone has: what its refs and links lead to, and nothing else.

Invariant: in a repository of a bundle only digests reachable from what bundles gave it are found,
from manifests down to their children and on to what refers to them; in any other, what clients
pushed to it or mounted into it; each with the size that was recorded. What a repository has is
remembered until somebody commits to the zone's database, another process or this one: no request
reads the tables where nothing changed. Manifests never change under a digest, so what one says is
remembered longer. One thread uses a `Content`.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.registry.manifests import Manifests
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Kind, Links
from champ_offline.store.mark import StoreGone
from champ_offline.store.refs import Refs
from champ_offline.store.verified import Verified

_K = TypeVar("_K")
_V = TypeVar("_V")
_DOCUMENTS = 4096
_REPOSITORIES = 512


@dataclass(frozen=True)
class Document:
    """What the registry needs to know of one manifest or index."""

    children: tuple[Descriptor, ...] = ()
    subject: Digest | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


_UNREADABLE = Document()


@dataclass
class Holdings:
    """All that one repository has.

    `blobs` is whatever can be had by digest alone, `manifests` what counts as one, `referring` the
    manifests by their subject. `unread` is a manifest of it that cannot be read, and what
    is below that one is not known.
    """

    owned: bool = False
    tags: dict[str, Descriptor] = field(default_factory=dict)
    blobs: dict[Digest, Descriptor] = field(default_factory=dict)
    manifests: dict[Digest, Descriptor] = field(default_factory=dict)
    referring: defaultdict[Digest, dict[Digest, Descriptor]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    unread: Digest | None = None

    @property
    def exists(self) -> bool:
        """Whether the zone has such a repository."""
        return bool(self.tags or self.blobs or self.manifests)


class Content:
    """The zone's repositories, read-only."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self.blobs = blobs
        self.manifests = Manifests(blobs)
        self.refs = Refs(database)
        self.links = Links(database)
        self.verified = Verified(database)
        self._database = database
        self._changes: object = None
        self._names: list[str] | None = None
        self._known: OrderedDict[str, Holdings] = OrderedDict()
        self._absent: OrderedDict[str, Holdings] = OrderedDict()
        self._documents: OrderedDict[Digest, Document] = OrderedDict()

    def names(self) -> list[str]:
        """All repositories, sorted."""
        self._forget_what_changed()
        if self._names is None:
            self._names = sorted({*self.refs.names(), *self.links.names()})
        return self._names

    def of(self, name: str) -> Holdings:
        """What the repository has now; empty for one that is not there."""
        self._forget_what_changed()
        found = _remembered(self._known, name) or _remembered(self._absent, name)
        if found is None:
            found = self._read(name)
            # Kept apart: names that clients make up shall not push out the real ones.
            shelf = self._known if found.exists else self._absent
            if found.unread is None:
                _remember(shelf, name, found, _REPOSITORIES)
        return found

    def owned(self, name: str) -> bool:
        """Whether a bundle brought the repository."""
        return self.of(name).owned

    def find(self, name: str, digest: Digest) -> Descriptor | None:
        """The descriptor of `digest` in the repository, or None when it has no such content."""
        return self.of(name).blobs.get(digest)

    def referrers(self, name: str, digest: Digest) -> list[Descriptor]:
        """The manifests of the repository whose subject is `digest`, sorted by digest."""
        found = self.of(name).referring.get(digest, {})
        return [self._described(found[key]) for key in sorted(found)]

    def holders(self, digest: Digest) -> Iterator[str]:
        """The repositories that have the blob: those it was pushed to, then bundles' own."""
        yield from self.links.holders(digest)
        yield from (name for name in self.refs.names() if digest in self.of(name).blobs)

    def _forget_what_changed(self) -> None:
        changes = self._database.changes()
        if changes != self._changes:
            self._known.clear()
            self._absent.clear()
            self._names = None
            self._changes = changes

    def _read(self, name: str) -> Holdings:
        found = Holdings(owned=self.refs.owned(name), tags=self.refs.tagged(name))
        if found.owned:
            self._follow_bundles(name, found)
            return found
        for link in self.links.of(name):
            kind = found.manifests if link.kind is Kind.MANIFEST else found.blobs
            kind.setdefault(link.descriptor.digest, link.descriptor)
            if link.subject is not None:
                found.referring[link.subject][link.descriptor.digest] = link.descriptor
        return found

    def _follow_bundles(self, name: str, found: Holdings) -> None:
        waiting = self.refs.manifests(name)
        while waiting:
            descriptor = waiting.pop()
            if descriptor.digest in found.blobs:
                continue
            found.blobs[descriptor.digest] = descriptor
            if descriptor.media_type not in media_types.DOCUMENTS:
                continue
            found.manifests[descriptor.digest] = descriptor
            document = self._document(descriptor)
            if document is _UNREADABLE:
                found.unread = descriptor.digest
            if document.subject is not None:
                found.referring[document.subject][descriptor.digest] = descriptor
            waiting.extend(document.children)
            waiting.extend(self.refs.referrers(descriptor.digest))

    def _described(self, descriptor: Descriptor) -> Descriptor:
        """As a list of referrers has it: with its artifact type and its own annotations."""
        document = self._document(descriptor)
        return replace(
            descriptor,
            artifact_type=document.artifact_type,
            annotations=dict(document.annotations),
        )

    def _document(self, descriptor: Descriptor) -> Document:
        known = _remembered(self._documents, descriptor.digest)
        if known is not None:
            return known
        try:
            document = _read(self.blobs.read(descriptor.digest))
        except StoreGone:
            raise
        except ChampError:
            # Missing or damaged: the content under it is not served, everything else is. It is not
            # remembered, so a repaired store is served again without a restart.
            return _UNREADABLE
        _remember(self._documents, descriptor.digest, document, _DOCUMENTS)
        return document


def _remembered(shelf: OrderedDict[_K, _V], key: _K) -> _V | None:
    """What the shelf has, marked as used last."""
    if key in shelf:
        shelf.move_to_end(key)
    return shelf.get(key)


def _remember(shelf: OrderedDict[_K, _V], key: _K, value: _V, most: int) -> None:
    """Put it on the shelf; beyond `most` of them, what was used longest ago goes."""
    shelf[key] = value
    if len(shelf) > most:
        shelf.popitem(last=False)


def _read(data: bytes) -> Document:
    manifest = Manifest.from_bytes(data, Digest.parse_registered)
    return Document(
        children=manifest.children,
        subject=None if manifest.subject is None else manifest.subject.digest,
        artifact_type=manifest.kind,
        annotations=tuple(manifest.annotations.items()),
    )
