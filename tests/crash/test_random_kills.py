"""A few kills at moments of chance, of real commands; tests/crash/random_kills.py makes many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.random_kills import Chance, kill

KILLS = 8


@pytest.mark.parametrize("verb", ["pack", "import", "gc"])
def test_commands_killed_at_any_moment(tmp_path: Path, verb: str) -> None:
    chance = Chance(tmp_path, seed=len(verb))
    assert kill(chance.act(verb), KILLS) >= KILLS
