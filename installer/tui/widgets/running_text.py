"""Lines that go on coming: a bounded number of them, the last ones in sight unless one scrolled up.

Invariant: what came from outside cannot drive the terminal; lines are written in batches, for each
batch costs a layout, and broken where they do not fit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from textual.widgets import Log

from installer.terminal_text import wrapped


class RunningText(Log):
    """`show` replaces the lines, `add` appends some; `only` is what a line must have to be seen."""

    def __init__(self, most: int) -> None:
        """Of more than `most` lines the oldest are forgotten."""
        super().__init__(max_lines=most)
        self._whole: deque[str] = deque(maxlen=most)
        self._broken_at = 0
        self.only = ""

    def show(self, lines: Iterable[str]) -> None:
        """Show these lines instead of what is there, the last ones in sight."""
        self._whole.clear()
        self._whole.extend(lines)
        self._write_anew()

    def add(self, lines: Iterable[str]) -> None:
        """Show more of them; the last are in sight if the last ones were."""
        fresh = [*lines]
        self._whole.extend(fresh)
        self.write_lines(self._pieces(fresh))

    def narrow(self, only: str) -> None:
        """Show only lines that have this text in them; all where it is empty."""
        self.only = only
        self._write_anew()

    @property
    def seen(self) -> int:
        """How many lines have what they must have."""
        return sum(self.only in line for line in self._whole)

    def on_resize(self) -> None:
        """Break the lines anew where they have another room."""
        if self._broken_at != self.size.width:
            self._write_anew()

    def _write_anew(self) -> None:
        self.clear()
        self._broken_at = self.size.width
        self.write_lines(self._pieces(self._whole), scroll_end=False)
        # Not at once: where the end is, is known when all of this is laid out.
        self.scroll_end(animate=False, x_axis=False)

    def _pieces(self, lines: Iterable[str]) -> list[str]:
        room = max(20, self.size.width)
        # A line without anything in it is a line all the same; Log would leave it out.
        return [
            piece or " " for line in lines if self.only in line for piece in wrapped(line, room)
        ]

    def _update_size(self, updates: int, lines: list[str]) -> None:  # type: ignore[override]
        """Measure nothing: every line fits. Log does it in a thread, which may outlive the app."""
