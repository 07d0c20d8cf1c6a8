"""The last step of drawing in the ASCII look: whatever a widget drew becomes ASCII signs.

Invariant: no line changes its columns; letters and digits stay as they are.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from installer.look import in_ascii, one_column


class AsciiLines(LineFilter):
    """Does nothing in the rich look."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments in signs of the same width."""
        if not in_ascii():
            return segments
        return [Segment(one_column(text), style, control) for text, style, control in segments]
