"""Media that may carry bundles: mounted sticks and disks, found in /proc/self/mounts.

Invariant: looking changes nothing and mounts nothing; the system's own file systems are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.media import bundle_folders, folders_of

MOUNTS = Path("/proc/self/mounts")
# What sticks and disks are formatted with, by the kernel's drivers and by those of FUSE.
KINDS = frozenset({
    "vfat", "exfat", "ntfs", "ntfs3", "iso9660", "udf", "ext4", "fuseblk",
    "fuse.fusefat", "fuse.exfat", "fuse.exfat-fuse", "fuse.ntfs-3g",
})  # fmt: skip
_FIRMWARE = ("/boot", "/efi")
# A disk of a Linux file system at such a place is the machine's own.
_LINUX = frozenset({"ext4"})
_OWN = ("/usr", "/var", "/etc", "/opt", "/home", "/root", "/srv", "/nix")
# Path, size, time of change and inode of each file: another stick may have the same names.
Sight: TypeAlias = frozenset[tuple[str, int, int, int]]
_MOST_FILES = 10_000
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Found:
    """A bundle's folder on the medium mounted (or named) at `medium`, of file system `kind`."""

    folder: Path
    medium: Path
    kind: str


def mounted(mounts: str) -> list[tuple[Path, str]]:
    """Mount points and kinds of removable media, given the text of /proc/self/mounts."""
    found: dict[Path, str] = {}
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[2] in KINDS and not _is_system(fields[1], fields[2]):
            found[Path(_ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[1]))] = fields[2]
    return sorted(found.items())


def places(named: Path | None, mounts: Path = MOUNTS) -> list[tuple[Path, str]]:
    """Where bundles may be, with the kind of file system: `named`, and the media there are now."""
    found = [(named, "")] if named is not None else []
    return found + mounted(mounts.read_text(encoding="utf-8", errors="surrogateescape"))


def bundles_on(medium: Path, kind: str) -> list[Found]:
    """The bundles of a medium; one that cannot be read holds none."""
    try:
        return [Found(folder, medium, kind) for folder in bundle_folders(medium)]
    except MediumUnreadable:
        return []


def search(named: Path | None, mounts: Path = MOUNTS) -> list[Found]:
    """All bundles on media, and in the folder `named`; what cannot be read holds none."""
    found: dict[Path, Found] = {}
    for medium, kind in places(named, mounts):
        for one in bundles_on(medium, kind):
            found.setdefault(one.folder, one)
    return list(found.values())


def sight(folder: Path) -> Sight:
    """The files of a folder as they are now; none where it cannot be read."""
    files: list[tuple[str, int, int, int]] = []
    try:
        for path in islice(folder.iterdir(), _MOST_FILES):
            found = path.lstat()
            files.append((str(path), found.st_size, found.st_mtime_ns, found.st_ino))
    except OSError:  # pulled while it was looked at: nothing is there
        return frozenset()
    return frozenset(files)


def bundles_at(path: Path) -> list[Found]:
    """The bundles at a folder that a person named.

    Raises NoSuchFolder, NoBundle, BundleBelow, MediumUnreadable.
    """
    return [Found(folder, path, "") for folder in folders_of([path])]


def _is_system(point: str, kind: str) -> bool:
    tops = (*_FIRMWARE, *_OWN) if kind in _LINUX else _FIRMWARE
    return point == "/" or any(point == top or point.startswith(f"{top}/") for top in tops)
