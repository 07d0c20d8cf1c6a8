"""Media come into a ferry folder piece by piece; systemd's own path and timer have them seen to.

The units are those that `champ policy unit --ferry` writes; what comes is copied file by file, and
a service that is killed in the middle is started again by the timer.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from champ_offline.appliance import Appliance
from champ_offline.bundle.media import DOCUMENT
from tests.cli.command import champ
from tests.e2e.own_systemd import Systemd, booted
from tests.e2e.served_zone import until
from tests.tui.sample_app import ZONE, Media, make_media

SERVICE = "champ-ferry.service"
# Nobody runs a journal here.
OUTPUT = "[Service]\nStandardOutput=append:{log}\nStandardError=append:{log}\n"
OFTEN = "[Timer]\nOnActiveSec=1s\nOnUnitInactiveSec=\nOnUnitInactiveSec=2s\nAccuracySec=100ms\n"
UP = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/touch {mark}\n"


def _units(folder: Path, *, often: bool) -> Path:
    units = folder / "units"
    made = champ(
        "--zone", str(folder / "zone"), "policy", "unit", "--ferry", str(folder / "ferry"),
        "--policy", str(folder / "policy.yaml"), "--receipt", str(folder / "receipts"),
        "--write", str(units),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    _extra(units, SERVICE, OUTPUT.format(log=folder / "log"))
    if often:
        _extra(units, "champ-ferry.timer", OFTEN)
    (units / "up.service").write_text(UP.format(mark=folder / "up"))
    (units / "timers.target").write_text("[Unit]\nDescription=timers\n")
    return units


def _extra(units: Path, unit: str, text: str) -> None:
    (units / f"{unit}.d").mkdir()
    (units / f"{unit}.d" / "lab.conf").write_text(text)


def _prepare(folder: Path) -> Media:
    (folder / "made").mkdir()
    media = make_media(folder / "made", volume=300 * 1024)
    Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
    (folder / "policy.yaml").write_text("format: 1\nbundles: [greeter]\nhours: always\n")
    for name in ("ferry", "receipts"):
        (folder / name).mkdir()
    return media


def _source(media: Media, version: str) -> Path:
    return next(one.parent for one in media.stick.rglob(DOCUMENT) if version in str(one))


def _told(folder: Path) -> list[dict[str, Any]]:
    """What was told of bundles, in its order; events are left out."""
    log = folder / "log"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [one for one in found if "event" not in one]


def _states(folder: Path, name: str) -> list[str]:
    return [one["state"] for one in _told(folder) if one["name"] == name]


def _rests(systemd: Systemd) -> bool:
    return systemd.shows(SERVICE, "ActiveState") in {"inactive", "failed"}


def test_what_comes_into_the_folder_is_seen_to_by_systemd(tmp_path: Path) -> None:
    media = _prepare(tmp_path)
    ferry = tmp_path / "ferry"
    with booted(_units(tmp_path, often=False), "up.service", tmp_path / "systemd") as systemd:
        until((tmp_path / "up").exists, "systemd is not up")
        systemd.ctl("start", "champ-ferry.path")
        shutil.copytree(_source(media, "1.0"), tmp_path / "ready" / "champ" / "greeter-1.0")
        (tmp_path / "ready").rename(ferry / "monday")
        until(lambda: _states(tmp_path, "greeter-1.0") == ["done"], "the path starts nothing")
        until(lambda: _rests(systemd), "it does not end")
        assert systemd.shows(SERVICE, "Result") == "success"
        (ferry / "other").mkdir()
        until(lambda: _states(tmp_path, "other") == ["waiting"], "it starts no second time")
    assert _states(tmp_path, "greeter-1.0") == ["done"]
    (receipt,) = (tmp_path / "receipts").iterdir()
    assert json.loads(receipt.read_text())["bundles"][0]["verdict"] == "done"


def test_pieces_and_a_kill_in_the_middle(tmp_path: Path) -> None:
    media = _prepare(tmp_path)
    part = tmp_path / "ferry" / "tuesday" / "champ" / "greeter-2.0"
    files = [one for one in _source(media, "2.0").rglob("*") if one.is_file()]
    files.sort(key=lambda path: (path.suffix == ".tar", path))
    with booted(_units(tmp_path, often=True), "up.service", tmp_path / "systemd") as systemd:
        until((tmp_path / "up").exists, "systemd is not up")
        systemd.ctl("start", "champ-ferry.path", "champ-ferry.timer")
        for source in files[:-1]:
            target = part / source.relative_to(_source(media, "2.0"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        until(lambda: _states(tmp_path, "greeter-2.0") == ["waiting"], "it is not waited for")
        until(lambda: not _rests(systemd), "the timer starts nothing")
        systemd.ctl("kill", "--signal=KILL", SERVICE)
        shutil.copyfile(files[-1], part / files[-1].relative_to(_source(media, "2.0")))
        until(lambda: "done" in _states(tmp_path, "greeter-2.0"), "it is not gone on with")
        until(lambda: _rests(systemd), "it does not end")
        systemd.ctl("stop", "champ-ferry.timer", "champ-ferry.path")
    assert _states(tmp_path, "greeter-2.0") == ["waiting", "done"]
    zone = Appliance.open(tmp_path / "zone")
    assert [one.document.version for one in zone.summary().bundles] == ["2.0"]
    assert [row.act for row in zone.audit.rows()].count("bundle.import") == 1
