"""Runs `champ` as a user would: a process of its own, its streams kept apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.architecture.source import ROOT
from tests.cli import loaded


def champ(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start `champ` anew; the environment speaks no language and names no zone unless given."""
    return subprocess.run(
        [sys.executable, "-m", "installer", *arguments],
        cwd=ROOT,
        env=_plain(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def loaded_champ(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same, for tests of many commands: forked from a process that has the library loaded."""
    return loaded_champ_in(ROOT, *arguments, **environment)


def loaded_champ_in(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same, run in `folder`."""
    return loaded.run(arguments, folder, _plain(environment))


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    unset = {"LANG", "LC_ALL", "LC_MESSAGES", "CHAMP_LANG", "CHAMP_ZONE", "LANGUAGE"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, **environment}
