"""Keys count in the order they were typed, however busy what lies around the line is."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.containers import Vertical

from installer.tui.widgets.input_line import InputLine


class Busy(Vertical):
    """A parent that lets every key wait."""

    async def on_key(self) -> None:
        """Take a while."""
        await asyncio.sleep(0.05)


class Typed(App[None]):
    """One line in a busy form."""

    def compose(self) -> ComposeResult:
        with Busy():
            yield InputLine("10Gi", select_on_focus=False)


@pytest.mark.parametrize(
    ("keys", "left"),
    [
        (["ctrl+e", "ctrl+u", "1", "G", "i"], "1Gi"),
        (["backspace", "backspace", "9", "M", "i"], "109Mi"),
        (["home", "9", "delete", "end", "x"], "90Gix"),
        (["ctrl+w", "5"], "5"),
    ],
)
async def test_keys_count_in_the_order_they_were_typed(keys: list[str], left: str) -> None:
    app = Typed()
    async with app.run_test() as pilot:
        line = app.query_one(InputLine)
        line.focus()
        await pilot.pause()
        for key in keys:
            character = key if len(key) == 1 else None
            app.post_message(events.Key(key, character))
        await pilot.pause(0.5)
        assert line.value == left
