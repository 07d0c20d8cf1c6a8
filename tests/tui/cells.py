"""A real terminal of 80 by 24, cell by cell: GNU screen, which can draw ambiguous characters wide.

Its hard copy has one byte for each cell: the low byte of the character, and 0xff in the second cell
of a wide one. So a byte's place in its line is a column of the terminal.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.tui.screen import PROJECT

CHAMP = (sys.executable, "-m", "installer")
PATIENCE = 30.0
_SETTINGS = "startup_message off\nvbell off\ndefutf8 on\ncjkwidth {wide}\nterm screen-256color\n"
_KEPT = ("PATH", "HOME", "PYTHONPYCACHEPREFIX")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What `champ` is run with: nothing that steers it but `extra`."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(PROJECT), "LC_CTYPE": "C.UTF-8", **extra}


class Cells:
    """Runs `champ` until it is left; `wide` says how ambiguous characters are drawn."""

    def __init__(self, folder: Path, extra: Mapping[str, str], *, wide: bool) -> None:
        self._folder, self._extra, self._wide = folder, dict(extra), wide

    def __enter__(self) -> Self:
        (self._folder / "sockets").mkdir(mode=0o700)
        settings = self._folder / "screenrc"
        settings.write_text(_SETTINGS.format(wide="on" if self._wide else "off"), "utf-8")
        # For champ alone: the terminal itself has a locale of its own.
        told = [f"{name}={value}" for name, value in self._extra.items()]
        words = shlex.join(["env", "-u", "LC_ALL", *told, *CHAMP])
        line = f"{words}; echo ended with $?; exec sleep 600"
        self._screen("-U", "-c", str(settings), "-d", "-m", "sh", "-c", line)
        self._wait_until_it_listens()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._screen("-X", "quit")

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(subprocess.CalledProcessError):
                return self._screen("-X", "version")
            time.sleep(0.05)
        raise AssertionError("the terminal does not listen")

    @property
    def rows(self) -> list[bytes]:
        """The lines of the terminal, a byte a cell; wide characters end in 0xff."""
        copy = self._folder / "copy"
        copy.unlink(missing_ok=True)
        self._screen("-X", "hardcopy", str(copy))
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if copy.exists() and (data := copy.read_bytes()).count(b"\n") >= 24:
                return data.split(b"\n")
            time.sleep(0.02)
        raise AssertionError("the terminal gave no copy")

    def type(self, text: str) -> None:
        """Type it; Enter is `\\r`."""
        self._screen("-X", "stuff", text)

    def sees(self, text: str) -> list[bytes]:
        """Wait until an ASCII text is there, and nothing is being painted any more."""
        until, before = time.monotonic() + PATIENCE, list[bytes]()
        while time.monotonic() < until:
            rows = self.rows
            if rows == before and any(text.encode("ascii") in row for row in rows):
                return rows
            before = rows
            time.sleep(0.1)
        raise AssertionError(f"not seen: {text}\n" + "\n".join(map(repr, self.rows)))

    def _screen(self, *words: str) -> None:
        where = {"SCREENDIR": str(self._folder / "sockets"), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        subprocess.run(
            ["screen", "-S", "champ", *words],
            env=environment(where), capture_output=True, check=True, timeout=30,
        )  # fmt: skip
