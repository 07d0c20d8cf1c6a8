"""From a recipe's image entry to its locked digest, and from the lock to the bytes.

Invariant: what `fetch` returns has the digest that the lock says, whatever its source; blobs that
the cache already holds whole are not fetched again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from champ_offline import __version__
from champ_offline.bundle.lock import LockedImage, LockOutdated
from champ_offline.bundle.recipe import (
    FromArchive,
    FromDebian,
    FromDocker,
    FromRegistry,
    ImageEntry,
    Source,
)
from champ_offline.bundle.sources.source import ImageSource, Platform
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import Phrase
from champ_offline.events import StepFinished, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, encode
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore


class Origins:
    """Images at their sources, through a cache on the connected side."""

    def __init__(self, cache: Path, blobs: BlobStore) -> None:
        self._cache, self._blobs = cache, blobs

    def lock(self, entry: ImageEntry, notify: Subscriber) -> LockedImage:
        """What the entry means now; raises the errors of its source."""
        name = str(entry.name)
        notify(StepStarted("lock", name))
        if isinstance(entry.source, FromDebian):
            locked = self._lock_debian(name, entry.source, notify)
        else:
            locked = LockedImage(name, _source(entry.source).pin(notify).digest)
        notify(StepFinished("lock", name))
        return locked

    def fetch(self, entry: ImageEntry, locked: LockedImage, notify: Subscriber) -> Descriptor:
        """The locked image, whole in the blob store; raises LockOutdated, errors of its source."""
        if isinstance(entry.source, FromDebian):
            _refuse_edited(entry.source, locked)
        cached = self._cached(locked.digest)
        if cached is not None:
            return cached
        notify(StepStarted("fetch", locked.name))
        if isinstance(entry.source, FromDebian):
            found = self._build(entry.source, locked, notify)
        else:
            found = _source(entry.source).fetch(locked.digest, self._blobs, notify)
        notify(StepFinished("fetch", locked.name))
        return found

    def _lock_debian(self, name: str, source: FromDebian, notify: Subscriber) -> LockedImage:
        from champ_offline.bundle import debian

        pinned = debian.resolve(source.description, self._cache, notify)
        document = pinned.to_document()
        remembered = self._built(document)
        if not remembered.is_file() or not self._cached(_digest_in(remembered)):
            built = debian.build(source.description, pinned, self._cache, self._blobs, notify)
            make_directory(remembered.parent)
            write_atomic(remembered, str(built.digest).encode())
        return LockedImage(name, _digest_in(remembered), document)

    def _built(self, document: dict[str, Any]) -> Path:
        """Where the cache remembers what this release of the product made of a lock document."""
        return self._cache / "built" / Digest.of(encode([__version__, document])).hex

    def _build(self, source: FromDebian, locked: LockedImage, notify: Subscriber) -> Descriptor:
        from champ_offline.bundle import debian

        pinned = debian.DebianLock.from_document(locked.debian)
        built = debian.build(source.description, pinned, self._cache, self._blobs, notify)
        if built.digest != locked.digest:
            what = f"{locked.name} is now built as {built.digest}, locked is {locked.digest}"
            raise LockOutdated(path=source.description, what=what)
        return built

    def _cached(self, digest: Digest) -> Descriptor | None:
        """The descriptor of a manifest whose every blob the cache holds, or None."""
        if not self._blobs.has(digest):
            return None
        data = self._blobs.read(digest)
        manifest = Manifest.from_bytes(data)
        for child in manifest.children:
            nested = child.media_type in media_types.DOCUMENTS
            if not self._blobs.has(child.digest) or (nested and not self._cached(child.digest)):
                return None
        return Descriptor(manifest.media_type, digest, len(data))


def _refuse_edited(source: FromDebian, locked: LockedImage) -> None:
    """Raise LockOutdated where the image's description is not the locked one."""
    from champ_offline.bundle import debian

    description = debian.DebianLock.from_document(locked.debian).description
    if debian.ImageDescription.from_file(source.description).digest != description:
        raise LockOutdated(
            path=source.description, what=Phrase("{name} was edited since", name=locked.name)
        )


def _digest_in(file: Path) -> Digest:
    return Digest.parse(file.read_text("ascii", "replace"))


def _source(source: Source) -> ImageSource:
    """The reader of one kind of source; its library is loaded only here."""
    if isinstance(source, FromRegistry):
        from champ_offline.bundle.sources.registry import RegistrySource

        return RegistrySource(
            Reference.parse(source.reference),
            platform=Platform.parse(source.platform),
            plain_http=source.plain_http,
            ca_file=source.ca_file,
        )
    if isinstance(source, FromDocker):
        from champ_offline.bundle.sources.docker_engine import DockerEngineSource

        return DockerEngineSource(source.reference, host=source.host)
    if isinstance(source, FromArchive):
        from champ_offline.bundle.sources.archive import ArchiveSource

        return ArchiveSource(source.path, name=source.image)
    raise TypeError(source)
