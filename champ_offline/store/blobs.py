"""Blobs as immutable files named by their digest (layout: FORMAT.md beside this file).

Invariant: a file under its final name has been hashed to that name while it was written and is on
the disk; nothing is ever written into it again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from champ_offline.durable.write import (
    PARTIAL,
    DurableFile,
    make_directory,
    remove_partials,
    rename_all,
)
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import ALGORITHMS, Digest
from champ_offline.oci.manifest import LIMIT
from champ_offline.store.mark import Guard, StoreGone
from champ_offline.store.strangers import named, strangers

_MODE, _PRIVATE = 0o444, 0o400
_PIECE = 1024 * 1024
_DAMAGED = "damaged"


class BlobMissing(ChampError):
    """A digest that should be in the store is not."""

    id = "store.blob-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "Blob {digest} is not in the store."
    remedy = (
        "In a zone, `champ doctor` names what needs it and what gives it back; elsewhere fetch the"
        " content again."
    )


class BlobObstructed(BlobMissing):
    """A folder, a link, a pipe or whatever else has a blob's name in the store."""

    id = "store.obstructed"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{path} is no file: it stands where blob {digest} belongs."
    remedy = (
        "Look at what it is and move it out of the zone's store; `champ doctor` then names what"
        " needs the blob and what gives it back."
    )


class BlobDamaged(ChampError):
    """A blob's file changed after it was verified."""

    id = "store.blob-damaged"
    exit_code = ExitCode.CORRUPT
    message = "Blob {digest} no longer has the bytes that were verified; it is not served."
    remedy = "`champ store check` names what it belongs to; import that bundle, or push it, again."


class BlobMismatch(ChampError):
    """Bytes do not hash to the digest, or do not have the size, they were announced with."""

    id = "store.blob-mismatch"
    exit_code = ExitCode.CORRUPT
    message = (
        "The bytes announced as {expected} ({expected_size} bytes) are {found} ({size} bytes)."
    )
    remedy = "Obtain the content again from its source."


class BlobTooLarge(ChampError):
    """A document was to be read into memory and is larger than any of its kind may be."""

    id = "store.blob-too-large"
    exit_code = ExitCode.CORRUPT
    message = "Blob {digest} has {size} bytes; a document of its kind has at most {limit}."
    remedy = "Do not use this bundle; ask whoever packed it."


@dataclass(frozen=True)
class Stamp:
    """What a file is without its bytes being read; whoever writes to it or replaces it moves it.

    `ctime_ns` moves with everything, also where somebody sets the time of the last change back.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        """The stamp among what stat(2) says."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True)
class Examined:
    """A blob's file as it was while all of it was read; `sound` where its bytes fit its name."""

    stamp: Stamp
    sound: bool


class BlobWriter:
    """Hashes while it writes; the blob exists once `commit` has returned."""

    def __init__(self, directory: Path, algorithm: str = "sha256", mode: int = _MODE) -> None:
        self._directory = directory
        self._file = DurableFile(directory, mode)
        self._hash = hashlib.new(algorithm)
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.__exit__(*exception)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        self._hash.update(data)
        self._file.write(data)
        self._size += len(data)

    def check(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """The digest of what was written; raises BlobMismatch where other bytes were announced."""
        digest = Digest(self._hash.hexdigest())
        wrong_size = size is not None and size != self._size
        if wrong_size or (expected is not None and expected != digest):
            raise BlobMismatch(
                expected=expected or digest,
                expected_size=self._size if size is None else size,
                found=digest,
                size=self._size,
            )
        return digest

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """Name the blob by its digest; raises BlobMismatch, BlobObstructed, leaving nothing."""
        digest = self.check(expected, size)
        _refuse_folder(self._directory / digest.hex, digest)
        self._file.commit(self._directory / digest.hex)
        return digest


class BlobStore:
    """All blobs under one folder, `sha256/<hex>` or `sha512/<hex>` each, mode 0444.

    The folder of the rarer algorithm is made when the first blob comes for it. A store with an
    `identity` is marked with it, or with none yet where that is empty, and is never made by being
    used: where its mark is not there, or is another's, every act raises StoreGone.
    """

    def __init__(self, root: Path, *, identity: str | None = None) -> None:
        self.root, self._guard = root, None if identity is None else Guard(root, identity)
        self._folders = {algorithm: root / algorithm for algorithm in ALGORITHMS}
        self._places = {algorithm: str(folder) for algorithm, folder in self._folders.items()}
        if identity is None:
            make_directory(self._folders["sha256"])

    def hold_to(self, identity: str) -> None:
        """From now on it is marked, with that identity."""
        self._guard = Guard(self.root, identity)

    def require(self) -> None:
        """Raise StoreGone unless the store is there, StoreForeign where another one is."""
        if self._guard is not None:
            self._guard.require()

    def require_open(self) -> None:
        """Raise as `require`, or OSError where the folders do not let blobs be opened."""
        self.require()
        for algorithm, place in self._places.items():
            if not os.access(place, os.R_OK | os.X_OK, effective_ids=True) and (
                algorithm == ALGORITHMS[0] or os.path.lexists(place)
            ):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)

    def has(self, digest: Digest) -> bool:
        """Whether the blob is here, whole."""
        try:
            self._stat(digest)
        except BlobMissing:
            return False
        return True

    def holds(self, digest: Digest, size: int) -> bool:
        """Whether the blob is here with that many bytes; another size means damage."""
        return self.has(digest) and self.size(digest) == size

    def keep_sound(self, digests: Iterable[Digest]) -> int:
        """Hash those of the blobs that are here again, and remove what no longer fits its name.

        Returns how many were removed.
        """
        removed = 0
        for digest in digests:
            if self.has(digest):
                with self.open(digest) as file:
                    found = _hash(file, digest.algorithm, lambda _size: None)
                if found != digest.hex:
                    self.remove(digest)
                    removed += 1
        return removed

    def path(self, digest: Digest) -> Path:
        """Where the blob is or would be."""
        return self._folders[digest.algorithm] / digest.hex

    def size(self, digest: Digest) -> int:
        """Size in bytes; raises BlobMissing, StoreGone."""
        return self._stat(digest).st_size

    def stamp(self, digest: Digest) -> Stamp:
        """What the blob's file is now; raises BlobMissing, StoreGone."""
        return Stamp.of(self._stat(digest))

    def examine(
        self, digest: Digest, read: Callable[[int], object] = lambda _size: None
    ) -> Examined:
        """Read all of the blob from the disk and hash it; `read` is told of the bytes as they come.

        Damage is believed when two readings past the page cache find it. Raises BlobMissing, and
        OSError where the disk does not give the bytes.
        """
        with self.open(digest) as file:
            stamp = Stamp.of(os.fstat(file.fileno()))
            sound = _hash(file, digest.algorithm, read) == digest.hex
            if not sound:
                sound = _hash(file, digest.algorithm, lambda _size: None) == digest.hex
            return Examined(stamp, sound and stamp == Stamp.of(os.fstat(file.fileno())))

    def set_aside(self, digest: Digest, found: Stamp) -> bool:
        """Take a damaged blob out of the store, unless its file is another one than was found so.

        The caller is inside a transaction begun IMMEDIATE. False where nothing was done.
        """
        self.require()
        try:
            if self.stamp(digest) != found:
                return False
        except BlobMissing:
            return False
        make_directory(self.root / _DAMAGED)
        _refuse_folder(self.root / _DAMAGED / digest.hex, digest)
        rename_all([(self.path(digest), self.root / _DAMAGED / digest.hex)])
        return True

    def aside(self) -> dict[Digest, int]:
        """The damaged blobs that were set aside, and their sizes in bytes."""
        folder = self.root / _DAMAGED
        if not folder.is_dir():
            return {}
        with os.scandir(folder) as entries:
            found = {named(entry): entry for entry in entries}
            return {digest: entry.stat().st_size for digest, entry in found.items() if digest}

    def forget_aside(self, digest: Digest) -> None:
        """Delete what was set aside under that name."""
        self.require()
        (self.root / _DAMAGED / digest.hex).unlink(missing_ok=True)

    def open(self, digest: Digest) -> BinaryIO:
        """The blob for reading; raises BlobMissing, StoreGone."""
        self.require()
        self._stat(digest)
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise BlobMissing(digest=digest) from error

    def read(self, digest: Digest, limit: int = LIMIT) -> bytes:
        """A small document whole; raises BlobMissing, BlobTooLarge above `limit` bytes."""
        size = self.size(digest)
        if size > limit:
            raise BlobTooLarge(digest=digest, size=size, limit=limit)
        with self.open(digest) as file:
            return file.read()

    def add(self, data: bytes, algorithm: str = "sha256") -> Digest:
        """Store a small document; one that is already here is not written again."""
        digest = Digest.of(data, algorithm)
        if not self.has(digest):
            with self.writer(algorithm) as writer:
                writer.write(data)
                writer.commit()
        return digest

    def writer(self, algorithm: str = "sha256", *, private: bool = False) -> BlobWriter:
        """A new blob being written; it vanishes unless committed. Private: for its owner alone."""
        self.require()
        folder = self._folders[algorithm]
        make_directory(folder)
        return BlobWriter(folder, algorithm, _PRIVATE if private else _MODE)

    def take(self, path: Path, digest: Digest) -> None:
        """Take over a file that was hashed to `digest` and synced, on the same file system.

        It replaces what has the name: those bytes are the same, or damaged. Raises BlobObstructed
        where that is a folder.
        """
        self.refuse_folders([digest])
        make_directory(self._folders[digest.algorithm])
        path.chmod(_MODE)
        rename_all([(path, self.path(digest))])

    def adopt(self, other: BlobStore, digests: Iterable[Digest]) -> None:
        """Take blobs over from a store on the same file system: renames, no copies, one sync.

        Raises BlobObstructed where a folder has the name of one; none is taken over then.
        """
        wanted = list(digests)
        self.refuse_folders(wanted)
        rename_all((other.path(digest), self.path(digest)) for digest in wanted)

    def refuse_folders(self, digests: Iterable[Digest]) -> None:
        """Raise BlobObstructed where a folder has the name of one: it gives way to no file."""
        self.require()
        for digest in digests:
            _refuse_folder(self.path(digest), digest)

    def remove(self, digest: Digest) -> None:
        """Delete the blob if it is here; raises StoreGone."""
        self.require()
        self.path(digest).unlink(missing_ok=True)

    def partials(self) -> tuple[int, int]:
        """How many half-written files there are, and their bytes."""
        sizes: list[int] = []
        for folder in self._present():
            for path in folder.glob(f"{PARTIAL}*"):
                with suppress(FileNotFoundError):
                    sizes.append(path.stat().st_size)
        return len(sizes), sum(sizes)

    def remove_partials(self) -> int:
        """Clear what killed writers left; the caller holds the zone's lock."""
        self.require()
        return sum(map(remove_partials, self._present()))

    def __iter__(self) -> Iterator[Digest]:
        """The digests of all whole blobs, in no particular order."""
        self.require()
        for folder in self._present():
            with os.scandir(folder) as entries:
                yield from filter(None, map(named, entries))

    def strangers(self) -> list[Path]:
        """What lies among the blobs, or among those set aside, and is none; raises StoreGone."""
        self.require()
        return strangers((*self._folders.values(), self.root / _DAMAGED))

    def _stat(self, digest: Digest) -> os.stat_result:
        """Of the blob's file: a link, a pipe or whatever else has its name is no blob."""
        try:
            # No path object is made: the registry asks this for every answer.
            found = os.lstat(f"{self._places[digest.algorithm]}/{digest.hex}")
        except FileNotFoundError as error:
            self.require()
            if not self._folders["sha256"].is_dir():
                raise StoreGone(path=self.root) from error
            raise BlobMissing(digest=digest) from error
        if not stat.S_ISREG(found.st_mode):
            raise BlobObstructed(digest=digest, path=self.path(digest))
        return found

    def _present(self) -> list[Path]:
        return [folder for folder in self._folders.values() if folder.is_dir()]


def _refuse_folder(path: Path, digest: Digest) -> None:
    """A folder gives way to no file that is given its name; a link, a pipe or a file does."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise BlobObstructed(digest=digest, path=path)


def _hash(file: BinaryIO, algorithm: str, read: Callable[[int], object]) -> str:
    """The digest of a whole file, in hexadecimal digits, past what the page cache has of it."""
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    file.seek(0)
    state = hashlib.new(algorithm)
    while piece := file.read(_PIECE):
        state.update(piece)
        read(len(piece))
    return state.hexdigest()
