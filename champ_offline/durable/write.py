"""The one way files are made durable: write beside, fsync, rename, fsync the folder.

Invariant: after a crash at any instruction a path holds its old content or its new content, whole.
Nothing else in the library opens a file for writing (an AST test holds that). Whose the files are:
`durable.owner`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from champ_offline.durable import owner

PARTIAL = ".partial-"
# File systems without hard links, such as those of sticks, say one of these.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError from inside say that it was about `path`: a full disk does not say so."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def make_directory(path: Path, mode: int = 0o755) -> None:
    """Create `path` and its missing parents durably; an existing folder is left as it is."""
    if path.is_dir():
        return
    make_directory(path.parent, mode)
    owner.made(path, mode)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable (fsync of the folder)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DurableFile:
    """A file that appears under its name only when it is whole and on the disk.

    Used as a context manager: write, then `commit(path)`; leaving without a commit leaves nothing.
    The partial file lies in `directory`, which must be on the file system of the final path. The
    umask applies to `mode`: FAT file systems refuse a chmod.
    """

    def __init__(self, directory: Path, mode: int = 0o644) -> None:
        self._directory = directory
        self._partial = directory / f"{PARTIAL}{os.getpid()}-{secrets.token_hex(8)}"
        self._descriptor = owner.opened(self._partial, os.O_WRONLY | os.O_EXCL, mode)
        self._committed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            os.close(self._descriptor)
            if not self._committed:
                self._partial.unlink(missing_ok=True)
        except OSError:
            # A medium that is gone refuses this too; the first error says more.
            if not any(exception):
                raise

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does (ENOSPC, EIO)."""
        view = memoryview(data)
        with naming(self._directory):
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self, path: Path) -> None:
        """Put the bytes on the disk and give them their name, replacing what had it."""
        with naming(path):
            os.fsync(self._descriptor)
            self._partial.rename(path)
            self._committed = True
            sync_directory(path.parent)

    def commit_new(self, path: Path) -> None:
        """As `commit`, but FileExistsError is raised where something has that name."""
        with naming(path):
            os.fsync(self._descriptor)
            _name_once(self._partial, path)
            self._partial.unlink(missing_ok=True)
            self._committed = True
            sync_directory(path.parent)


class DurableSlice:
    """One range of a file that is filled range by range, in any order, by one writer at a time.

    The file is made, at its whole size, by the first. The range counts once `commit` returned; it
    is for the caller to remember which ones do.
    """

    def __init__(self, path: Path, offset: int, whole: int, mode: int = 0o600) -> None:
        self._path, self._offset = path, offset
        self._descriptor = owner.opened(path, os.O_WRONLY, mode)
        with naming(path):
            os.ftruncate(self._descriptor, whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes | memoryview) -> None:
        """Write on behind what was written; raises OSError as the file system does."""
        view = memoryview(data)
        with naming(self._path):
            while view:
                done = os.pwrite(self._descriptor, view, self._offset)
                self._offset += done
                view = view[done:]

    def commit(self) -> None:
        """Put the bytes, and the file's name, on the disk."""
        with naming(self._path):
            os.fsync(self._descriptor)
            sync_directory(self._path.parent)


class GrowingFile:
    """A file that is written on at its end; how long it is says how far it came.

    It has one writer at a time, in any process (flock(2)): BlockingIOError where there is one, and
    where the file was moved away meanwhile. The writer checks the whole of it before anybody relies
    on it: a crash may leave any part of what was written since the last `sync`.
    """

    def __init__(self, path: Path, mode: int = 0o600, *, new: bool = False) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._path = path
        with naming(path):
            self._descriptor = (
                owner.opened(path, flags | os.O_EXCL, mode) if new else os.open(path, flags, mode)
            )
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._refuse_moved()
            self.size = os.fstat(self._descriptor).st_size
        except OSError:
            os.close(self._descriptor)
            raise
        self._named = self.size > 0

    def _refuse_moved(self) -> None:
        """Another writer may have had the file, and moved it, between the opening and the lock."""
        try:
            same = os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            same = False
        if not same:
            raise BlockingIOError(errno.EAGAIN, "another writer moved it", str(self._path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`; raises OSError as the file system does."""
        view = memoryview(data)
        with naming(self._path):
            while view:
                done = os.write(self._descriptor, view)
                self.size += done
                view = view[done:]

    def sync(self) -> None:
        """Put the bytes, and the file's name, on the disk."""
        with naming(self._path):
            os.fsync(self._descriptor)
            if not self._named:
                sync_directory(self._path.parent)
                self._named = True

    def cut(self, size: int) -> None:
        """Let go of what was written behind the first `size` bytes."""
        with naming(self._path):
            os.ftruncate(self._descriptor, size)
        self.size = size


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a whole small file durably; `mode` applies from the first byte on."""
    with naming(path), DurableFile(path.parent, mode) as file:
        file.write(data)
        file.commit(path)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """As `write_atomic`, but FileExistsError is raised where something has that name."""
    with naming(path), DurableFile(path.parent, mode) as file:
        file.write(data)
        file.commit_new(path)


@contextmanager
def filled(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """An empty file for another library to write; it becomes `path`, whole, on leaving.

    Leaving with an error leaves nothing. Raises FileExistsError where `path` is there, then or now.
    """
    with naming(path):
        _refuse_taken(path)
        partial = path.parent / f"{PARTIAL}{os.getpid()}-{secrets.token_hex(8)}"
        os.close(owner.opened(partial, os.O_WRONLY | os.O_EXCL, mode))
    try:
        yield partial
        with naming(path):
            descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _name_once(partial, path)
            sync_directory(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _name_once(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _refuse_taken(path)
        partial.rename(path)


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def rename_all(pairs: Iterable[tuple[Path, Path]]) -> None:
    """Give already durable files their final names on one file system, then sync each folder once.

    A crash in between leaves some files under the old and some under the new name, none in neither.
    """
    folders: set[Path] = set()
    for source, target in pairs:
        source.rename(target)
        folders |= {source.parent, target.parent}
    for folder in sorted(folders):
        sync_directory(folder)


def point(link: Path, target: Path) -> None:
    """Let `link` lead to `target`, durably and in one step: it leads to the old or the new one.

    Raises FileExistsError where something that is no link has its name.
    """
    with naming(link):
        if not link.is_symlink():
            _refuse_taken(link)
        partial = link.parent / f"{PARTIAL}{os.getpid()}-{secrets.token_hex(8)}"
        partial.symlink_to(target)
        partial.rename(link)
        sync_directory(link.parent)


def link_folder(path: Path, target: Path) -> None:
    """Let `path` lead to the folder `target`, for a reader that wants it under another name.

    Only for temporary folders: the link itself is not made durable.
    """
    path.symlink_to(target.resolve(), target_is_directory=True)


def remove_partials(directory: Path) -> int:
    """Remove what killed writers left in `directory`; returns how many files went.

    The caller holds the lock under which every writer of this folder works.
    """
    left = list(directory.glob(f"{PARTIAL}*"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def overwrite(path: Path, pieces: Iterable[tuple[int, bytes]]) -> None:
    """Put `pieces` (offset, bytes) into an existing file, then onto the disk.

    For repairs only: each piece is right for its place by itself, so a crash leaves a file that is
    repaired in part. Raises OSError, FileNotFoundError for a file that is not there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        for offset, data in pieces:
            done = 0
            with naming(path):
                while done < len(data):
                    done += os.pwrite(descriptor, memoryview(data)[done:], offset + done)
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cut(path: Path, size: int) -> None:
    """Let an existing file end after `size` bytes, durably; a shorter one stays. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_size > size:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
