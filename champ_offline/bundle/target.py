"""The medium a bundle is packed onto: what it refuses, told apart from what the sources refuse.

Invariant: an OSError of the medium leaves here as TargetUnwritable or TargetFileTooLarge, and no
other does. Nothing that lies on the medium leads the writing off it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from champ_offline.durable.write import DurableFile
from champ_offline.errors import ChampError, ExitCode, system_said


class TargetLinked(ChampError):
    """A link lies where a folder is to be written to."""

    id = "pack.target-linked"
    exit_code = ExitCode.USAGE
    message = "{path} is a link: what is written there would lie somewhere else."
    remedy = "Nothing was written to it. Remove the link, or name another medium, and try again."


class TargetFull(ChampError):
    """The medium is too small."""

    id = "pack.target-full"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} has {free} free; the bundle needs {needed}."
    remedy = "Use a larger stick, or several with --stick SIZE; no volume was written."


class TargetUnwritable(ChampError):
    """The medium takes no more bytes, or none at all."""

    id = "pack.target-unwritable"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} refuses bytes: {reason}."
    remedy = (
        "See that the medium is plugged in, not write-protected and has room, then run the command"
        " again: what is half there is no bundle and is written anew."
    )


class TargetFileTooLarge(ChampError):
    """The medium's file system has no room for a file of that size, however empty it is."""

    id = "pack.file-too-large"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} takes no file as large as a volume of this bundle: {reason}."
    remedy = (
        "Format the medium with exFAT, or have the bundle packed with smaller volumes"
        " (--volume-size); FAT32 takes files below 4.29 GB."
    )


def refuse_links(named: Path, *folders: Path) -> None:
    """Refuse links on the way from `named`, which may be one, to `folders` below it.

    A person named that path; what lies there came with the medium. Raises TargetLinked,
    TargetUnwritable.
    """
    for folder in folders:
        way = [folder, *folder.parents]
        for place in reversed(way[: way.index(named)]):
            with writing(place):
                linked = place.is_symlink()
            if linked:
                raise TargetLinked(path=place)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Where only the medium is touched; for an OSError TargetUnwritable or TargetFileTooLarge."""
    try:
        yield
    except OSError as error:
        kind = TargetFileTooLarge if error.errno == errno.EFBIG else TargetUnwritable
        raise kind(path=path, reason=system_said(error)) from error


class TargetFile(DurableFile):
    """A durable file in a folder of the medium; every act raises TargetUnwritable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with writing(folder):
            super().__init__(folder)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        with writing(self._folder):
            super().write(data)

    def commit(self, path: Path) -> None:
        """Put the bytes on the medium and give them their name."""
        with writing(self._folder):
            super().commit(path)
