"""Waiting for the next medium of a bundle: what is plugged in, copied or taken away meanwhile.

Invariant: looking changes nothing; something that is still growing is not called complete; what is
no part of the bundle that was begun is never given out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.media import bundle_folders, leads_to_folder
from champ_offline.errors import ChampError
from installer.sticks import MOUNTS, Sight, search, sight

PAUSE = 2.0

# Which bundle media hold, by the digest of its bundle.json; raises what refuses it.
Which: TypeAlias = Callable[[Sequence[Path]], str]


class NextMedium:
    """Looks for media with more of the bundle that `named` media had in the beginning.

    `refused` are errors of media that came and whose bundle was refused, at the last look.
    """

    def __init__(self, named: Sequence[Path], which: Which, mounts: Path = MOUNTS) -> None:
        self._named, self._which, self._mounts = tuple(named), which, mounts
        self._names = {folder.name for path in named for folder in _folders(path)}
        self._begun = ""
        self._before = self._last = self._sight()
        self.refused: list[ChampError] = []

    def begin(self, media: Sequence[Path]) -> None:
        """Remember which bundle `media` hold, once; where none can be told, its name has to do."""
        if not self._begun:
            with suppress(ChampError):  # the import says it, or waits because of it
                self._begun = self._which(media)

    def also(self, path: Path) -> bool:
        """Look at the folder `path` too; False, and nothing else, where no such bundle is there."""
        fits = any(self._fits(folder) for folder in _folders(path))
        if fits and path not in self._named:
            self._named = (*self._named, path)
        return fits

    def at_hand(self) -> list[Path]:
        """The media to import from now: those with a part of the bundle, and none of any other.

        Empty where there is no part of it. Named folders of volumes alone come along.
        """
        self.refused = []
        parts, bare = [], []
        for path in self._places():
            folders = _folders(path)
            fitting = [folder for folder in folders if self._fits(folder)]
            # The whole medium where all of it fits: volumes may lie beside the bundle's folder.
            parts += [path] if folders and fitting == folders else fitting
            bare += [] if folders else [path]
        return [*parts, *bare] if parts else []

    def changed(self) -> bool:
        """Whether files came since the last time this was true, and none is growing any more."""
        now, last = self._sight(), self._last
        self._last = now
        settled = now == last and bool(now - self._before)
        if settled or not now:
            self._before = now
        return settled

    def wait(
        self, stranger: Callable[[], None], pause: Callable[[float], None] = time.sleep
    ) -> list[Path]:
        """Look every two seconds until a part of the bundle came; returns what is at hand then.

        `stranger` is called when something came that is no part of it.
        """
        while True:
            while not self.changed():
                pause(PAUSE)
            if found := self.at_hand():
                return found
            stranger()

    def _fits(self, folder: Path) -> bool:
        """Whether a bundle's folder is one of the bundle that was begun."""
        if not self._begun:
            return folder.name in self._names
        try:
            return self._which([folder]) == self._begun
        except ChampError as error:
            self.refused.append(error)
            return False

    def _places(self) -> list[Path]:
        """Named media that are there, and bundles on mounted ones that have the right name."""
        found = [one.folder for one in search(None, self._mounts) if one.folder.name in self._names]
        return [*filter(_is_there, self._named), *found]

    def _sight(self) -> Sight:
        return frozenset(file for place in self._places() for file in _files(place))


def _is_there(path: Path) -> bool:
    try:
        return leads_to_folder(path)
    except MediumUnreadable:
        return False


def _folders(path: Path) -> list[Path]:
    try:
        return bundle_folders(path)
    except MediumUnreadable:
        return []


def _files(place: Path) -> Sight:
    """The files of a medium that an import could use, as they are now."""
    return frozenset[tuple[str, int, int, int]]().union(
        *(sight(folder) for folder in {place, *_folders(place)})
    )
