"""systemd's own tools read the units, whatever characters the paths have."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.durable.units import UnitImpossible, write
from champ_offline.registry.unit import SERVICE, SOCKET, Order, units

ODD = "champ %n $HOME ;# é"
AWKWARD = "champ %n $HOME \"q\" \\x 'z' ;# é"


def order(folder: Path) -> Order:
    """A program that is there, in a folder that is there."""
    folder.mkdir()
    program = folder.parent / ODD
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    words = (str(program), "--zone", str(folder), "registry", "serve", "--name", "$x %h")
    return Order(words, folder, (), (), "10.0.0.5", 5443, "root", 600)


def analyze(*words: str | Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["zone", AWKWARD])
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path, name: str) -> None:
    made = units(order(tmp_path / name))
    paths = write(made, tmp_path / "units")
    said = analyze("verify", "--man=no", *paths)
    assert [line for line in said.splitlines() if "champ-registry" in line] == []


def test_a_program_that_is_not_there_is_seen_by_it(tmp_path: Path) -> None:
    """So the test above sees whether the path in the unit is the one on the disk."""
    found = order(tmp_path / AWKWARD)
    (tmp_path / ODD).unlink()
    paths = write(units(found), tmp_path / "units")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"{tmp_path}/{ODD} is not executable" in done.stderr


def test_the_service_may_do_little(tmp_path: Path) -> None:
    write(units(order(tmp_path / "zone")), tmp_path / "units")
    said = analyze("security", "--offline=yes", "--threshold=30", tmp_path / "units" / SERVICE)
    assert "Overall exposure level" in said


def test_how_words_are_written(tmp_path: Path) -> None:
    made = units(order(tmp_path / AWKWARD))
    folder = f'"{tmp_path}/champ %%n $HOME \\"q\\" \\\\x \'z\' ;# é"'
    program = f'"{tmp_path}/champ %%n $HOME ;# é"'
    lines = made[SERVICE].splitlines()
    escaped = folder.replace("$HOME", "$$HOME")
    start = f'ExecStart={program} --zone {escaped} registry serve --name "$$x %%h"'
    assert start in lines
    assert f"ReadWritePaths={folder}" in lines
    assert "TimeoutStopSec=630" in lines


def test_addresses_and_homes(tmp_path: Path) -> None:
    found = order(tmp_path / "zone")
    assert "ListenStream=10.0.0.5:5443\n" in units(found)[SOCKET]
    assert "ListenStream=[::]:5443\n" in units(replace(found, address="::"))[SOCKET]
    assert "ProtectHome=yes\n" in units(found)[SERVICE]
    assert "PrivateTmp=no\n" in units(found)[SERVICE]
    elsewhere = replace(found, zone=Path("/srv/zone"), command=("/opt/champ",))
    assert "PrivateTmp=yes\n" in units(elsewhere)[SERVICE]
    linked = replace(elsewhere, zone=Path("/proc/self/root/var/tmp/zone"))
    assert "PrivateTmp=no\n" in units(linked)[SERVICE]
    built = replace(elsewhere, readable=(Path("/root/python"),))
    assert "ProtectHome=read-only\n" in units(built)[SERVICE]
    logs = replace(found, writable=(Path("/home/anna/log"),))
    assert "ProtectHome=read-only\n" in units(logs)[SERVICE]
    assert f"ReadWritePaths={found.zone} /home/anna/log\n" in units(logs)[SERVICE]


@pytest.mark.parametrize(
    "change",
    [
        {"zone": Path("relative")},
        {"zone": Path("/a\nb")},
        {"address": "registry.zone"},
        {"user": ""},
        {"user": "a\nExecStart=/bin/sh"},
        {"command": ("champ",)},
        {"command": ('/a"b',)},
        {"command": ("/champ", "a\x00")},
    ],
)
def test_what_no_unit_can_say(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(UnitImpossible):
        units(replace(order(tmp_path / "zone"), **change))  # type: ignore[arg-type]
