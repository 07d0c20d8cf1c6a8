"""A USB stick: a FAT image that is plugged in as a loop device and pulled out again.

Invariant: `image` holds what was written when the stick is not plugged in, as a real stick would.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab import resources
from tests.lab.commands import call
from tests.lab.records import Record, Records

OPTIONS = "rw,nosuid,nodev,noexec,uid=0,gid=0,utf8=1"


class Stick:
    """A stick of `megabytes` (10^6 bytes), formatted on first use as FAT (FAT32 from 512 MB)."""

    def __init__(self, records: Records, folder: Path, name: str, megabytes: int) -> None:
        self._records = records
        self._made: list[Record] = []
        self._mount_point = folder / name
        self.image = folder / f"{name}.img"
        if not self.image.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.image.touch()
            os.truncate(self.image, megabytes * 1_000_000 // 512 * 512)
            kind = ["-F", "32"] if megabytes >= 512 else []
            call("mkfs.vfat", *kind, "-n", "CHAMP", self.image)

    def plug(self) -> Path:
        """Attach and mount; the mount point. A stick that is in stays where it is."""
        if self._made:
            return self._mount_point
        self._mount_point.mkdir(exist_ok=True)
        self._made = [self._records.made("loop", image=str(self.image))]
        device = call("losetup", "--find", "--show", self.image).strip()
        self._made.append(self._records.made("mount", path=str(self._mount_point)))
        call("mount", "-t", "vfat", "-o", OPTIONS, device, self._mount_point)
        return self._mount_point

    def unplug(self) -> None:
        """Unmount and detach; everything written is in `image` afterwards."""
        while self._made:
            resources.remove(self._records, self._made[-1])
            self._made.pop()
