"""Runs `champ` as a user would: a process of its own, its streams kept apart."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.architecture.source import ROOT


def champ(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `champ`; the environment speaks no language and names no zone unless given."""
    unset = {"LANG", "LC_ALL", "LC_MESSAGES", "CHAMP_LANG", "CHAMP_ZONE", "LANGUAGE"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(
        [sys.executable, "-m", "installer", *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
