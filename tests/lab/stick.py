"""A USB stick: a FAT or exFAT image that is plugged in and pulled out again; or an ext4 disk.

Invariant: `image` holds what was written when the stick is not plugged in, as a real stick would.
Where the kernel lacks the file system its FUSE program stands in; fusefat then takes ASCII names
only and says EPERM where a full stick would say ENOSPC, exfat-fuse has no such limits.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Literal, TypeAlias

from tests.lab import processes, resources
from tests.lab.commands import call
from tests.lab.errors import LabError, TookTooLong
from tests.lab.records import Record, Records

FileSystem: TypeAlias = Literal["fat", "exfat", "ext4"]

KERNEL = {"fat": "vfat", "exfat": "exfat", "ext4": "ext4"}
OPTIONS = {
    "fat": "nosuid,nodev,noexec,utf8=1",
    "exfat": "nosuid,nodev,noexec,iocharset=utf8",
    "ext4": "nosuid,nodev,noexec",
}
SECTORS_AHEAD = "256"  # what the kernel reads ahead from a USB stick; from loop devices, far more
FAT32_FROM = 512  # megabytes; smaller images get the FAT that mkfs.vfat finds fit


class Stick:
    """A stick of `megabytes` (10^6 bytes), formatted on first use."""

    def __init__(
        self, records: Records, folder: Path, name: str, megabytes: int, file_system: FileSystem
    ) -> None:
        self._records = records
        self._made: list[Record] = []
        self._server: subprocess.Popen[str] | None = None
        self._aside: Path | None = None
        self._mount_point = folder / name
        self._kind = file_system
        self.image = folder / f"{name}.img"
        if not self.image.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.image.touch()
            os.truncate(self.image, megabytes * 1_000_000 // 512 * 512)
            self._format(megabytes)
        elif self._is_exfat() != (file_system == "exfat"):
            raise LabError(f"{self.image} is there already, with another file system.")

    def plug(self) -> Path:
        """Attach and mount; the mount point. A stick that is in stays where it is."""
        if not self._made:
            self._mount_point.mkdir(exist_ok=True)
            if not self._in_kernel() and self._kind == "fat":
                self._serve()
            else:
                self._mount()
        return self._mount_point

    def unplug(self) -> None:
        """Unmount and detach; everything written is in `image` afterwards."""
        while self._made:
            if self._made[-1].kind == "process" and self._server is not None:
                self._server.wait(30)  # it writes the rest after the unmount
            resources.remove(self._records, self._made[-1])
            self._made.pop()
        if self._aside is not None:
            self._aside.replace(self.image)
            self._aside = None

    @property
    def device(self) -> str:
        """The loop device it is attached to while it is plugged in."""
        (device,) = resources.loop_devices(self.image)
        return device

    def pull(self) -> None:
        """Take it out without a word: every byte of the device is gone under the mount.

        `unplug` clears away what is left of it; the image is then as it was before.
        """
        aside = self.image.with_suffix(".aside")
        call("blockdev", "--flushbufs", self.device)  # what is written later makes the image grow
        call("cp", "--sparse=always", self.image, aside)
        os.truncate(self.image, 0)
        call("blockdev", "--flushbufs", self.device)
        self._aside = aside

    def kill_server(self) -> None:
        """Kill the FUSE program of a FAT stick; the mount answers nothing from then on."""
        if self._server is None:
            raise LabError(f"No program serves {self.image}.")
        self._server.kill()
        self._server.wait(30)

    def _format(self, megabytes: int) -> None:
        if self._kind == "exfat":
            call("mkfs.exfat", self.image)
        elif self._kind == "ext4":
            call("mkfs.ext4", "-q", "-m", "0", self.image)
        else:
            kind = ["-F", "32"] if megabytes >= FAT32_FROM else []
            call("mkfs.vfat", *kind, self.image)

    def _is_exfat(self) -> bool:
        with self.image.open("rb") as image:
            return image.read(11)[3:] == b"EXFAT   "

    def _in_kernel(self) -> bool:
        return KERNEL[self._kind] in Path("/proc/filesystems").read_text().split()

    def _mount(self) -> None:
        self._made.append(self._records.made("loop", image=str(self.image)))
        device = call("losetup", "--find", "--show", self.image).strip()
        # A stick that is plugged in is a new device; a loop device remembers the one before.
        call("blockdev", "--setrw", "--setra", SECTORS_AHEAD, device)
        self._made.append(self._records.made("mount", path=str(self._mount_point)))
        if self._in_kernel():
            kind, options = KERNEL[self._kind], OPTIONS[self._kind]
            call("mount", "-t", kind, "-o", options, device, self._mount_point)
        else:
            call("mount.exfat-fuse", device, self._mount_point)

    def _serve(self) -> None:
        words = ["fusefat", "-f", "-s", "-o", "rw+", str(self.image), str(self._mount_point)]
        quiet = subprocess.DEVNULL
        self._server, record = processes.start(self._records, words, stdout=quiet, stderr=quiet)
        self._made.append(record)
        self._made.append(self._records.made("mount", path=str(self._mount_point)))
        if not processes.wait_until(self._is_served, 10):
            raise TookTooLong(f"{self.image} is not mounted after 10 s.")

    def _is_served(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise LabError(f"fusefat cannot mount {self.image}.")
        return str(self._mount_point) in resources.mount_points()
