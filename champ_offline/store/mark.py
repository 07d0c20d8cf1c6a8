"""The mark in a zone's store: that it is one, and which (layout: FORMAT.md beside this file).

Invariant: the identity in a mark is random, and never changes once it is there; a store whose mark
has another one than the zone's database is not touched, whatever its blobs are called.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.write import make_directory, remove_partials, write_atomic
from champ_offline.errors import ChampError, ExitCode

MARK = "champ-store"
"""The file's name: a folder without it is a mount point, or a stranger."""
_TITLE = "the blobs of a zone\n"
_FORM = re.compile(rf"{_TITLE}zone: ([a-z0-9.-]{{1,64}})\nidentity: ([0-9a-f]{{32}})\n")
_LONGEST = 256


class StoreGone(ChampError):
    """The folder of the zone's blobs is not there, or something else is in its place."""

    id = "store.gone"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's store {path} is not there."
    remedy = "Is its disk mounted? Bring it back; nothing of it is made anew."


class StoreForeign(StoreGone):
    """Another zone's store, or another store of this one, is where the zone's own should be."""

    id = "store.foreign"
    exit_code = ExitCode.NEEDS_PERSON
    message = (
        "{path} is not this zone's store: its mark says that it is another one, of zone “{zone}”."
    )
    remedy = (
        "Were disks swapped, or was the wrong folder restored? Bring this zone's own store back;"
        " nothing is read from this one or written to it."
    )


@dataclass(frozen=True)
class Mark:
    """Which store it is, and the name of the zone it was made for.

    Both are empty in marks that were made before stores had an identity.
    """

    zone: str = ""
    identity: str = ""

    @classmethod
    def made_for(cls, zone: str) -> Mark:
        """The mark of a store that is made now."""
        return cls(zone, secrets.token_hex(16))

    @classmethod
    def of(cls, root: Path) -> Mark | None:
        """The mark in that folder; None where there is none. Raises OSError."""
        try:
            descriptor = os.open(root / MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return cls.from_bytes(os.read(descriptor, _LONGEST))
        finally:
            os.close(descriptor)

    @classmethod
    def from_bytes(cls, data: bytes) -> Mark:
        """What the file says; whatever is no identity says nothing."""
        match = _FORM.fullmatch(data.decode("ascii", "replace"))
        return cls(match[1], match[2]) if match else cls()

    def to_bytes(self) -> bytes:
        """The file."""
        return f"{_TITLE}zone: {self.zone}\nidentity: {self.identity}\n".encode()

    def put(self, root: Path) -> None:
        """Make the folder a marked store; the caller holds the lock of whoever else would."""
        make_directory(root / "sha256")
        remove_partials(root)
        write_atomic(root / MARK, self.to_bytes(), 0o444)


class Guard:
    """Lets only the store with that identity pass; any marked one where the zone knows none yet.

    A mark is read again when its file is another one than was read last.
    """

    def __init__(self, root: Path, identity: str) -> None:
        self._root, self._identity = root, identity
        self._path = str(root / MARK)
        self._seen: object = None

    def require(self) -> None:
        """Raises StoreGone, StoreForeign; OSError where the mark cannot be looked at."""
        try:
            found = os.lstat(self._path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreGone(path=self._root) from error
        if not stat.S_ISREG(found.st_mode):
            raise StoreGone(path=self._root)
        stamp = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
        if stamp != self._seen:
            self._look()
            self._seen = stamp

    def _look(self) -> None:
        mark = Mark.of(self._root)
        if mark is None:
            raise StoreGone(path=self._root)
        # A mark without an identity may be an older backup's: it is told from nobody's.
        if self._identity and mark.identity not in {"", self._identity}:
            raise StoreForeign(path=self._root, zone=mark.zone)
