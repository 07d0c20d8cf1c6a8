"""Media that may carry bundles: mounted sticks and disks, found in /proc/self/mounts.

Invariant: looking changes nothing and mounts nothing; the system's own file systems are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

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


def search(named: Path | None, mounts: Path = MOUNTS) -> list[Found]:
    """All bundles on media, and in the folder `named`; what cannot be read holds none."""
    places = [(named, "")] if named is not None else []
    places += mounted(mounts.read_text(encoding="utf-8", errors="surrogateescape"))
    found: dict[Path, Found] = {}
    for medium, kind in places:
        try:
            folders = bundle_folders(medium)
        except MediumUnreadable:
            continue
        for folder in folders:
            found.setdefault(folder, Found(folder, medium, kind))
    return list(found.values())


def bundles_at(path: Path) -> list[Found]:
    """The bundles at a folder that a person named.

    Raises NoSuchFolder, NoBundle, BundleBelow, MediumUnreadable.
    """
    return [Found(folder, path, "") for folder in folders_of([path])]


def _is_system(point: str, kind: str) -> bool:
    tops = (*_FIRMWARE, *_OWN) if kind in _LINUX else _FIRMWARE
    return point == "/" or any(point == top or point.startswith(f"{top}/") for top in tops)
