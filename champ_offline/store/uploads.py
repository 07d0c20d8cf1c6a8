"""Blobs that clients are pushing: a row and a growing file each (layout: FORMAT.md here).

Invariant: nothing here is ever served; a file leaves this folder only after the whole of it was
hashed to the digest the client announced, into the store, in the transaction that links it, and by
its one writer, so nothing is written into a blob. How far an upload came is the length of its file:
a restart forgets nothing but the running hash, which is made again from the file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

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


# Tells somebody of an upload, in the transaction that changes it.
Tell: TypeAlias = Callable[[sqlite3.Connection, Upload], None]


@dataclass
class _Running:
    """The hash of the first `size` bytes of an upload."""

    state: _Hash
    size: int = 0


class Uploads:
    """All uploads under one folder, on the file system of the store."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._running: dict[str, _Running] = {}
        database.migrate("uploads", _SCHEMA)

    def begin(
        self,
        name: str,
        client: str,
        algorithm: str,
        now: str,
        most: tuple[int, int],
        tell: Tell | None = None,
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
            if tell is not None:
                tell(connection, made)
        try:
            make_directory(self._folder)
            with GrowingFile(self.path(made), new=True):
                return made
        except OSError:
            self.drop(made)
            raise

    def find(self, name: str, upload: str) -> Upload | None:
        """The upload with that id, if it is one to that repository."""
        sql = "SELECT * FROM uploads WHERE id = ? AND name = ?"
        rows = self._database.query(sql, (upload, name))
        found = Upload(**dict(rows[0])) if rows else None
        return found if found is not None and self.path(found).is_file() else None

    def count(self) -> int:
        """How many are under way."""
        return int(self._database.query("SELECT count(*) FROM uploads")[0][0])

    def size(self, upload: Upload) -> int:
        """How many bytes of the blob are here; 0 for one that has ended."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def path(self, upload: Upload) -> Path:
        """Where its bytes come together."""
        return self._folder / upload.id

    def receive(self, upload: Upload) -> Reception | None:
        """Become its writer, inside `with`; None while somebody else is, or after its end."""
        try:
            return Reception(self, upload, GrowingFile(self.path(upload)))
        except (BlockingIOError, FileNotFoundError):
            return None

    def running(self, upload: Upload) -> _Running:
        """The hash of what is here; read again where memory does not have it."""
        running, size = self._running.get(upload.id), self.size(upload)
        if running is None or running.size != size:
            running = _Running(hashlib.new(upload.algorithm))
            with self.path(upload).open("rb") as file:
                while piece := file.read(_PIECE):
                    running.state.update(piece)
                    running.size += len(piece)
            self._running[upload.id] = running
        return running

    def written(self, upload: Upload, now: str, tell: Tell | None = None) -> None:
        """Remember that something was written."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE uploads SET written = ? WHERE id = ?", (now, upload.id))
            if tell is not None:
                tell(connection, upload)

    def finish(
        self, connection: sqlite3.Connection, upload: Upload, digest: Digest, blobs: BlobStore
    ) -> None:
        """Move what its writer verified into the store, inside the caller's transaction."""
        connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        blobs.take(self.path(upload), digest)

    def drop(self, upload: Upload) -> None:
        """Let go of an upload, as its writer: its file, then its row."""
        self.path(upload).unlink(missing_ok=True)
        self.forget(upload)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))

    def forget(self, upload: Upload) -> None:
        """Let go of what memory holds of an upload that has ended."""
        self._running.pop(upload.id, None)

    def expire(self, before: str) -> int:
        """End the uploads to which nothing was written since `before`; returns how many."""
        sql = "SELECT * FROM uploads WHERE written < ?"
        return sum(self._ended(row) for row in self._database.query(sql, (before,)))

    def idle(self, before: str) -> tuple[int, int]:
        """How many `expire` would end now that have a file, and the bytes of these."""
        sql = "SELECT * FROM uploads WHERE written < ?"
        sizes = []
        for row in self._database.query(sql, (before,)):
            reception = self.receive(Upload(**dict(row)))
            if reception is not None:
                with reception:
                    sizes.append(reception.size)
        return len(sizes), sum(sizes)

    def give_up_one(self, client: str, before: str) -> bool:
        """End the client's longest idle upload, if nothing was written to it since `before`."""
        sql = "SELECT * FROM uploads WHERE client = ? AND written < ? ORDER BY written"
        return any(map(self._ended, self._database.query(sql, (client, before))))

    def _ended(self, row: sqlite3.Row) -> bool:
        """End an upload unless somebody writes to it."""
        upload = Upload(**dict(row))
        reception = self.receive(upload)
        if reception is not None:
            with reception:
                self.drop(upload)
        elif self.path(upload).exists():
            return False
        else:
            self.drop(upload)  # a crash took the file but not the row
        return True


class Reception:
    """The one writer of an upload: bytes are appended, hashed, and durable after `commit`."""

    def __init__(self, uploads: Uploads, upload: Upload, file: GrowingFile) -> None:
        self._uploads, self._upload, self._file = uploads, upload, file
        self._before: tuple[_Running, _Hash] | None = None
        self.start = file.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.__exit__(*exception)

    @property
    def size(self) -> int:
        """How many bytes of the blob are here now."""
        return self._file.size

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        if self._before is None:
            running = self._uploads.running(self._upload)
            self._before = running, running.state.copy()
        running = self._before[0]
        self._file.write(data)
        running.state.update(data)
        running.size += len(data)

    def commit(self) -> None:
        """Put the bytes on the disk."""
        self._file.sync()

    def undo(self) -> None:
        """Let go of what came through this reception; what was here before stays."""
        self._file.cut(self.start)
        if self._before is not None:
            running, state = self._before
            running.state, running.size = state, self.start
            self._before = None

    def verify(self, digest: Digest) -> None:
        """Raises BlobMismatch unless the bytes hash to `digest`."""
        upload = self._upload
        if upload.algorithm == digest.algorithm:
            found = self._uploads.running(upload).state.hexdigest()
        else:
            with self._uploads.path(upload).open("rb") as file:
                found = hashlib.file_digest(file, digest.algorithm).hexdigest()
        if found != digest.hex:
            raise BlobMismatch(
                expected=digest, expected_size=self.size, found=Digest(found), size=self.size
            )
