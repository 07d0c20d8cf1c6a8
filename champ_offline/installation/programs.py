"""The versions of an installation: put another in, go back, say what is there.

Invariant: `current` is changed in one step and only after what it will lead to was unpacked, put on
the disk and started. A kill at any moment leaves the old or the new one; the same command again
finishes what was begun (FORMAT.md has the steps).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle.installer import SignedInstaller
from champ_offline.durable.lock import FileLock
from champ_offline.durable.write import make_directory, point
from champ_offline.installation.errors import (
    CommandTaken,
    NothingBefore,
    NotInstalled,
    RootNeeded,
)
from champ_offline.installation.floor import Floor
from champ_offline.installation.one_file import start, unpack, version_name
from champ_offline.installation.places import PROGRAM, VERSIONS, Places


@dataclass(frozen=True)
class Version:
    """One version that is there, by the name of its folder; `used` by a process or a unit."""

    name: str
    folder: Path
    current: bool
    previous: bool
    used: bool


@dataclass(frozen=True)
class Standing:
    """What an installation holds; `current` and `previous` are names, empty where there is none.

    `command` is the link on everybody's path, empty where it does not lead here.
    """

    top: Path
    current: str
    previous: str
    command: str
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class Change:
    """What was done: the name of the current version before (empty: none) and now."""

    before: str
    now: str
    program: Path
    removed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether another version is current now."""
        return self.before != self.now


class Programs:
    """One installation of the program on this host."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def standing(self) -> Standing:
        """What is there; raises NotInstalled."""
        places, names = self._places, self._names()
        if not self._leads_to(places.current):
            raise NotInstalled(path=places.top)
        current, previous = self._leads_to(places.current), self._leads_to(places.previous)
        used = [*_running(), *_named(places.units)]
        versions = tuple(
            Version(
                name=name,
                folder=places.versions / name,
                current=name == current,
                previous=name == previous,
                used=any(path.is_relative_to(self._folder(name)) for path in used),
            )
            for name in names
        )
        command = str(places.command) if self._on_path() else ""
        return Standing(places.top, current, previous, command, versions)

    def install(self, file: Path) -> Change:
        """Put in the version of a champ.sh that is trusted, and make it the current one.

        Raises NotOneFile, NotStarted, CommandTaken, RootNeeded, Locked.
        """
        version_name(file)
        with self._alone():
            return self._take(file)

    def update(self, offered: SignedInstaller) -> Change:
        """The same with champ.sh of a medium, once it was held against its signature.

        Raises InstallerChanged, InstallerOlder and what `install` raises; NotInstalled where there
        is nothing to update.
        """
        if not self._leads_to(self._places.current):
            raise NotInstalled(path=self._places.top)
        with self._alone():
            floor = Floor(self._places.floor)
            floor.refuse_below(offered)
            copy = offered.copy(self._places.incoming)
            change = self._take(copy)
            floor.raise_to(offered)
            copy.unlink()
            return change

    def rollback(self) -> Change:
        """Make the version before the current one again; a second time leads back.

        Raises NothingBefore, NotInstalled, NotStarted, RootNeeded, Locked.
        """
        current, places = self.standing().current, self._places
        with self._alone():
            previous = self._leads_to(places.previous)
            if previous in {"", current}:
                raise NothingBefore(path=places.top)
            start(self._folder(previous))
            point(places.current, Path(VERSIONS, previous))
            point(places.previous, Path(VERSIONS, current))
            return Change(current, previous, places.program)

    def _take(self, file: Path) -> Change:
        places, before = self._places, self._leads_to(self._places.current)
        name = unpack(file, places.versions).name
        if before not in {"", name}:
            point(places.previous, Path(VERSIONS, before))
        if before != name:
            point(places.current, Path(VERSIONS, name))
        if places.command is not None:
            make_directory(places.command.parent)
            point(places.command, places.program)
        for link, page in places.pages.items():
            make_directory(link.parent)
            point(link, page)
        return Change(before, name, places.program, self._prune())

    def _prune(self) -> tuple[str, ...]:
        """Remove what is neither current nor previous, nor running."""
        gone = [
            version.name
            for version in self.standing().versions
            if not (version.current or version.previous or version.used)
        ]
        for name in gone:
            shutil.rmtree(self._folder(name))
        return tuple(gone)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Held by whoever changes something; raises CommandTaken, RootNeeded, Locked."""
        places = self._places
        if places.command is not None and places.command.exists() and not self._on_path():
            raise CommandTaken(path=places.command)
        try:
            make_directory(places.versions)
            with FileLock(places.lock):
                yield
        except PermissionError as error:
            raise RootNeeded(path=places.top) from error

    def _on_path(self) -> bool:
        """Whether the command's link leads to this installation, or is left over from it."""
        command = self._places.command
        return (
            command is not None
            and command.is_symlink()
            and command.readlink() == self._places.program
        )

    def _names(self) -> list[str]:
        if not self._places.versions.is_dir():
            return []
        folders = self._places.versions.iterdir()
        return sorted(one.name for one in folders if (one / PROGRAM).is_file())

    def _folder(self, name: str) -> Path:
        return (self._places.versions / name).resolve()

    def _leads_to(self, link: Path) -> str:
        """The name of the version that a link leads to; empty where there is none."""
        there = link.is_symlink() and (link / PROGRAM).is_file()
        return link.readlink().name if there else ""


def _named(units: Path) -> list[Path]:
    """The programs that services of this host start (systemd.service(5), ExecStart)."""
    texts = [path.read_text("utf-8", "replace") for path in units.glob("champ-*.service")]
    lines = [line for text in texts for line in text.splitlines()]
    starts = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    return [Path(start.split()[0].strip('"')) for start in starts if start]


def _running() -> list[Path]:
    """The programs of all processes that this one may look at (proc(5), exe)."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                found.append((process / "exe").readlink())
    return found
