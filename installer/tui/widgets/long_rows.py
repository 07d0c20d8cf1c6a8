"""A list of which only what is looked at is there: the rest is fetched when it comes into view.

Invariant: the screen never waits: a row that is not there yet is an empty line, and asked for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from textual.message import Message

from installer.terminal_text import printable
from installer.tui.widgets.rows import Rows

PAGE = 200


class LongRows(Rows):
    """`open` says how many rows there are; whoever hears `Wanted` gives them by `fill`."""

    class Wanted(Message):
        """The rows of a page, from row `first` on, came into view."""

        def __init__(self, rows: LongRows, first: int) -> None:
            super().__init__()
            self.rows, self.first = rows, first

        @property
        def control(self) -> LongRows:
            """The list it comes from."""
            return self.rows

    def open(self, header: Sequence[str], count: int, sample: Sequence[Sequence[str]]) -> None:
        """Show `count` rows of which the first ones are given: columns are measured by them."""
        self._cells = _Pages(self, header, count)
        self.fill(0, sample)
        self._header, self._choices, self._measured = header if count else (), count, []
        self.cursor = min(self.cursor, max(0, count - 1))
        self.refresh()
        self.screen.refresh_bindings()
        if count:
            self.post_message(self.Moved(self, self.cursor))

    def fill(self, first: int, rows: Sequence[Sequence[str]]) -> None:
        """Give the rows of a page that was wanted."""
        if isinstance(self._cells, _Pages):
            self._cells.keep(first, [[printable(cell) for cell in row] for row in rows])
            self.refresh()


class _Pages(Sequence[Sequence[str]]):
    """Rows in pages, asked for by being looked at."""

    def __init__(self, owner: LongRows, header: Sequence[str], count: int) -> None:
        self._owner, self._count = owner, count
        self._blank = [""] * len(header)
        self._pages: dict[int, list[list[str]]] = {}

    def keep(self, first: int, rows: list[list[str]]) -> None:
        self._pages[first // PAGE] = rows

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Sequence[str]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[str]]: ...

    def __getitem__(self, index: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        if isinstance(index, slice):
            # Only what is there is measured: nothing is fetched for that.
            return self._pages.get(0, [])[index]
        page, place = divmod(index, PAGE)
        rows = self._pages.get(page)
        if rows is None:
            self._pages[page] = []
            self._owner.post_message(LongRows.Wanted(self._owner, page * PAGE))
        return rows[place] if rows and place < len(rows) else self._blank
