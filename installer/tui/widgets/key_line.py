"""The keys that do something now, with what they do, on the last lines of every screen.

Invariant: it shows every binding that is meant to be shown, in the user's language, and takes as
many lines as that needs, so that no key is cut off.
"""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Static

from installer.language import translate as _
from installer.terminal_text import width

_GAP = "  "


class KeyLine(Static):
    """`[Enter] Choose  [Esc] Back`, kept up to date as the focus moves."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown = ""

    def on_mount(self) -> None:
        """Follow the screen's bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is not self.screen or not self.is_attached:
            return
        text = "\n".join(_lines(self._texts(), self.app.size.width))
        # The same again would lay out the whole screen again.
        if text != self._shown:
            self._shown = text
            self.update(text)

    def _texts(self) -> list[str]:
        shown: dict[str, str] = {}
        active = self.screen.active_bindings.values()
        for binding in (one.binding for one in active if one.enabled and one.binding.show):
            shown.setdefault(binding.action, f"[{self._key(binding)}] {_(binding.description)}")
        return list(shown.values())

    def _key(self, binding: Binding) -> str:
        return self.app.get_key_display(binding)


def _lines(texts: list[str], columns: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        joined = f"{lines[-1]}{_GAP}{text}" if lines else text
        if lines and width(joined) <= columns:
            lines[-1] = joined
        else:
            lines.append(text)
    return lines
