"""Blobs coming together from pieces that arrive in any order (layout: FORMAT.md beside this file).

Invariant: a range counts only when its mark exists, which is written after its bytes were hashed
and synced; a blob leaves this folder only after the whole of it has been hashed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from champ_offline.durable.write import (
    DurableSlice,
    make_directory,
    remove_partials,
    rename_all,
    write_atomic,
)
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMismatch

_MODE = 0o444


class Pieces:
    """Unfinished blobs under one folder; who holds the zone's lock writes.

    `<hex>` is the blob at its whole size, `<hex>.<offset>-<size>` the mark of a range that counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, blob: Digest, offset: int, size: int, whole: int) -> bool:
        """Whether those bytes of the blob are here, checked and durable."""
        return self.mark(blob, offset, size).is_file() and self.fits(blob, whole)

    def fits(self, blob: Digest, whole: int) -> bool:
        """Whether the blob was begun, at that size."""
        path = self.path(blob)
        return path.is_file() and path.stat().st_size == whole

    def path(self, blob: Digest) -> Path:
        """Where the blob comes together."""
        return self._folder / blob.hex

    def mark(self, blob: Digest, offset: int, size: int) -> Path:
        """The file that says of a range that it counts."""
        return self._folder / f"{blob.hex}.{offset}-{size}"

    def writer(self, blob: Digest, offset: int, whole: int) -> PieceWriter:
        """Bytes of a blob from `offset` on; they count once committed."""
        make_directory(self._folder)
        if not self.fits(blob, whole):
            self.forget(blob)
        return PieceWriter(self, blob, offset, whole)

    def join(self, blob: Digest, target: Path) -> bool:
        """Move a blob whose every piece is here to `target`, on the same file system.

        False when the bytes are not the blob's. The pieces are gone either way.
        """
        path = self.path(blob)
        with path.open("rb") as file:
            sound = hashlib.file_digest(file, "sha256").hexdigest() == blob.hex
        if sound:
            path.chmod(_MODE)
            rename_all([(path, target)])
        self.forget(blob)
        return sound

    def forget(self, blob: Digest) -> None:
        """Let go of what is here of the blob, marks first."""
        for mark in self._files(f"{blob.hex}.*"):
            mark.unlink()
        self.path(blob).unlink(missing_ok=True)

    def clear(self) -> None:
        """Let go of everything, marks first."""
        for mark in self._files("*.*"):
            mark.unlink()
        for path in self._files("*"):
            path.unlink()

    def __len__(self) -> int:
        """How many blobs are coming together."""
        return sum("." not in path.name for path in self._files("*"))

    def remove_partials(self) -> None:
        """Clear what killed writers left."""
        if self._folder.is_dir():
            remove_partials(self._folder)

    def _files(self, pattern: str) -> list[Path]:
        return list(self._folder.glob(pattern)) if self._folder.is_dir() else []


class PieceWriter:
    """As `BlobWriter`, for one piece of a blob."""

    def __init__(self, pieces: Pieces, blob: Digest, offset: int, whole: int) -> None:
        self._pieces, self._blob, self._offset = pieces, blob, offset
        self._slice = DurableSlice(pieces.path(blob), offset, whole)
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._slice.__exit__(*exception)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        self._hash.update(data)
        self._slice.write(data)
        self._size += len(data)

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """Make the piece count; raises BlobMismatch where other bytes were announced."""
        digest = Digest(self._hash.hexdigest())
        if expected not in {None, digest} or size not in {None, self._size}:
            raise BlobMismatch(expected=expected, expected_size=size, found=digest, size=self._size)
        self._slice.commit()
        write_atomic(self._pieces.mark(self._blob, self._offset, self._size), b"")
        return digest
