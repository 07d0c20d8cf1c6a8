"""Where the killed work: in memory if the machine has a place for that.

A killed process leaves there what it leaves on a disk; only a power cut would tell them apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.counts import MADE, told

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="champ-crash-", dir=MEMORY if MEMORY.is_dir() else None
    ) as name:
        yield Path(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often processes were killed in this run."""
    if MADE:
        terminalreporter.section("kills")
        terminalreporter.line(told(MADE))
