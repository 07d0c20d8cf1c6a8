"""What README.md and docs/store.md tell people to type is understood."""

from __future__ import annotations

import shlex

import pytest

from tests.architecture.source import ROOT
from tests.cli.command import champ

README = (ROOT / "README.md").read_text(encoding="utf-8")
STORE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
COMMANDS = [line for line in (README + STORE).splitlines() if line.startswith("champ ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    """With --help click still reads every option, and refuses those it does not know."""
    words = shlex.split(line, comments=True)[1:]
    done = champ(*words, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: champ ")


def test_commands_are_shown() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("target", ["demo", "test", "dist", "help"])
def test_make_targets_exist(target: str) -> None:
    assert f"make {target}" in README
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "make test"
