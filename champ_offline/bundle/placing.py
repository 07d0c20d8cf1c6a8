"""Which volume goes onto which medium, where the volumes are cut already.

Pure. Invariant: volumes go in order, each whole, and no medium is gone back to; volumes that were
cut for media of some size need no more of such media than they were cut for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a bundle takes, in bytes: each volume, in order, and what each of its media carries."""

    volumes: tuple[int, ...]
    documents: int


Room = Callable[[int], int | None]
"""Bytes on the medium of a number, from 1 on; None where there is no such medium."""


def place(loads: Sequence[Load], room: Room) -> list[tuple[int, ...]] | None:
    """For each bundle, and each of its volumes, the number of its medium; None without room.

    Bundles follow one another on the media: the next begins where the one before it ended. Where
    media never end, each volume must fit on one of them.
    """
    shelf = _Shelf(room)
    placed = []
    for load in loads:
        shelf.begin(load.documents)
        media = [shelf.put(size) for size in load.volumes]
        if None in media:
            return None
        placed.append(tuple(number for number in media if number is not None))
    return placed


class _Shelf:
    """Media that are filled one after the other."""

    def __init__(self, room: Room) -> None:
        self._room, self._number = room, 1
        self._left = room(1)
        self._documents = self._owed = 0

    def begin(self, documents: int) -> None:
        """Go on with another bundle, whose documents take so much on each medium."""
        self._documents = self._owed = documents

    def put(self, size: int) -> int | None:
        """The medium that takes the volume."""
        while self._left is not None and self._owed + size > self._left:
            self._number += 1
            self._left, self._owed = self._room(self._number), self._documents
        if self._left is None:
            return None
        self._left -= self._owed + size
        self._owed = 0
        return self._number
