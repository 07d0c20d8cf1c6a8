"""The audit chain: who did what, newest first; searched, read whole, and hashed again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Head, Row
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import ErrorDialog, TextDialog
from installer.tui.widgets.long_rows import PAGE, LongRows
from installer.tui.widgets.page import Page


@dataclass(eq=False)
class ChainRead(Message):
    """Which rows are to be seen, the newest first, the first of them, and the chain's head."""

    numbers: Sequence[int]
    rows: Sequence[Row]
    head: Head


@dataclass(eq=False)
class RowsRead(Message):
    """The rows of a page, from `first` on."""

    first: int
    rows: Sequence[Row]


@dataclass(eq=False)
class RowRead(Message):
    """One row, to be shown whole."""

    row: Row


@dataclass(eq=False)
class Verified(Message):
    """What hashing all of it again found."""

    head: Head | None
    error: ChampError | None = None


class AuditScreen(Page):
    """Rows are fetched as they come into view, so that any number of them can be looked through."""

    NAME = mark("Audit")
    PURPOSE = mark(
        "Who did what in this zone, and who was refused. Every row vouches for the one before it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", mark("Verify the chain")),
        Binding("slash", "search", mark("Search"), key_display="/"),
        Binding("r", "look", mark("Refresh")),
    ]

    text = ""
    numbers: Sequence[int] = ()

    def body(self) -> ComposeResult:
        """The head, the rows, what was found."""
        yield Static(_("Reading the audit chain ..."), id="said", markup=False)
        yield LongRows(
            id="rows", empty=_("No row has that."), verb=mark("Show it whole"), numbered=False
        )
        yield Static("", id="found", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Read it."""
        self.say("found", "")
        self.action_look()

    def action_look(self) -> None:
        """Read it anew."""
        opened, text = self.desk.appliance, self.text
        self.start(lambda: look(opened(), text))

    def on_chain_read(self, message: ChainRead) -> None:
        """Show how many rows there are, and the first of them."""
        self.numbers = message.numbers
        told = [_("Rows: {count}").format(count=len(message.numbers))]
        if self.text:
            told.append(_("with “{text}”").format(text=printable(self.text)))
        head = _("Head of the chain:")
        self.say("said", f"{'  '.join(told)}\n{head}\n  {message.head}")
        header = [_("ROW"), _("TIME"), _("WHO"), _("WHAT"), _("SUBJECT")]
        rows = [*map(cells, message.rows)]
        self.query_one(LongRows).open(header, len(message.numbers), rows)

    def on_long_rows_wanted(self, message: LongRows.Wanted) -> None:
        """Fetch a page."""
        opened, first = self.desk.appliance, message.first
        numbers = self.numbers[first : first + PAGE]
        self.start(lambda: RowsRead(first, opened().audit.numbered(numbers)))

    def on_rows_read(self, message: RowsRead) -> None:
        """Show the page."""
        self.query_one(LongRows).fill(message.first, [*map(cells, message.rows)])

    def on_rows_chosen(self, message: LongRows.Chosen) -> None:
        """Fetch the row."""
        opened, number = self.desk.appliance, self.numbers[message.index]
        self.start(lambda: RowRead(opened().audit.numbered([number])[0]))

    def on_row_read(self, message: RowRead) -> None:
        """Show it whole."""
        title = f"{_(self.NAME)}: {_('ROW')} {message.row.seq}"
        self.app.push_screen(TextScreen(title, whole(message.row)))

    def action_search(self) -> None:
        """Ask for a text."""

        def take(text: str | None) -> None:
            if text is not None:
                self.text = text
                self.action_look()

        self.app.push_screen(TextDialog(_("Rows with which text? Empty for all."), self.text), take)

    def action_verify(self) -> None:
        """Hash every row again."""
        self.say("found", _("Hashing every row again ..."))
        opened = self.desk.appliance
        self.start(lambda: verify(opened()))

    def on_verified(self, message: Verified) -> None:
        """Say whether the chain stands."""
        if message.error is not None:
            self.say("found", f"! {printable(sentences(message.error)[0])}")
            self.app.push_screen(ErrorDialog(message.error))
        else:
            text = _("The chain stands: every row is as it was written. Note the head elsewhere.")
            self.say("found", text)


def look(appliance: Appliance, text: str) -> ChainRead:
    """The rows with that text, and the first page of them; for a worker."""
    audit = appliance.audit
    numbers = audit.numbers(text)
    return ChainRead(numbers, audit.numbered(numbers[:PAGE]), audit.head())


def verify(appliance: Appliance) -> Verified:
    """Hash every row again; for a worker."""
    try:
        return Verified(appliance.audit.check(None, Act.INIT))
    except ChampError as error:
        return Verified(None, error)


def cells(row: Row) -> list[str]:
    """A row on one line."""
    time = row.time[:19].replace("T", " ")
    return [str(row.seq), time, row.actor, row.act, row.subject]


def whole(row: Row) -> str:
    """Every field of a row, its detail indented."""
    told = row.told()
    detail = row.detail if told is None else json.dumps(told, indent=2, ensure_ascii=False)
    pairs = (
        (_("ROW"), str(row.seq)), (_("TIME"), row.time), (_("WHO"), row.actor),
        (_("WHAT"), row.act), (_("SUBJECT"), row.subject), ("SHA-256", row.hash),
    )  # fmt: skip
    damaged = [] if row.sound else [_("! This row was changed after it was written.")]
    lines = [*damaged, *(f"{label}: {value}" for label, value in pairs), "", detail]
    return "\n".join(lines)
