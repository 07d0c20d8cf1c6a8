"""A served registry killed while clients push; for more: `python -m tests.crash.served_pushes`."""

from __future__ import annotations

from pathlib import Path

from tests.crash.served_pushes import kill

KILLS = 25


def test_pushes_to_a_server_that_is_killed(tmp_path: Path) -> None:
    survived = kill(tmp_path, KILLS, 7)
    assert survived.cut >= 200
    assert survived.done
