"""Advisory file locks (flock(2)): one writer a zone, released by the kernel when its holder dies.

Invariant: a lock file is never removed, so two processes can never hold two files of one name. A
folder that is in use is locked itself, so that where nothing can be written it can be used too.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from champ_offline.durable.owner import opened, telling_owner
from champ_offline.errors import ChampError, ExitCode

_HOLDER = 20
_POLL_SECONDS = 0.1


class Locked(ChampError):
    """Another process is changing the same thing."""

    id = "durable.locked"
    exit_code = ExitCode.LOCKED
    message = "Another operation is at work on {path} (process {holder})."
    remedy = (
        "Wait until it has ended, then run the same command again. `champ task follow` shows how"
        " far it is."
    )


class FileLock:
    """Held exclusively inside `with`; raises Locked when another process holds it.

    At once, or when that has not changed for `patience` seconds. FileForbidden, FileStrayed where
    the file is somebody else's.
    """

    def __init__(self, path: Path, patience: float = 0.0) -> None:
        self._path, self._patience = path, patience
        self._descriptor = -1

    def __enter__(self) -> Self:
        with telling_owner():
            self._descriptor = opened(self._path, os.O_RDWR, 0o600)
        try:
            self._taken()
        except BaseException as error:
            holder = os.pread(self._descriptor, _HOLDER, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            if isinstance(error, BlockingIOError):
                raise Locked(path=self._path.parent, holder=holder or "?") from error
            raise
        # Only others read this, so a full disk is no reason to stop; its one block is kept.
        with suppress(OSError):
            os.pwrite(self._descriptor, f"{os.getpid():<{_HOLDER}}".encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def _taken(self) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return


def is_held(path: Path) -> bool:
    """Whether a FileLock on `path` is held now; nothing is written, also where there is no file.

    Whoever wants the lock in the very moment of looking finds it taken. Raises as FileLock, but for
    Locked.
    """
    try:
        with telling_owner():
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class FolderUse:
    """That this process uses what is in a folder, until `close`; any number of them may."""

    def __init__(self, path: Path) -> None:
        with telling_owner():
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether nobody else uses it; who asks keeps others from asking at the same time."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            # Who asks in vain has lost its own lock (flock(2)).
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return True

    def close(self) -> None:
        """Use it no longer."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
