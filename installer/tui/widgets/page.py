"""The frame of every screen: a title line, the body, the keys; and the way work is started.

Invariant: nothing that may take long runs in a handler; work runs in a thread, ends in one message,
and an error of the library becomes a dialog.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from champ_offline.errors import ChampError
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.apart import apart
from installer.tui.desk import Desk
from installer.tui.widgets.dialogs import ErrorDialog
from installer.tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from installer.tui.app import Screens


class WorkFailed(Message):
    """What a worker was asked to do ended in an error."""

    def __init__(self, error: ChampError) -> None:
        super().__init__()
        self.error = error


class Page(Screen[None]):
    """A screen with `title_text()` on top, what `body()` gives, and the keys below.

    PURPOSE (a message id) says in two sentences what the screen is for; its help begins with it.
    HOME is the one where every other step starts.
    """

    AUTO_FOCUS = "*"
    NAME: ClassVar[str] = ""
    PURPOSE: ClassVar[str] = ""
    HOME: ClassVar[bool] = False
    again: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", mark("Back"), key_display="Esc"),
    ]

    _told = ""

    @property
    def desk(self) -> Desk:
        """What is being worked on."""
        return cast("Screens", self.app).desk

    def compose(self) -> ComposeResult:
        """Frame the body."""
        yield Static(self._title_line(), id="title", markup=False)
        with Vertical(id="body"):
            yield from self.body()
        yield KeyLine()

    def body(self) -> ComposeResult:
        """What the screen shows; nothing unless a screen says so."""
        yield from ()

    def title_text(self) -> str:
        """The screen's title in the user's language."""
        return _(self.NAME)

    def start(self, act: Callable[[], Message]) -> None:
        """Run `act` in a thread and post the message it gives, or WorkFailed."""
        self.run_worker(partial(self._work, act), thread=True)

    def start_apart(self, act: Callable[[], Message]) -> None:
        """As `start`, for what may never end: reading from media."""
        self.run_worker(self._wait_for(act))

    def say(self, place: str, text: str | Table) -> None:
        """Put text into the line or block with the id `place`; an empty one takes no room."""
        block = self.query_one(f"#{place}", Static)
        block.update(text)
        block.display = not isinstance(text, str) or bool(text)

    def on_work_failed(self, message: WorkFailed) -> None:
        """Show the error; a screen that cannot do without the result leaves afterwards."""
        self.failed(message.error)

    def failed(self, error: ChampError) -> None:
        """Show an error as a dialog; once where a screen tries again whenever it is seen."""
        if not (self.again and self._told == error.id):
            self._told = error.id
            self.app.push_screen(ErrorDialog(error))

    def action_leave(self) -> None:
        """Go back one screen."""
        self.dismiss()

    def _work(self, act: Callable[[], Message]) -> None:
        try:
            message = act()
        except ChampError as error:
            message = WorkFailed(error)
        self.post_message(message)

    async def _wait_for(self, act: Callable[[], Message]) -> None:
        try:
            message = await apart(act)
        except ChampError as error:
            message = WorkFailed(error)
        self.post_message(message)

    def _title_line(self) -> str:
        parts = ["CHAMP Offline", printable(self.desk.name), self.title_text()]
        return " " + " | ".join(part for part in parts if part)


def is_home(screen: Screen[Any]) -> bool:
    """Whether every other step starts on this screen."""
    return isinstance(screen, Page) and screen.HOME
