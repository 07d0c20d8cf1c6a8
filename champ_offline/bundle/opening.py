"""Opening files of media, which somebody else may be changing meanwhile.

Invariant: what is opened is an ordinary file. No link is followed in its place nor in that of the
folders that the format names, and below a folder that was named as the limit none at all: each is
opened by the descriptor of the one above it, so that nothing between a look and the opening leads
a read elsewhere, and nothing waits for a pipe.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

# Folders of a bundle (FORMAT.md, "On media").
_NAMED = frozenset({"metadata", "volumes", "blobs", "sha256"})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LIMIT: ContextVar[Path | None] = ContextVar("limit", default=None)


@contextmanager
def below(folder: Path) -> Iterator[None]:
    """Inside, links are followed nowhere below the folder; its own path may have some."""
    token = _LIMIT.set(folder)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def opened(path: Path, *, buffering: int = 0) -> BinaryIO:
    """The file of a medium, to be read; raises OSError, also for what is no ordinary file."""
    top, names = _split(path)
    try:
        descriptor = _walked(top, names)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    return os.fdopen(descriptor, "rb", buffering=buffering)


def _split(path: Path) -> tuple[Path, Sequence[str]]:
    """A folder to begin with, and the names below it, of which none may be a link."""
    limit = _LIMIT.get()
    if limit is not None and path.is_relative_to(limit):
        return limit, path.relative_to(limit).parts
    top, names = path.parent, [path.name]
    while top.name in _NAMED:
        names.insert(0, top.name)
        top = top.parent
    return top, names


def _walked(top: Path, names: Sequence[str]) -> int:
    *folders, name = names
    if ".." in names:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    place = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            deeper = os.open(folder, _FOLDER, dir_fd=place)
            os.close(place)
            place = deeper
        found = os.open(name, _FILE, dir_fd=place)
    finally:
        os.close(place)
    if stat.S_ISREG(os.fstat(found).st_mode):
        return found
    os.close(found)
    raise OSError(errno.EINVAL, "it is no ordinary file")
