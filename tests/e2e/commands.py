"""Runs `champ` and stock tools as their users do, and says what they said when they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
CHAMP = Path(sys.executable).with_name("champ")
Enter = Callable[[Sequence[str | Path]], list[str]]


class Failed(Exception):
    """A command ended otherwise than it should have."""


def here(words: Sequence[str | Path]) -> list[str]:
    """The words as they are: run on this machine, in its own network."""
    return [str(word) for word in words]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer champ, plus `extra`."""
    kept = {k: v for k, v in os.environ.items() if k not in {"CHAMP_ZONE", "KUBECONFIG"}}
    return kept | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"} | dict(extra or {})


def run(
    words: Sequence[str | Path],
    *,
    enter: Enter = here,
    expect: int | None = 0,
    timeout: float = 900,
    extra: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; raises Failed unless it exits with `expect` (None: any code)."""
    done = subprocess.run(
        enter(words),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(extra),
        check=False,
    )
    if expect is not None and done.returncode != expect:
        said = (done.stderr.strip() or done.stdout.strip())[-3000:]
        shown = " ".join(map(str, words))
        raise Failed(f"“{shown}” ended with {done.returncode}, not {expect}:\n{said}")
    return done


class Champ:
    """The command `champ`, wherever `enter` leads, with or without a zone."""

    def __init__(
        self,
        enter: Enter | None = None,
        zone: Path | None = None,
        program: Sequence[str | Path] = (CHAMP,),
    ) -> None:
        self._enter, self._zone, self._program = enter or here, zone, program

    def words(self, *words: str | Path) -> list[str]:
        """The full command line, for whoever starts it elsewhere."""
        zone: list[str | Path] = [] if self._zone is None else ["--zone", self._zone]
        return self._enter([*self._program, *zone, *words])

    def __call__(
        self, *words: str | Path, expect: int | None = 0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb; raises Failed unless it exits with `expect`."""
        return run(self.words(*words), expect=expect, stdin=stdin)

    def json(self, *words: str | Path) -> Any:
        """The verb's result as JSON."""
        return json.loads(self("--json", *words).stdout)
