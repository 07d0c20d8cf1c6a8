"""Run the system's own programs (ip, mount, losetup ...) to their end.

Invariant: a failure is raised with the program's own words; nothing is left running.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.errors import CommandFailed


def call(*words: str | Path, limit: float = 60, stdin: str | None = None) -> str:
    """What the program wrote; raises CommandFailed for a non-zero exit or after `limit` seconds."""
    command = [str(word) for word in words]
    try:
        ended = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=limit, check=False
        )
    except FileNotFoundError as error:
        raise CommandFailed(f"“{command[0]}” is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"“{' '.join(command)}” ran longer than {limit:g} s.") from error
    if ended.returncode != 0:
        raise CommandFailed(_sentence(command, ended.returncode, ended.stderr or ended.stdout))
    return ended.stdout


def _sentence(command: Sequence[str], code: int, words: str) -> str:
    last = " / ".join(words.strip().splitlines()[-4:])
    return f"“{' '.join(command)}” ended with {code}: {last}"
