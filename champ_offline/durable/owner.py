"""Whose a file is: what root makes in somebody's folder belongs to that somebody.

Invariant: only what was just made here changes hands, and only to the owner of the very folder it
was made in: both are open descriptors, and no link is followed. Root who runs one command in a zone
leaves nothing there that the zone's owner cannot use; modes stay as they were asked for.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from champ_offline.errors import ChampError, ExitCode, Fields

_ROOT = 0
# A file system without owners, and a root who is none outside of a container (chown(2)).
_CANNOT = frozenset({errno.EPERM, errno.EINVAL, errno.ENOTSUP})


class FileForbidden(ChampError):
    """Something that is needed belongs to somebody else, as does the folder it is in."""

    id = "durable.file-forbidden"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} belongs to user {owner}; this is user {user}."
    remedy = "Run the command as user {owner}, or name a place that {user} may use."


class FileStrayed(ChampError):
    """Something in this user's folder belongs to somebody else, who once ran a command there."""

    id = "durable.file-strayed"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} belongs to user {owner}, in a folder that belongs to user {user}."
    remedy = "As root: `chown -hR {user}: {path}`. Then run the command again."


def opened(path: Path, flags: int, mode: int) -> int:
    """A descriptor of the file `path`, made if it is not there; a link in its place is refused.

    With O_EXCL it must not be there. Raises OSError, as open(2) does.
    """
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    if os.geteuid() != _ROOT:
        return os.open(path, flags, mode)
    with _holding(path) as folder:
        return _opened_by_root(path.name, flags, mode, folder)


def made(path: Path, mode: int) -> None:
    """Make the folder `path`, unless there is one; raises OSError, as mkdir(2) does."""
    if os.geteuid() != _ROOT:
        path.mkdir(mode=mode, exist_ok=True)
        return
    with _holding(path) as folder:
        try:
            os.mkdir(path.name, mode, dir_fd=folder)
        except FileExistsError:
            if not path.is_dir():
                raise
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, dir_fd=folder)
        try:
            _give(descriptor, folder)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def telling_owner() -> Iterator[None]:
    """Turn a PermissionError from inside into one of this module's errors where it is about whose.

    Raises FileForbidden, FileStrayed.
    """
    try:
        yield
    except PermissionError as error:
        told = refusal(error)
        if told is None:
            raise
        raise told from error


def refusal(error: PermissionError) -> FileForbidden | FileStrayed | None:
    """What `error` comes from, where that belongs to somebody else; looks at the files now."""
    if not isinstance(error.filename, str) or not error.filename:
        return None
    return obstacle(Path(error.filename))


def obstacle(path: Path) -> FileForbidden | FileStrayed | None:
    """The first on the way to `path`, or itself, that is not this user's and not for them to use.

    None where all of it may be used, or is their own and has the wrong mode.
    """
    found = _obstacle(path.absolute())
    owner = _owner(found) if found is not None else None
    if found is None or owner is None or owner == os.geteuid():
        return None
    names: Fields = {"owner": user_name(owner), "user": user_name(os.geteuid())}
    kind = FileStrayed if _owner(found.parent) == os.geteuid() else FileForbidden
    return kind(path=found, **names)


def user_name(number: int) -> str:
    """The user's name, or the number where the machine has no name for it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@contextmanager
def _holding(path: Path) -> Iterator[int]:
    """The folder of `path`, open; errors from inside name `path`."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)
    except OSError as error:
        error.filename = str(path)
        raise


def _opened_by_root(name: str, flags: int, mode: int, folder: int) -> int:
    """Only a file that this very call makes is given away: O_EXCL says which one that is."""
    while True:
        try:
            descriptor = os.open(name, flags | os.O_EXCL, mode, dir_fd=folder)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        else:
            try:
                _give(descriptor, folder)
            except OSError:
                os.close(descriptor)
                raise
            return descriptor
        with suppress(FileNotFoundError):  # it went meanwhile: it is made after all
            return os.open(name, flags & ~os.O_CREAT, dir_fd=folder)


def _give(descriptor: int, folder: int) -> None:
    holder = os.fstat(folder)
    if os.fstat(descriptor).st_uid == holder.st_uid:
        return
    try:
        os.fchown(descriptor, holder.st_uid, holder.st_gid)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def _obstacle(path: Path) -> Path | None:
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK, effective_ids=True):
            return folder
    if os.path.lexists(path):
        mode = os.R_OK | (os.X_OK if stat.S_ISDIR(path.lstat().st_mode) else 0)
        if not os.access(path, mode, effective_ids=True):
            return path
    for place in (path.parent, path):
        if not os.access(place, os.W_OK, effective_ids=True):
            return place
    return None


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:
        return None
