"""Whatever wraps a line on the screens leaves a number and its unit together."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text
from textual.content import Content

from installer.quantities import NO_BREAK, duration, size
from installer.tui.screens.bundle import two_columns
from installer.tui.unbroken import keep_together

SIZES = [size(17_500_000), size(512), duration(12)]
TEXTS = [
    f"To read {SIZES[0]} at {SIZES[1]} a second, about {SIZES[2]} in all",
    f"读取 {SIZES[0]}，每秒 {SIZES[1]}，约需 {SIZES[2]}，请稍候",
]


@pytest.mark.parametrize("columns", range(8, 60))
@pytest.mark.parametrize("text", TEXTS)
def test_sizes_stay_on_one_line(text: str, columns: int) -> None:
    keep_together()
    console = Console(file=io.StringIO(), width=columns)
    for lines in (
        [line.plain for line in Content(text).wrap(columns)],
        [line.plain for line in Text(text).wrap(console, columns)],
    ):
        # A line of Chinese has few spaces: what is longer than a line is cut anywhere.
        whole = text is TEXTS[0] or columns > 22
        assert not whole or all(any(one in line for line in lines) for one in SIZES)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_table_of_facts_keeps_them_too() -> None:
    keep_together()
    for columns in range(30, 60):
        stream = io.StringIO()
        Console(file=stream, width=columns).print(two_columns([("New here", TEXTS[0])]))
        assert all(one in stream.getvalue() for one in SIZES)


def test_other_lines_are_cut_as_before() -> None:
    keep_together()
    lines = [line.plain for line in Content("one two  three four").wrap(8)]
    assert [line.rstrip() for line in lines] == ["one two", "three", "four"]
    assert NO_BREAK not in "".join(lines)
