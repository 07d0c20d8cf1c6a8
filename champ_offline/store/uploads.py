"""Blobs that clients are pushing: a row and a growing file each (layout: FORMAT.md here).

Invariant: nothing here is ever served; a file leaves this folder only after the whole of it was
hashed to the digest the client announced, into the store, in the transaction that links it. How far
an upload came is the length of its file, so a restart forgets nothing but the running hash, which
is made again from the file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from champ_offline.durable.database import Database
from champ_offline.durable.write import GrowingFile, make_directory
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMismatch, BlobStore

if TYPE_CHECKING:
    from hashlib import _Hash

_PIECE = 1024 * 1024
_SCHEMA = (
    """
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        client TEXT NOT NULL,
        algorithm TEXT NOT NULL,
        begun TEXT NOT NULL,
        written TEXT NOT NULL
    ) STRICT
    """,
)


@dataclass(frozen=True)
class Upload:
    """A blob on its way to repository `name`; times are ISO 8601 in UTC.

    `algorithm` is the one its bytes are hashed with while they come.
    """

    id: str
    name: str
    client: str
    algorithm: str
    begun: str
    written: str


@dataclass
class _Running:
    """The hash of the first `size` bytes of an upload."""

    state: _Hash
    size: int = 0


class Uploads:
    """All uploads under one folder, on the file system of the store; one process writes."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._running: dict[str, _Running] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        database.migrate("uploads", _SCHEMA)

    def begin(
        self, name: str, client: str, algorithm: str, now: str, most: tuple[int, int]
    ) -> Upload | None:
        """A new upload, or None where `most` are under way: of this client, of all."""
        made = Upload(str(uuid.uuid4()), name, client, algorithm, now, now)
        with self._database.transaction() as connection:
            sql = "SELECT count(*) FILTER (WHERE client = ?), count(*) FROM uploads"
            own, every = connection.execute(sql, (client,)).fetchone()
            if own >= most[0] or every >= most[1]:
                return None
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
                (made.id, name, client, algorithm, now, now),
            )
        return made

    def find(self, name: str, upload: str) -> Upload | None:
        """The upload with that id, if it is one to that repository."""
        sql = "SELECT * FROM uploads WHERE id = ? AND name = ?"
        rows = self._database.query(sql, (upload, name))
        return Upload(**dict(rows[0])) if rows else None

    def idle(self, before: str) -> list[Upload]:
        """The uploads to which nothing was written since `before`, oldest first."""
        sql = "SELECT * FROM uploads WHERE written < ? ORDER BY written"
        found = [Upload(**dict(row)) for row in self._database.query(sql, (before,))]
        return [one for one in found if one.id not in self._busy]

    def size(self, upload: Upload) -> int:
        """How many bytes of the blob are here."""
        path = self.path(upload)
        return path.stat().st_size if path.is_file() else 0

    def path(self, upload: Upload) -> Path:
        """Where its bytes come together."""
        return self._folder / upload.id

    def receive(self, upload: Upload) -> Reception | None:
        """Write on, inside `with`; None while somebody else does."""
        with self._lock:
            if upload.id in self._busy:
                return None
            self._busy.add(upload.id)
        try:
            make_directory(self._folder)
            running = self._hashed(upload)
            return Reception(self.path(upload), running, lambda: self._busy.discard(upload.id))
        except BaseException:
            self._busy.discard(upload.id)
            raise

    def _hashed(self, upload: Upload) -> _Running:
        """The running hash of what is here; read again where memory does not have it."""
        running, size = self._running.get(upload.id), self.size(upload)
        if running is None or running.size != size:
            running = _Running(hashlib.new(upload.algorithm))
            if size:
                with self.path(upload).open("rb") as file:
                    while piece := file.read(_PIECE):
                        running.state.update(piece)
                        running.size += len(piece)
            self._running[upload.id] = running
        return running

    def written(self, upload: Upload, now: str) -> None:
        """Remember that something was written."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE uploads SET written = ? WHERE id = ?", (now, upload.id))

    def verify(self, upload: Upload, digest: Digest) -> int:
        """The size of an upload whose bytes hash to `digest`; raises BlobMismatch."""
        if upload.algorithm == digest.algorithm:
            found = self._hashed(upload).state.hexdigest()
        else:
            with self.path(upload).open("rb") as file:
                found = hashlib.file_digest(file, digest.algorithm).hexdigest()
        size = self.size(upload)
        if found != digest.hex:
            raise BlobMismatch(expected=digest, expected_size=size, found=Digest(found), size=size)
        return size

    def finish(
        self, connection: sqlite3.Connection, upload: Upload, digest: Digest, blobs: BlobStore
    ) -> None:
        """Move what `verify` accepted into the store, inside the caller's transaction."""
        connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        blobs.take(self.path(upload), digest)

    def drop(self, upload: Upload) -> None:
        """Let go of an upload: its file, then its row."""
        self.path(upload).unlink(missing_ok=True)
        self.forget(upload)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))

    def forget(self, upload: Upload) -> None:
        """Let go of what memory holds of an upload that has ended."""
        self._running.pop(upload.id, None)


class Reception:
    """Bytes of one upload as they come: appended, hashed, and durable after `commit`."""

    def __init__(self, path: Path, running: _Running, end: Callable[[], None]) -> None:
        self._running, self._end = running, end
        self._file = GrowingFile(path)
        self._before = running.state.copy()
        self.start = self._file.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.__exit__(*exception)
        self._end()

    @property
    def size(self) -> int:
        """How many bytes of the blob are here now."""
        return self._file.size

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        self._file.write(data)
        self._running.state.update(data)
        self._running.size += len(data)

    def commit(self) -> None:
        """Put the bytes on the disk."""
        self._file.sync()

    def undo(self) -> None:
        """Let go of what came through this reception; what was here before stays."""
        self._file.cut(self.start)
        self._running.state, self._running.size = self._before, self.start
