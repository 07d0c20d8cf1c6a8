"""Killed before every step of an update and a rollback: a program that works is always current."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from champ_offline.installation.places import Places
from champ_offline.installation.programs import Programs
from tests.crash import kills
from tests.crash.counts import check_count
from tests.unit.installation.fake import champ_sh, name_of, signed


def current(places: Places) -> str:
    """What the command on everybody's path says."""
    assert places.command is not None
    done = subprocess.run([str(places.command)], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def kill_everywhere(folder: Path, act: Callable[[Programs], object], before: str, now: str) -> int:
    """Kill before each step, then do it whole; how many kills there were."""
    at_first = folder / "at first"
    shutil.copytree(folder / "host", at_first, symlinks=True)
    places = Places(folder / "host/opt", folder / "host/bin/champ")
    steps = kills.run(lambda: act(Programs(places))).steps
    assert current(places) == now
    for last in range(1, steps + 1):
        shutil.rmtree(folder / "host")
        shutil.copytree(at_first, folder / "host", symlinks=True)
        assert kills.run(lambda: act(Programs(places)), last).killed
        assert current(places) in {before, now}
        if now > before:  # the same command ends what it began; a rollback would lead back
            act(Programs(places))
            assert current(places) == now
    return steps


def test_an_update(tmp_path: Path) -> None:
    places = Places(tmp_path / "host/opt", tmp_path / "host/bin/champ")
    programs = Programs(places)
    for version in (1, 2):
        programs.install(champ_sh(tmp_path / str(version), version))
    offer = signed(champ_sh(tmp_path / "3", 3), packed=30)
    count = kill_everywhere(tmp_path, lambda one: one.update(offer), "2.0", "3.0")
    check_count("self: update", count)
    standing = programs.standing()
    assert (standing.current, standing.previous) == (name_of(3), name_of(2))
    assert [one.name for one in standing.versions] == [name_of(2), name_of(3)]
    assert list(places.incoming.iterdir()) == []


def test_a_rollback(tmp_path: Path) -> None:
    programs = Programs(Places(tmp_path / "host/opt", tmp_path / "host/bin/champ"))
    for version in (1, 2):
        programs.install(champ_sh(tmp_path / str(version), version))
    count = kill_everywhere(tmp_path, lambda one: one.rollback(), "2.0", "1.0")
    check_count("self: rollback", count)
