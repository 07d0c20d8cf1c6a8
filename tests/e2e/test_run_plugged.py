"""A stick is plugged in, systemd itself runs under the policy on it, and a receipt tells of it.

udev does not run here; what its rule asks systemd for, the service of the device, is started as it
would be. The stick is a loop device with a file system of its own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from champ_offline.appliance import Appliance
from tests.cli.command import champ
from tests.e2e.own_systemd import Systemd, booted
from tests.e2e.served_zone import until
from tests.tui.sample_app import ZONE, Media, make_media

LABEL = "$(id) %i\\x2f"
# Nobody runs a journal here.
OUTPUT = "[Service]\nStandardOutput=append:{log}\nStandardError=append:{log}\n"
UP = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/touch {mark}\n"


def call(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """A stick with a bundle for the zone, and a label that would like to be a command."""
    (tmp_path / "made").mkdir()
    media = make_media(tmp_path / "made")
    _prepare(tmp_path, media)
    image = tmp_path / "stick.img"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    call("mkfs.ext4", "-q", "-L", LABEL, "-d", media.stick, image)
    found = call("losetup", "--find", "--show", image)
    yield found
    call("blockdev", "--setrw", found)  # the kernel keeps this for the next image on it
    call("losetup", "--detach", found)


def _prepare(folder: Path, media: Media) -> None:
    Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
    (folder / "policy.yaml").write_text("format: 1\nbundles: [greeter]\nhours: always\n")


def _units(folder: Path) -> Path:
    units = folder / "units"
    made = champ(
        "--zone", str(folder / "zone"), "policy", "unit", "--policy", str(folder / "policy.yaml"),
        "--receipt", str(folder / "receipts"), "--file-system", "ext4", "--write", str(units),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (folder / "receipts").mkdir()
    extra = units / "champ-run@.service.d" / "output.conf"
    extra.parent.mkdir()
    extra.write_text(OUTPUT.format(log=folder / "log"))
    (units / "up.service").write_text(UP.format(mark=folder / "up"))
    return units


def _plug(systemd: Systemd, device: str, folder: Path, count: int) -> dict[str, Any]:
    unit = f"champ-run@{Path(device).name}.service"
    systemd.ctl("start", unit)
    until(lambda: systemd.shows(unit, "ActiveState") in {"inactive", "failed"}, "it does not end")
    receipts = sorted((folder / "receipts").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(receipts) == count, (folder / "log").read_text()
    found: dict[str, Any] = json.loads(receipts[-1].read_text())
    return found


def test_a_plugged_stick_is_taken_in_and_left_as_it_was(device: str, tmp_path: Path) -> None:
    before = (tmp_path / "stick.img").read_bytes()
    with booted(_units(tmp_path), "up.service", tmp_path / "systemd") as systemd:
        until((tmp_path / "up").exists, "systemd is not up")
        first = _plug(systemd, device, tmp_path, 1)
        assert [row["verdict"] for row in first["bundles"]] == ["done", "done"]
        again = _plug(systemd, device, tmp_path, 2)
        assert [row["verdict"] for row in again["bundles"]] == ["as it is", "as it is"]
        assert again["exit_code"] == 0
        unit = f"champ-run@{Path(device).name}.service"
        assert systemd.shows(unit, "Result") == "success"
        medium = f"champ-medium@{Path(device).name}.service"
        until(lambda: systemd.shows(medium, "ActiveState") == "inactive", "it stays mounted")
        assert systemd.shows(medium, "Result") == "success"
    assert (tmp_path / "stick.img").read_bytes() == before
    held = Appliance.open(tmp_path / "zone").summary().bundles
    assert sorted(one.document.version for one in held) == ["1.0", "2.0"]
