"""What starts a run when a stick is plugged in, as systemd's tools and udev's syntax have it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.durable.units import UnitImpossible, write
from champ_offline.policy.plugging import MEDIUM, RULES, SERVICE, Order, units

ODD = "champ %n $HOME ;# é"
# KEY{attribute} operator "value": udev(7), "RULES FILES".
TOKEN = re.compile(r'[A-Z_]+(?:\{[A-Z_]+\})?(?:==|!=|=|\+=|:=)"[^"\\]*"')


def order(folder: Path) -> Order:
    folder.mkdir()
    program = folder.parent / ODD
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    words = (str(program), "--zone", str(folder), "run", "--policy", "/srv/$x %h.yaml")
    return Order(words, folder, (), (), ("vfat", "exfat"), "root")


def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    paths = write(units(order(tmp_path / ODD.replace("champ", "zone"))), tmp_path / "units")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(p for p in paths if p.suffix == ".service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "champ-" in line] == []


def test_the_service_may_do_little(tmp_path: Path) -> None:
    write(units(order(tmp_path / "zone")), tmp_path / "units")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=35",
         tmp_path / "units" / SERVICE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:] + done.stderr


def test_the_stick_is_read_only_before_it_is_mounted(tmp_path: Path) -> None:
    made = units(order(tmp_path / "zone"))
    assert [line for line in made[MEDIUM].splitlines() if line.startswith("Exec")] == [
        "ExecStartPre=/usr/sbin/blockdev --setro /dev/%i",
        "ExecStart=/usr/bin/mount -t vfat,exfat -o ro,nosuid,nodev,noexec /dev/%i %t/champ-run/%i",
        "ExecStop=/usr/bin/umount %t/champ-run/%i",
    ]
    (begins,) = (line for line in made[SERVICE].splitlines() if line.startswith("Exec"))
    assert begins.endswith(' run --policy "/srv/$$x %%h.yaml" %t/champ-run/%i')
    assert "Requires=champ-medium@%i.service\n" in made[SERVICE]


def test_nothing_of_the_stick_is_a_word_anywhere(tmp_path: Path) -> None:
    """Of a device only the kernel's name is used: no label, no UUID, no property of the stick."""
    made = units(order(tmp_path / "zone"))
    rule = made[RULES].splitlines()[1]
    assert set(re.findall(r"%.", rule)) == {"%k"}
    assert "$" not in rule
    ours = (made[SERVICE] + made[MEDIUM]).replace("%%", "").replace(str(tmp_path), "")
    assert set(re.findall(r"%.", ours)) == {"%i", "%t"}


def test_the_rule_is_one_that_udev_reads(tmp_path: Path) -> None:
    comment, rule = units(order(tmp_path / "zone"))[RULES].splitlines()
    assert comment.startswith("# ")
    tokens = rule.split(", ")
    assert all(TOKEN.fullmatch(token) for token in tokens), tokens
    assert 'ENV{ID_FS_TYPE}=="vfat|exfat"' in tokens
    assert 'SUBSYSTEMS=="usb"' in tokens
    assert tokens[-1] == 'ENV{SYSTEMD_WANTS}+="champ-run@%k.service"'


def test_what_it_writes_and_reads_is_open_to_it(tmp_path: Path) -> None:
    found = replace(order(tmp_path / "zone"), writable=(Path("/home/anna/receipts"),))
    text = units(found)[SERVICE]
    assert f"ReadWritePaths={tmp_path}/zone /home/anna/receipts\n" in text
    assert "ProtectHome=read-only\n" in text


@pytest.mark.parametrize(
    "change",
    [
        {"zone": Path("relative")},
        {"writable": (Path("/a\nb"),)},
        {"user": "a\nExecStart=/bin/sh"},
        {"command": ("champ",)},
        {"command": ("/champ", "a\x00")},
    ],
)
def test_what_no_unit_can_say(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(UnitImpossible):
        units(replace(order(tmp_path / "zone"), **change))  # type: ignore[arg-type]
