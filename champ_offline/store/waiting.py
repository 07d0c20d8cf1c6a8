"""The waiting room beside a store: verified blobs of an import under way, whole or in pieces.

Invariant: nothing here is ever served; a blob under `sha256/` has been hashed to its name.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.pieces import Pieces


def _size(path: Path) -> int:
    """What a file takes on the disk: what is not filled yet takes nothing."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    return min(found.st_size, found.st_blocks * 512) if stat.S_ISREG(found.st_mode) else 0


class WaitingRoom:
    """All that waits under one folder, on the file system of the store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = BlobStore(root)
        self.pieces = Pieces(root / "pieces")

    def join(self, blob: Digest) -> bool:
        """Put a blob together whose every piece is here; False when they are not that blob."""
        return self.pieces.join(blob, self.blobs.path(blob))

    def forget(self, blobs: Iterable[Digest]) -> None:
        """Let go of blobs and of what is here of them."""
        for blob in blobs:
            self.blobs.remove(blob)
            self.pieces.forget(blob)

    def clear(self) -> int:
        """Let go of everything; returns how many bytes that frees."""
        size = self.size
        self.remove_partials()
        self.forget(list(self.blobs))
        self.pieces.clear()
        return size

    @property
    def size(self) -> int:
        """Bytes that wait on the disk, half-written files too; an import may be under way."""
        return sum(_size(path) for path in self.root.rglob("*"))

    @property
    def count(self) -> int:
        """How many blobs wait, whole ones and those of which pieces are here."""
        return sum(1 for _ in self.blobs) + len(self.pieces)

    def remove_partials(self) -> None:
        """Clear what killed writers left; the caller holds the zone's lock."""
        self.blobs.remove_partials()
        self.pieces.remove_partials()
