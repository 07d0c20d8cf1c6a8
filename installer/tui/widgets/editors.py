"""One editor for each kind of field: a line, a choice, a switch, a list.

Invariant: an editor's `answer` is what the answers hold, or NOTHING where nothing was given; a
secret is shown only while somebody asks to see it.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from champ_offline.catalog.fields import FormField
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import fit, printable
from installer.tui.widgets.input_line import InputLine

NOTHING = object()
Value: TypeAlias = Any
_CHARACTERS = string.ascii_letters + string.digits
_NUMBERS: dict[str, Callable[[str], object]] = {"integer": int, "number": float}


class Edited(Message):
    """An editor's value changed."""


class Line(InputLine):
    """A text, a number or a secret."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "generate", mark("Generate"), key_display="^G"),
        Binding("ctrl+t", "reveal", mark("Show or hide"), key_display="^T"),
    ]

    made = ""

    def __init__(self, field: FormField, value: Value, *, kept: bool = False) -> None:
        self.field = field
        super().__init__(
            "" if value is NOTHING else _as_text(value),
            placeholder=_("empty: kept") if kept else _placeholder(field),
            password=field.secret,
            select_on_focus=False,
            compact=True,
        )

    @property
    def answer(self) -> Value:
        """The text or number; NOTHING when the line is empty; other text where a number belongs."""
        text = self.value if self.field.secret else self.value.strip()
        if not text:
            return NOTHING
        try:
            return _NUMBERS.get(self.field.type, str)(text)
        except ValueError:
            return text

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Only secrets are generated or hidden."""
        if action == "generate":
            return self.field.generate > 0
        return action != "reveal" or self.field.secret

    def action_generate(self) -> None:
        """Make a secret, and show it once so that it can be written down."""
        made = "".join(secrets.choice(_CHARACTERS) for _n in range(self.field.generate))
        self.made = self.value = made
        self.password = False

    def action_reveal(self) -> None:
        """Show or hide the secret."""
        self.password = not self.password

    def on_blur(self) -> None:
        """Hide a secret that is left."""
        self.password = self.field.secret

    def on_input_changed(self, message: Input.Changed) -> None:
        """Say so as every editor does."""
        message.stop()
        self.post_message(Edited())


class Choice(Widget, can_focus=True):
    """One of a few values, gone through by arrows or space."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "turn(1)", mark("Next value"), key_display="Space"),
        Binding("left", "turn(-1)", show=False),
    ]

    def __init__(self, values: tuple[object, ...], value: Value) -> None:
        super().__init__()
        self.values, self.answer = values, value

    def action_turn(self, by: int) -> None:
        """Take the next value, or the one before."""
        place = self.values.index(self.answer) + by if self.answer in self.values else 0
        self.answer = self.values[place % len(self.values)]
        self.refresh()
        self.post_message(Edited())

    def text_of(self, value: Value) -> str:
        """How a value is shown."""
        return "" if value is NOTHING else printable(_as_text(value))

    def render(self) -> Text:
        """`< value >`."""
        shown = fit(self.text_of(self.answer), max(1, self.size.width - 4))
        return Text(f"< {shown} >", "reverse" if self.has_focus else "", no_wrap=True)


class Switch(Choice):
    """Yes or no."""

    def __init__(self, value: Value) -> None:
        super().__init__((False, True), value)

    def text_of(self, value: Value) -> str:
        """In words."""
        return _("yes") if value is True else _("no") if value is False else ""


class Entries(Widget, can_focus=True):
    """A list; Enter opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", mark("Edit the list"), key_display="Enter"),
    ]

    class Opened(Message):
        """Somebody wants to edit the list."""

        def __init__(self, entries: Entries) -> None:
            super().__init__()
            self.entries = entries

    def __init__(self, field: FormField, value: Value) -> None:
        super().__init__()
        self.field, self.answer = field, value

    def put(self, value: Value) -> None:
        """Take the edited list."""
        self.answer = value
        self.refresh()
        self.post_message(Edited())

    def action_open(self) -> None:
        """Ask for the list's own screen."""
        self.post_message(self.Opened(self))

    def render(self) -> Text:
        """How many entries, and the first of them."""
        entries = self.answer if isinstance(self.answer, list) else []
        names = ", ".join(entry_name(self.field, entry) for entry in entries)
        text = fit(f"{len(entries)}: {names}" if entries else _("none"), self.size.width)
        return Text(text, "reverse" if self.has_focus else "", no_wrap=True)


def entry_name(field: FormField, entry: Value) -> str:
    """How an entry of a list is called: by its first text that is no secret."""
    if not isinstance(entry, dict):
        return printable(_as_text(entry))
    columns = [item for item in field.items[0].items if not item.secret]
    texts = [_as_text(entry[item.name]) for item in columns if item.name in entry]
    return printable(texts[0]) if texts else "?"


def editor(field: FormField, value: Value, *, kept: bool = False) -> Widget:
    """The editor of a field that is no table; `kept` where a secret stays if none is typed."""
    if field.type == "array":
        return Entries(field, value)
    if field.type == "boolean":
        return Switch(value)
    if field.enum:
        return Choice(field.enum, value)
    return Line(field, value, kept=kept and field.secret)


def _as_text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _placeholder(field: FormField) -> str:
    if field.secret and field.generate:
        return _("empty: made for you")
    if field.placeholder:
        return _("e.g. {example}").format(example=printable(field.placeholder))
    if field.default not in {None, ""} and not field.secret:
        return _("empty: {default}").format(default=printable(_as_text(field.default)))
    return ""
