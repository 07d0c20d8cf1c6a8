"""Waiting for the next medium of a bundle: what is plugged in, copied or taken away meanwhile.

Invariant: looking changes nothing; something that is still growing is not called complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.media import bundle_folders
from installer.sticks import MOUNTS, search

PAUSE = 2.0

Sight = frozenset[tuple[str, int]]


class NextMedium:
    """Looks for media with bundles of the names that `named` media had in the beginning."""

    def __init__(self, named: Sequence[Path], mounts: Path = MOUNTS) -> None:
        self._named, self._mounts = tuple(named), mounts
        self._names = {folder.name for path in named for folder in _folders(path)}
        self._before = self._last = self._sight()

    def also(self, path: Path) -> bool:
        """Look at the folder `path` too; False, and nothing else, where no such bundle is there."""
        fits = any(folder.name in self._names for folder in _folders(path))
        if fits and path not in self._named:
            self._named = (*self._named, path)
        return fits

    def at_hand(self) -> list[Path]:
        """The media to import from now: those named that are there, and mounted ones that fit."""
        found = [one.folder for one in search(None, self._mounts) if one.folder.name in self._names]
        return [*(path for path in self._named if path.is_dir()), *found]

    def changed(self) -> bool:
        """Whether files came since the last time this was true, and none is growing any more."""
        now, last = self._sight(), self._last
        self._last = now
        settled = now == last and bool(now - self._before)
        if settled or not now:
            self._before = now
        return settled

    def wait(self, pause: Callable[[float], None] = time.sleep) -> list[Path]:
        """Look every two seconds until something came; returns what is at hand then."""
        while not self.changed():
            pause(PAUSE)
        return self.at_hand()

    def _sight(self) -> Sight:
        return frozenset(file for place in self.at_hand() for file in _files(place))


def _folders(path: Path) -> list[Path]:
    try:
        return bundle_folders(path)
    except MediumUnreadable:
        return []


def _files(place: Path) -> list[tuple[str, int]]:
    """The files of a medium that an import could use, and their sizes now."""
    files = []
    for folder in {place, *_folders(place)}:
        try:
            files += [(str(path), path.lstat().st_size) for path in folder.iterdir()]
        except OSError:  # pulled while it was looked at: nothing is there
            continue
    return files
