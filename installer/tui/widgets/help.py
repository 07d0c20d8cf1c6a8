"""The help of a screen: what it is for, and every key that does something on it.

Invariant: the keys are read from the screen's own bindings, so that none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Static

from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import pad, width, wrapped
from installer.tui.widgets.dialogs import Dialog
from installer.tui.widgets.key_line import KeyLine

# The dialog's lines within its borders and beside its scroll bar.
_COLUMNS = 68
# What Textual and the lists do, which no binding describes.
_EVERYWHERE = (
    ("Tab", mark("to the next line, list or text")),
    ("Shift+Tab", mark("to the one before")),
    ("Up Down", mark("move in a list, scroll a text, change the line")),
    ("PgUp PgDn", mark("move or scroll by a page")),
    ("Home End", mark("to the beginning, to the end")),
    ("Left Right", mark("within a line that is typed; through the values of a choice")),
    ("? F1", mark("this help; in a line that is typed, F1")),
    ("^P :", mark("everything that can be done now, to choose from")),
    ("^Q ^C", mark("quit; tasks go on")),
)


class HelpDialog(Dialog[None]):
    """Scrolls where it is longer than the screen; closed by the key that opened it, too."""

    PURPOSE = mark(
        "The help itself: what the screen behind it is for, and its keys. It scrolls by the arrows."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", mark("Close"), key_display="Esc"),
        Binding("enter,question_mark,f1", "close", show=False),
    ]

    def __init__(self, purpose: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self.purpose, self.keys = purpose, keys

    def compose(self) -> ComposeResult:
        """Purpose, the screen's keys, the keys of all screens."""
        with Vertical(classes="dialog"):
            yield Static(_("Help"), classes="heading", markup=False)
            with VerticalScroll(classes="words"):
                yield Static(self.purpose, markup=False)
                yield Static(_("Keys of this screen:"), classes="gap heading", markup=False)
                yield Static("\n".join(_table(self.keys)), markup=False)
                yield Static(_("Keys of every screen:"), classes="gap heading", markup=False)
                general = [(key, _(text)) for key, text in _EVERYWHERE]
                yield Static("\n".join(_table(general)), markup=False)
        yield KeyLine()

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss()


def explained(screen: Screen[object]) -> tuple[str, list[tuple[str, str]]]:
    """What a screen is for, and its keys with what they do, in the user's language."""
    now = [(one.node, one.binding) for one in screen.active_bindings.values()]
    seen = {(node, binding.action) for node, binding in now}
    others = [one for one in _declared(screen) if (one[0], one[1].action) not in seen]
    keys: dict[tuple[str, str], None] = {}
    for node, binding in [*now, *others]:
        if node is not screen.app and binding.show and binding.description:
            told = _(binding.description)
            if node is screen and not screen.check_action(binding.action.partition("(")[0], ()):
                told = _("{what} (not now)").format(what=told)
            keys.setdefault((screen.app.get_key_display(binding), told))
    return _(getattr(screen, "PURPOSE", "")), [*keys]


def _declared(screen: Screen[object]) -> Iterator[tuple[DOMNode, Binding]]:
    """What the classes of the screen and of all that can be focused on it bind, possible or not."""
    for node in [screen, *screen.focus_chain]:
        for kind in type(node).__mro__:
            bound = vars(kind).get("BINDINGS", ())
            yield from ((node, one) for one in bound if isinstance(one, Binding))


def _table(rows: list[tuple[str, str]]) -> Iterator[str]:
    """Keys and meanings in two columns, a meaning that is too long on several lines."""
    widest = max((width(key) for key, _text in rows), default=0)
    for key, text in rows:
        first, *more = wrapped(text, _COLUMNS - widest - 4)
        yield f"  {pad(key, widest)}  {first}"
        yield from (" " * (widest + 4) + line.lstrip() for line in more)
