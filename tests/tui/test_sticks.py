"""Which mounts count as media, and what a folder that cannot be read does."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.trust.key_errors import NoSuchFolder
from installer.sticks import bundles_at, mounted, search
from tests.tui.sample_app import make_media

MOUNTS = """\
/dev/sda2 / ext4 rw,relatime 0 0
/dev/sda1 /boot/efi vfat rw 0 0
/dev/sda3 /home ext4 rw 0 0
proc /proc proc rw 0 0
/dev/sdb1 /media/engineer/RED\\040STICK vfat rw 0 0
/dev/sdc1 /home/engineer/stick exfat rw 0 0
/dev/sdd1 /mnt/disk ext4 rw 0 0
image /mnt/fat fuse.fusefat rw 0 0
/dev/sr0 /media/cdrom iso9660 ro 0 0
tmpfs /run tmpfs rw 0 0
"""


@pytest.fixture(autouse=True)
def sticks_of_others() -> None:
    """Here it is told what is mounted."""


def test_sticks_disks_and_discs_are_media_and_the_machines_own_are_not() -> None:
    assert mounted(MOUNTS) == [
        (Path("/home/engineer/stick"), "exfat"),
        (Path("/media/cdrom"), "iso9660"),
        (Path("/media/engineer/RED STICK"), "vfat"),
        (Path("/mnt/disk"), "ext4"),
        (Path("/mnt/fat"), "fuse.fusefat"),
    ]


def test_bundles_are_found_on_mounts_and_in_a_named_folder(tmp_path: Path) -> None:
    stick = make_media(tmp_path, ("1.0",)).stick
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sdb1 {stick} vfat rw 0 0\n/dev/sdc1 {tmp_path}/gone vfat rw 0 0\n")
    (found,) = search(None, mounts)
    assert (found.folder, found.medium, found.kind) == (stick / "champ/greeter-1.0", stick, "vfat")
    mounts.write_text("")
    assert [one.folder for one in search(stick, mounts)] == [found.folder]
    assert search(None, mounts) == []


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediumUnreadable, match="cannot be read"):
        bundles_at(Path("/" + "too-long" * 100))
    with pytest.raises(NoSuchFolder):
        bundles_at(tmp_path / "nowhere")
