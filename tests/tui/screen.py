"""A person at a terminal of 80 by 24: presses keys, reads the screen, keeps what was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from installer.language import translate as _
from installer.look import in_ascii, needs_sign
from installer.terminal_text import width
from installer.tui.app import Screens

COLUMNS, LINES = 80, 24
PATIENCE = 20.0
PROJECT = Path(__file__).resolve().parents[2]


class Person:
    """Reads and types."""

    def __init__(self, app: Screens, pilot: Pilot[int], language: str) -> None:
        self.app, self.pilot = app, pilot
        self.folder = PROJECT / "build" / "screens" / language
        self.seen = 0

    @property
    def text(self) -> str:
        """What is on the screen now, line by line."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in lines)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text where the focus is, as quickly as a terminal hands it over."""
        assert self.app._driver is not None
        for character in text:
            key = Key(_character_to_key(character), character)
            key.set_sender(self.app)
            self.app._driver.send_message(key)
        await self.pilot.pause()

    async def sees(self, *texts: str) -> None:
        """Wait until the screen shows all of these."""
        await self._shown(texts, lambda text: text in self.text)

    async def reads(self, *texts: str) -> None:
        """Wait until the screen shows all of these, broken into lines wherever it has to."""
        await self._shown(texts, lambda text: _unbroken(text) in _unbroken(self.text))

    async def _shown(self, texts: Sequence[str], found: Callable[[str], bool]) -> None:
        for _attempt in range(int(PATIENCE / 0.05)):
            await self.pilot.pause()
            if all(map(found, texts)):
                self.in_ascii_alone()
                return
            await asyncio.sleep(0.05)
        missing = [text for text in texts if not found(text)]
        raise AssertionError(f"not seen: {missing}\n{self.text}")

    def keep(self, step: str) -> str:
        """Store the screen as text and hold it against the rules for all screens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seen += 1
        text = self.text
        (self.folder / f"{self.seen:02}-{step}.txt").write_text(text + "\n", encoding="utf-8")
        self._whole(text, step)
        self.in_ascii_alone()
        return text

    def in_ascii_alone(self) -> None:
        """In the ASCII look, no segment of the screen has a sign that is drawn too wide."""
        if not in_ascii():
            return
        for strip in self.app.screen._compositor.render_strips():
            wrong = [one for one in strip.text if needs_sign(one)]
            assert wrong == [], f"{wrong} in {strip.text}"

    def _whole(self, text: str, step: str) -> None:
        lines = text.split("\n")
        assert len(lines) == LINES
        too_long = [line for line in lines if width(line) > COLUMNS]
        assert too_long == [], step
        active = self.app.screen.active_bindings.values()
        shown = [one.binding for one in active if one.enabled and one.binding.show]
        assert shown, step
        for binding in shown:
            label = f"[{self.app.get_key_display(binding)}] {_(binding.description)}"
            assert any(label in line for line in lines), f"{step}: {label} is cut off\n{text}"


def _unbroken(text: str) -> str:
    return "".join(text.split())
