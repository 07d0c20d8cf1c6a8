"""A screen as an SVG picture of its own: small, without fonts or addresses from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape

from rich.segment import Segment
from textual.app import App

from installer.terminal_text import width
from tests.tui.scenes import steady

_CELL, _LINE, _MARGIN = 8, 17, 8
_INK, _PAPER = "#e6e6e6", "#16181d"
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-size="13"'
    ' font-family="Sarasa Mono SC, Noto Sans Mono CJK SC, DejaVu Sans Mono, monospace"'
    ' fill="{ink}">\n<rect width="{w}" height="{h}" rx="4" fill="{paper}"/>'
)


def picture(app: App[int]) -> str:
    """The screen as it is now; the same screen gives the same bytes."""
    strips = app.screen._compositor.render_strips()
    columns, rows = app.size
    size = {"w": columns * _CELL + 2 * _MARGIN, "h": rows * _LINE + 2 * _MARGIN}
    parts = [_HEAD.format(**size, ink=_INK, paper=_PAPER)]
    for row, strip in enumerate(strips):
        parts += _line(row, [*Segment.simplify(strip)])
    return "\n".join([*parts, "</svg>", ""])


def _line(row: int, segments: list[Segment]) -> Iterator[str]:
    """Rectangles behind what is reversed, then the words, each run at its own column."""
    column, top = 0, _MARGIN + row * _LINE
    for segment in segments:
        text, style = steady(segment.text), segment.style
        reverse, bold = bool(style and style.reverse), bool(style and style.bold)
        if reverse:
            area = f'x="{_x(column)}" y="{top}" width="{width(text) * _CELL}" height="{_LINE}"'
            yield f'<rect {area} fill="{_INK}"/>'
        fill = f' fill="{_PAPER}"' if reverse else ""
        weight = ' font-weight="bold"' if bold else ""
        for _wide, run in groupby(text, key=lambda character: width(character) > 1):
            words = "".join(run)
            start, shown = column + len(words) - len(words.lstrip()), words.strip()
            column += width(words)
            if shown:
                place = f'x="{_x(start)}" y="{top + 13}" textLength="{width(shown) * _CELL}"'
                yield f'<text {place}{fill}{weight} xml:space="preserve">{escape(shown)}</text>'


def _x(column: int) -> int:
    return _MARGIN + column * _CELL
