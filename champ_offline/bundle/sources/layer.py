"""Hashes one layer while it streams by, into the blob store or past it.

Invariant: the digest of the bytes as given and the digest of the uncompressed tar (the diff ID of
OCI image-spec 1.1, config.md) come from the same single reading; memory does not grow with the
layer, whatever a gzip stream unfolds to.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from champ_offline.bundle.sources.source import CHUNK
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Layer:
    """A layer as found: its descriptor, and the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: Digest


class _Unzipped:
    """The SHA-256 of what a gzip stream (of one or several members) unfolds to."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._inflate = zlib.decompressobj(wbits=31)

    def update(self, data: bytes) -> None:
        """Feed compressed bytes; raises zlib.error when they are not gzip."""
        while data:
            self._hash.update(self._inflate.decompress(data, CHUNK))
            data = self._inflate.unconsumed_tail
            if self._inflate.eof:
                data = self._inflate.unused_data.lstrip(b"\0")
                self._inflate = zlib.decompressobj(wbits=31)

    def digest(self) -> Digest:
        """The digest at the end of the stream."""
        self._hash.update(self._inflate.flush())
        return Digest(self._hash.hexdigest())


def take(
    chunks: Iterable[bytes],
    blobs: BlobStore | None = None,
    wanted: Callable[[Digest], bool] = lambda _digest: True,
) -> Layer:
    """Hash a layer; with `blobs`, keep it there if its digest is `wanted`.

    Raises OSError as the disk does and zlib.error for a broken gzip stream.
    """
    plain, unzipped, size = hashlib.sha256(), _Unzipped(), 0
    zipped: bool | None = None
    with ExitStack() as stack:
        writer = stack.enter_context(blobs.writer()) if blobs else None
        for chunk in chunks:
            zipped = chunk.startswith(_GZIP) if zipped is None else zipped
            plain.update(chunk)
            size += len(chunk)
            if zipped:
                unzipped.update(chunk)
            if writer:
                writer.write(chunk)
        digest = Digest(plain.hexdigest())
        if writer and wanted(digest):
            writer.commit(expected=digest)
    media_type = media_types.LAYER_GZIP if zipped else media_types.LAYER_TAR
    diff_id = unzipped.digest() if zipped else digest
    return Layer(Descriptor(media_type, digest, size), diff_id)
