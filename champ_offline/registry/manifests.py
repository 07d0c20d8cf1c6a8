"""The bytes of manifests, as they were when they hashed to their names.

Invariant: what is given out hashed to the digest it is given for. Small ones are kept in memory,
and given from there only while the store has the very file they were read from: same size, times
and inode. One thread uses a `Manifests`.
"""

from __future__ import annotations

from collections import OrderedDict

from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMissing, BlobStore, BlobTooLarge, Stamp

_KIB = 1024


class Manifests:
    """Reads manifests and indexes of one store; keeps `most` bytes of those of at most `small`."""

    def __init__(
        self, blobs: BlobStore, small: int = 64 * _KIB, most: int = 16 * _KIB * _KIB
    ) -> None:
        self._blobs, self._small, self._most = blobs, small, most
        self._kept: OrderedDict[Digest, tuple[Stamp, bytes]] = OrderedDict()
        self._size = 0

    def read(self, wanted: Descriptor) -> bytes | None:
        """The manifest's bytes; None where the store's file is missing or damaged.

        Raises StoreGone.
        """
        digest = wanted.digest
        try:
            stamp = self._blobs.stamp(digest)
            if stamp.size != wanted.size:
                return None
            kept = self._kept.get(digest)
            if kept is not None and kept[0] == stamp:
                self._kept.move_to_end(digest)
                return kept[1]
            data = self._blobs.read(digest)
        except (BlobMissing, BlobTooLarge):
            return None
        if len(data) != wanted.size or Digest.of(data, digest.algorithm) != digest:
            return None
        if len(data) <= self._small:
            self._keep(digest, stamp, data)
        return data

    def _keep(self, digest: Digest, stamp: Stamp, data: bytes) -> None:
        _, before = self._kept.pop(digest, (stamp, b""))
        self._kept[digest] = (stamp, data)
        self._size += len(data) - len(before)
        while self._size > self._most:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._size -= len(oldest)
