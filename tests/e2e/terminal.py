"""A real terminal of 80 by 24: tmux with a socket of its own, keys in, the screen's text out."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from installer.terminal_text import width
from tests.e2e.commands import Failed, environment

COLUMNS, LINES = 80, 24


class Terminal:
    """Runs one command; every screen that is kept becomes a file in `folder`."""

    def __init__(
        self, name: str, words: Sequence[str], extra: Mapping[str, str], folder: Path
    ) -> None:
        self._socket = f"champ-{name}-{os.getpid()}"
        self._words, self._extra, self._folder = list(words), dict(extra), folder
        self._kept = 0

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.txt"):
            old.unlink()
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        # A shell stays behind, so that the end of the command can be seen.
        start = ["new-session", "-d", "-s", "main", *size, "--", "sh"]
        self._tmux("-f", "/dev/null", *start, env=environment(self._extra))
        quoted = " ".join(f"'{word}'" for word in self._words)
        self.type(f"clear; {quoted}; echo ended with $?")
        self.press("Enter")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tmux("kill-server")

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "main").rstrip("\n")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them (Enter, Escape, F2, Tab, Up, a)."""
        for key in keys:
            self._tmux("send-keys", "-t", "main", key)
            # A terminal tells Esc from the start of a longer key by the silence after it.
            time.sleep(0.3 if key == "Escape" else 0.03)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._tmux("send-keys", "-t", "main", "-l", "--", text)

    def clear_line(self) -> None:
        """Empty the line that is being edited."""
        self.press("C-e", "C-u")

    def sees(self, *texts: str, seconds: float = 30) -> str:
        """Wait until the screen shows all of these; raises Failed with the screen otherwise."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self.text
            missing = [text for text in texts if text not in shown]
            if not missing:
                return shown
            if time.monotonic() > deadline:
                raise Failed(f"not seen after {seconds:.0f} s: {missing}\n{shown}")
            time.sleep(0.1)

    def keep(self, step: str) -> str:
        """Write the screen to the folder; nothing may be wider than the terminal."""
        text = self.text
        self._kept += 1
        (self._folder / f"{self._kept:02}-{step}.txt").write_text(text + "\n", encoding="utf-8")
        assert max(map(width, text.split("\n"))) <= COLUMNS
        return text

    def _tmux(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *words],
            capture_output=True, text=True, timeout=30, env=env, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"tmux {' '.join(words)}: {done.stderr}")
        return done.stdout
