"""The units of a ferry folder: systemd reads them as they are meant."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.durable.units import UnitImpossible
from champ_offline.policy.gate_units import PATH, SERVICE, TIMER, FerryOrder, ferry_units


def order(folder: Path) -> FerryOrder:
    return FerryOrder(
        command=("/usr/bin/true", "run", "--watch", str(folder), "--once"),
        zone=Path("/srv/champ"),
        folder=folder,
        writable=(Path("/var/log/champ"),),
        readable=(Path("/etc/champ/policy.yaml"),),
        user="root",
    )


def test_systemd_takes_them(tmp_path: Path) -> None:
    for name, text in ferry_units(order(Path("/srv/ferry in"))).items():
        (tmp_path / name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "champ-ferry" not in checked.stderr


def test_the_folder_is_watched_and_only_read() -> None:
    made = ferry_units(order(Path("/srv/gate")))
    assert set(made) == {SERVICE, PATH, TIMER}
    assert "\nPathChanged=/srv/gate\n" in made[PATH]
    assert "\nOnUnitInactiveSec=2min\n" in made[TIMER]
    assert "\nReadWritePaths=/srv/champ /var/log/champ\n" in made[SERVICE]
    assert "\nReadOnlyPaths=/srv/gate\n" in made[SERVICE]
    assert made[SERVICE].count("ExecStart=") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"folder": Path("gate")},
        {"folder": Path("/a\nb")},
        {"folder": Path("/a\\")},
        {"user": "a\nExecStart=/x"},
    ],
)
def test_what_no_unit_can_say(change: dict[str, object]) -> None:
    with pytest.raises(UnitImpossible):
        ferry_units(replace(order(Path("/srv/gate")), **change))  # type: ignore[arg-type]
