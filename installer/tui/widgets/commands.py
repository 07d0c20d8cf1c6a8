"""Everything that can be done now, to choose from by typing a part of its name.

Invariant: what is chosen is done exactly as its key would have done it, after the list is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.widgets import Input, Static

from installer.language import mark
from installer.language import translate as _
from installer.tui.widgets.dialogs import AnswerLine, Dialog
from installer.tui.widgets.key_line import KeyLine
from installer.tui.widgets.rows import Rows

_LINES = 11


@dataclass(frozen=True)
class Command:
    """`key` where one does the same, `name` in the user's language, `action` of `place`."""

    key: str
    name: str
    action: str
    place: DOMNode


class CommandsDialog(Dialog[Command | None]):
    """A line to type, and the commands that have every word of it in their names."""

    PURPOSE = mark(
        "Everything that can be done now, on this screen and everywhere. Type a part of its name"
        " and press Enter."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", mark("Cancel"), key_display="Esc"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
    ]

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self.commands = self.shown = commands

    def compose(self) -> ComposeResult:
        """The line, and what fits it."""
        with Vertical(classes="dialog"):
            yield Static(_("Commands"), classes="heading", markup=False)
            yield AnswerLine(classes="line", select_on_focus=False)
            yield Rows(id="commands", empty=_("none: type something else"), numbered=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Start typing at once."""
        self.query_one(Rows).styles.height = _LINES
        self._show()
        self.query_one(Input).focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        """Show what fits."""
        message.stop()
        words = message.value.casefold().split()
        self.shown = [
            one for one in self.commands if all(word in one.name.casefold() for word in words)
        ]
        self.query_one(Rows).cursor = 0
        self._show()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Do what is marked."""
        message.stop()
        self.query_one(Rows).action_choose()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Do it."""
        message.stop()
        self.dismiss(self.shown[message.index])

    def action_move(self, by: int) -> None:
        """Mark another one while typing."""
        self.query_one(Rows).action_move(by)

    def action_close(self) -> None:
        """Do nothing."""
        self.dismiss(None)

    def _show(self) -> None:
        self.query_one(Rows).show([], [[one.key, one.name] for one in self.shown])
