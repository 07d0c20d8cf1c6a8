"""The entries of one layer by name, over what the layers below hold.

Invariant: after `complete` every parent of an entry is a directory here or below, so nothing is
ever unpacked through a link; entries that are the same below are not repeated.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from champ_offline.bundle.debian.names import parents
from champ_offline.bundle.debian.spool import Content
from champ_offline.errors import Phrase, Reason, Unfit

FILE, DIRECTORY, LINK = "file", "directory", "link"
Fingerprint = tuple[str, int, int, int, str, str]
# For a layer without packages: the earliest time that zip and FAT can hold.
_NO_TIME = 315532800


class Misplaced(Unfit):
    """The entry `name` must not stand where it does."""

    def __init__(self, name: str, reason: Reason) -> None:
        super().__init__(reason)
        self.name = name


@dataclass(frozen=True)
class Entry:
    """A file (with `content`), a directory or a symbolic link (to `target`)."""

    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    time: int = 0
    target: str = ""
    content: Content | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes two entries the same; time does not."""
        sha256 = self.content.sha256 if self.content else ""
        return self.kind, self.mode, self.uid, self.gid, self.target, sha256


class LayerTree:
    """A layer being made; `below` maps every name in the lower layers to its fingerprint."""

    def __init__(self, below: Mapping[str, Fingerprint]) -> None:
        self.below = below
        self.entries: dict[str, Entry] = {}

    def add_packaged(self, name: str, entry: Entry) -> None:
        """An entry of a package; a directory that is there already stays as it is."""
        known = self.kind(name)
        if not (entry.kind == DIRECTORY and known == DIRECTORY):
            self.entries[name] = entry

    def put(self, name: str, entry: Entry) -> None:
        """An entry that the description wants just so."""
        self.entries[name] = entry

    def kind(self, name: str) -> str:
        """What has the name here or below; "" is nothing."""
        if name in self.entries:
            return self.entries[name].kind
        return self.below[name][0] if name in self.below else ""

    def remove(self, patterns: Iterable[str]) -> None:
        """Take out this layer's entries whose names match."""
        matches = matcher(patterns)
        self.entries = {name: item for name, item in self.entries.items() if not matches(name)}

    def finish(self) -> tuple[dict[str, Entry], dict[str, Fingerprint]]:
        """(what the layer's tar holds, what the next layer finds below it)."""
        times = [entry.time for entry in self.entries.values() if entry.kind == FILE]
        # Several packages share a directory and each gives it another time; so the layer's own
        # newest file dates all directories and all that was made, not the moment of the build.
        stamp = max([time for time in times if time], default=_NO_TIME)
        found: dict[str, Entry] = {}
        for name in sorted(self.entries):
            entry = self.entries[name]
            dated = entry.time and entry.kind != DIRECTORY
            if self.below.get(name) != entry.fingerprint:
                found[name] = entry if dated else replace(entry, time=stamp)
        return found, {**self.below, **{name: found[name].fingerprint for name in found}}

    def complete(self) -> None:
        """Add missing parents; raises Misplaced."""
        for name in list(self.entries):
            under = self.below.get(name)
            if under and under[0] == DIRECTORY != self.entries[name].kind:
                raise Misplaced(name, Phrase("it would replace a folder of a lower layer"))
            for parent in parents(name):
                kind = self.kind(parent)
                if not kind:
                    self.entries[parent] = Entry(DIRECTORY, 0o755)
                elif kind != DIRECTORY:
                    raise Misplaced(name, Phrase("it lies under a link or a file"))


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a name matches one of the patterns in full; `*` also crosses slashes."""
    joined = "|".join(fnmatch.translate(pattern) for pattern in patterns)
    if not joined:
        return lambda _name: False
    compiled = re.compile(joined)
    return lambda name: compiled.match(name) is not None
