"""A list of rows to choose from by arrows or number, with a `>` at the row that is meant.

Invariant: columns are measured in terminal cells, so wide characters stay in line; a text too long
for its column ends in `~`; what came from outside cannot drive the terminal. A key costs what fits
on the screen, however long the list is: columns are measured once, when it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import fit, pad, printable, width

_GAP = 2
# Rows that columns are measured by; a longer cell further down ends in `~`.
_SAMPLE = 2000


class Rows(Widget, can_focus=True):
    """`show` fills it; `cursor` is the number of the row that is meant, from 0.

    `verb` is the message id of what Enter does with a row; unless `numbered`, digits do nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", mark("Choose"), key_display="Enter"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
    ]

    class Chosen(Message):
        """A row was chosen by Enter or its number."""

        def __init__(self, rows: Rows, index: int) -> None:
            super().__init__()
            self.rows, self.index = rows, index

        @property
        def control(self) -> Rows:
            """The list it comes from."""
            return self.rows

    class Moved(Message):
        """Another row is meant now."""

        def __init__(self, rows: Rows, index: int) -> None:
            super().__init__()
            self.rows, self.index = rows, index

        @property
        def control(self) -> Rows:
            """The list it comes from."""
            return self.rows

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the name of the base
        empty: str = "",
        verb: str = "Choose",
        numbered: bool = True,
    ) -> None:
        super().__init__(id=id)
        choose = Binding("enter", "choose", verb, key_display="Enter")
        self._bindings.key_to_bindings["enter"] = [choose]
        self._numbered = numbered
        self.cursor = 0
        self._empty = empty
        self._header: Sequence[str] = ()
        self._cells: Sequence[Sequence[str]] = []
        self._choices = 0
        self._first = 0
        self._measured: list[int] = []
        self._room = 0

    def show(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        choices: int | None = None,
        empty: str | None = None,
    ) -> None:
        """Replace the content; the cursor stays at its number where there is such a row.

        Only the first `choices` rows can be chosen, all where None. `empty` is said where there are
        no rows, where that is something else than before.
        """
        self._empty = self._empty if empty is None else empty
        self._header = header
        self._cells = [[printable(cell) for cell in row] for row in rows]
        self._choices = len(rows) if choices is None else choices
        self._measured = []
        self.cursor = min(self.cursor, max(0, len(rows) - 1))
        self.refresh()
        self.screen.refresh_bindings()
        if rows:
            self.post_message(self.Moved(self, self.cursor))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be chosen from an empty list, nor a row that is for reading only."""
        return action != "choose" or self.cursor < self._choices

    def action_move(self, by: int) -> None:
        """Mean another row."""
        wanted = max(0, min(len(self._cells) - 1, self.cursor + by))
        if wanted != self.cursor:
            self.cursor = wanted
            self.refresh()
            self.screen.refresh_bindings()
            self.post_message(self.Moved(self, wanted))

    def action_choose(self) -> None:
        """Choose the row that is meant."""
        if self.cursor < self._choices:
            self.post_message(self.Chosen(self, self.cursor))

    def on_key(self, event: events.Key) -> None:
        """Choose a row by its number."""
        numbers = "123456789"[: self._choices] if self._numbered else ""
        if event.key in numbers and event.key:
            event.stop()
            self.action_move(int(event.key) - 1 - self.cursor)
            self.action_choose()

    def render(self) -> Text:
        """Header, the rows that fit, and how many there are beyond them."""
        columns, lines = self.size.width, self.size.height
        if not self._cells:
            return Text(f"  {self._empty}")
        widths = self._widths(columns)
        text = Text(no_wrap=True)
        if self._header:
            lines -= 1
            text.append(_line("   ", self._header, widths), "bold")
            text.append("\n")
        self._scroll(lines)
        last = min(len(self._cells), self._first + lines)
        for index in range(self._first, last):
            text.append(self._row(index, widths, last), "reverse" if self._meant(index) else "")
            text.append("\n" if index + 1 < last else "")
        return text

    def _widths(self, columns: int) -> list[int]:
        """The columns' widths on a screen of that many; measured anew only for another content."""
        if not self._measured or self._room != columns:
            head = [self._header] if self._header else []
            self._measured = _widths([*head, *self._cells[:_SAMPLE]], columns)
            self._room = columns
        return self._measured

    def _row(self, index: int, widths: list[int], last: int) -> str:
        number = str(index + 1) if index < min(9, self._choices) and self._numbered else " "
        line = _line(f"{'>' if index == self.cursor else ' '}{number} ", self._cells[index], widths)
        beyond = len(self._cells) - last
        if index + 1 == last and beyond:
            more = _("{count} more below").format(count=beyond)
            return f"{fit(line, self.size.width - width(more) - 3).replace('…', '~')}  {more}"
        return line

    def _meant(self, index: int) -> bool:
        return index == self.cursor and self.has_focus

    def _scroll(self, lines: int) -> None:
        self._first = max(0, min(self._first, self.cursor, len(self._cells) - lines))
        if self.cursor >= self._first + lines:
            self._first = self.cursor - lines + 1


def _widths(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Each column as wide as its widest cell; the last takes what is left."""
    count = max(len(row) for row in rows)
    found = [max(width(row[n]) if n < len(row) else 0 for row in rows) for n in range(count)]
    room = columns - 3 - _GAP * (count - 1)
    for n in range(count):
        found[n] = max(1, min(found[n], room - (count - 1 - n)))
        room -= found[n]
    return found


def _line(head: str, cells: Sequence[str], widths: list[int]) -> str:
    padded = [
        pad(fit(cell, room).replace("…", "~"), room)
        for cell, room in zip(cells, widths, strict=False)
    ]
    return (head + (" " * _GAP).join(padded)).rstrip()
