"""A node's files: this machine's, or those of a node that is mounted somewhere (`--root`).

Invariant: a path of the node is always below its root. Nothing is written through a link, and a
link that leads out of the root is not read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from champ_offline.durable.write import make_directory, sync_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode, Phrase, Reason, system_said

_MOST_NAMES = 1000


class NodeFileUnreadable(ChampError):
    """A file of the node is there and cannot be read."""

    id = "node.file-unreadable"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} could not be read: {reason}."
    remedy = "Run the command as root; the file must be an ordinary one, inside the node's folders."


class NodePathLinked(ChampError):
    """Something of the node's that would be written lies behind a link."""

    id = "node.path-linked"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} is a link or no folder; nothing is written there."
    remedy = "Put a real folder in its place, or name the one that containerd reads (--certs-dir)."


class NodeNotWritable(ChampError):
    """The node's files may not be changed by this user, or not at all."""

    id = "node.not-writable"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} could not be written: {reason}. Nothing that containerd reads was changed."
    remedy = "Run the command as root, on a file system that is writable and has room."


@dataclass(frozen=True)
class NodeRoot:
    """The folder that a node calls `/`."""

    folder: Path = Path("/")

    @property
    def is_this_machine(self) -> bool:
        """Whether the node is the machine this runs on."""
        return self.folder.resolve() == Path("/")

    def at(self, path: PurePosixPath) -> Path:
        """Where a path of the node is; `..` never leads above the root."""
        return self.folder / os.path.normpath(f"/{path}").lstrip("/")

    def read(self, path: PurePosixPath, limit: int) -> bytes | None:
        """A file's bytes, None where there is none. Raises NodeFileUnreadable."""
        place = self.at(path)
        try:
            if not place.resolve().is_relative_to(self.folder.resolve()):
                raise NodeFileUnreadable(path=place, reason=Phrase("a link leads out of the node"))
            # A pipe in its place would wait for a writer.
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError) as error:
            raise NodeFileUnreadable(path=place, reason=_said(error)) from error
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NodeFileUnreadable(path=place, reason=Phrase("it is not a file"))
            data = file.read(limit + 1)
        if len(data) > limit:
            raise NodeFileUnreadable(
                path=place, reason=Phrase("it is larger than {limit} bytes", limit=limit)
            )
        return data

    def names(self, path: PurePosixPath, pattern: str = "*") -> list[str]:
        """The names in a folder that match, sorted; none where it is none or may not be read."""
        try:
            found = sorted(entry.name for entry in self.at(path).glob(pattern))
        except OSError:
            return []
        return found[:_MOST_NAMES]

    def has(self, path: PurePosixPath) -> bool:
        """Whether there is anything of that name."""
        return os.path.lexists(self.at(path))

    def mode(self, path: PurePosixPath) -> int:
        """The permissions of a file that is there."""
        return stat.S_IMODE(self.at(path).lstat().st_mode)

    def write(self, path: PurePosixPath, data: bytes, mode: int) -> None:
        """Write a file durably, making its folders. Raises NodePathLinked, NodeNotWritable."""
        place = self.at(path)
        self._refuse_links(place)
        try:
            make_directory(place.parent)
            write_atomic(place, data, mode)
        except OSError as error:
            raise NodeNotWritable(path=place, reason=_said(error)) from error

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file durably, and its folder if that is empty then; nothing where it is gone."""
        place = self.at(path)
        self._refuse_links(place)
        try:
            place.unlink(missing_ok=True)
            if place.parent.is_dir():
                sync_directory(place.parent)
                if not any(place.parent.iterdir()):
                    place.parent.rmdir()
                    sync_directory(place.parent.parent)
        except OSError as error:
            raise NodeNotWritable(path=place, reason=_said(error)) from error

    def _refuse_links(self, place: Path) -> None:
        for folder in self._folders(place):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise NodePathLinked(path=folder)

    def _folders(self, place: Path) -> Iterator[Path]:
        """The folders below the root on the way to `place`, the highest first."""
        yield from reversed(place.parents[: len(place.parents) - len(self.folder.parents) - 1])


def _said(error: OSError | RuntimeError) -> Reason:
    return system_said(error) if isinstance(error, OSError) else Phrase("links lead in a circle")
