"""How many bytes of the store apps need, and how many of them no other app needs.

Invariant: content that several images share counts once for an app. What the store lacks makes a
size unknown, never smaller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from champ_offline.catalog.entry import AppEntry
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMissing, BlobStore
from champ_offline.store.reach import ManifestUnreadable, Reach


@dataclass(frozen=True)
class Size:
    """Bytes of chart, images and files; `own` those that no other version of any app needs."""

    whole: int
    own: int


class Sizes:
    """Measures the apps of one store; each manifest is read once."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs, self._reach = blobs, Reach(blobs)

    def of(self, apps: Sequence[AppEntry]) -> tuple[Size | None, ...]:
        """The size of each, beside the others; None where the store lacks something of it."""
        held = [self.blobs(app) for app in apps]
        users = Counter(digest for blobs in held for digest in blobs or ())
        return tuple(blobs if blobs is None else _size(blobs, users) for blobs in held)

    def image(self, digest: Digest) -> int | None:
        """The bytes of an image with everything it leads to; None where something is lacking."""
        try:
            return sum(self._below([digest]).values())
        except (BlobMissing, ManifestUnreadable):
            return None

    def blobs(self, app: AppEntry) -> dict[Digest, int] | None:
        """Everything the app needs of the store, with its bytes; None where something is lacking.

        Raises StoreGone.
        """
        files = {file.digest: file.size for file in app.files.values()}
        try:
            return files | self._below([app.chart.digest, *app.images.values()])
        except (BlobMissing, ManifestUnreadable):
            return None

    def _below(self, manifests: Sequence[Digest]) -> dict[Digest, int]:
        roots = [
            Descriptor(media_types.IMAGE_MANIFEST, digest, self._blobs.size(digest))
            for digest in manifests
        ]
        return {one.digest: one.size for one in self._reach.below(roots)}


def _size(blobs: dict[Digest, int], users: Counter[Digest]) -> Size:
    own = sum(size for digest, size in blobs.items() if users[digest] == 1)
    return Size(sum(blobs.values()), own)
