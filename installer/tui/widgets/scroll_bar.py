"""A scroll bar of characters, visible without colour and of one column in either look."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBarRender

from installer.look import in_ascii


class PlainScrollBar(ScrollBarRender):
    """In ASCII `|` where the content is out of sight, `#` where it is seen."""

    @classmethod
    def render_bar(
        cls,
        size: int = 25,
        virtual_size: float = 50,
        window_size: float = 20,
        position: float = 0,
        thickness: int = 1,
        vertical: bool = True,  # noqa: FBT001, FBT002 - the signature of the base
        back_color: Color | None = None,  # noqa: ARG003
        bar_color: Color | None = None,  # noqa: ARG003
    ) -> Segments:
        """One segment for each row (or column) of the bar."""
        if not (size and window_size and virtual_size > window_size):
            return Segments([Segment(" ")] * size, new_lines=vertical)
        thumb = max(1, round(size * window_size / virtual_size))
        start = round((size - thumb) * position / (virtual_size - window_size))
        seen, unseen = ("#", "|") if in_ascii() else ("█", "│")
        marks = [seen if start <= place < start + thumb else unseen for place in range(size)]
        width = thickness if vertical else 1
        segments = [Segment(mark * width, Style()) for mark in marks]
        return Segments(segments if vertical else [*segments, Segment.line()], new_lines=vertical)
