"""A task at work: looked at, left and come back to; it goes on whether it is seen or not.

Invariant: leaving the screen, the screens or the machine's terminal never ends the task; only
asking for its end does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from champ_offline.events import ObjectState
from champ_offline.tasks.errors import TaskOver
from champ_offline.tasks.task import Ending, Task
from installer import task_text
from installer.background import tasks_of
from installer.language import mark
from installer.language import translate as _
from installer.tui.routes import GoHome
from installer.tui.watcher import Told, Watcher
from installer.tui.widgets.dialogs import ChoiceDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.progress import ProgressView


@dataclass(eq=False)
class TaskBegun(Message):
    """A task has its number."""

    number: int


@dataclass(eq=False)
class TaskEnded(Message):
    """A task has ended."""

    ending: Ending


@dataclass(eq=False)
class Unseen(Message):
    """Nobody looks any more."""


class TaskPage(Page):
    """Shows a task that it begins by `carry_out`, or one that is there by `follow`."""

    NAME = mark("Task")
    PURPOSE = mark("A task, from its beginning to its end. It goes on when this screen is left.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", mark("Stop")),
        Binding("escape", "leave", mark("Leave; it goes on"), key_display="Esc"),
    ]
    number = 0
    running = True
    stopping = False

    def body(self) -> ComposeResult:
        """How it ended, then its progress."""
        with VerticalScroll(can_focus=True):
            yield Static("", id="result", markup=False)
            yield ProgressView()

    def carry_out(self, words: Sequence[str], first: Callable[[], object] = lambda: None) -> None:
        """Begin the task of a command, after `first`; it is followed from then on."""
        zone, background = self.desk.zone_folder(), self.desk.background

        def begin() -> Message:
            first()
            return TaskBegun(background.start(zone, words))

        self.start(begin)

    def on_task_begun(self, message: TaskBegun) -> None:
        """Look at it."""
        self.follow(message.number)

    def follow(self, number: int) -> None:
        """Show the task from its beginning to its end."""
        self.number = number
        self.refresh_bindings()
        self.run_worker(partial(self._work, partial(self._followed, number)), thread=True)

    def _followed(self, number: int) -> Message:
        worker, told = get_current_worker(), Watcher(self.post_message)
        tasks = tasks_of(self.desk.zone_folder())
        ending = tasks.follow(number, told, lambda: worker.is_cancelled)
        return Unseen() if ending is None else self.ended(ending)

    def ended(self, ending: Ending) -> Message:
        """What to post of a task's end; in a thread."""
        return TaskEnded(ending)

    def on_told(self, message: Told) -> None:
        """Show an event; an object's may open or close ways from here."""
        self.query_one(ProgressView).take(message.happened.event, message.happened.at)
        if isinstance(message.happened.event, ObjectState):
            self.refresh_bindings()

    def action_stop(self) -> None:
        """Ask, then have it ended."""
        choices = [_("Let it go on"), _("Stop it")]
        self.app.push_screen(ChoiceDialog(self.question(), choices), self._stop)

    def question(self) -> str:
        """What stopping means here."""
        return _("End this task? What is half done is put back.")

    def _stop(self, choice: int | None) -> None:
        if choice != 1 or not self.running or not self.number:
            return
        zone, background, number = self.desk.zone_folder(), self.desk.background, self.number
        self.stopping = True
        self.refresh_bindings()
        self.stop_asked()

        def stop() -> Message:
            with suppress(TaskOver):  # its end is on the way to this screen
                background.stop(zone, number)
            return Unseen()

        self.start(stop)

    def stop_asked(self) -> None:
        """Say that its end was asked for."""
        self.say("result", _("Stopping ..."))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """What has ended, or is being stopped, is not stopped again."""
        if action == "stop":
            return self.running and bool(self.number) and not self.stopping
        return action != "leave" or self.running

    def action_leave(self) -> None:
        """To the overview, which shows that it goes on."""
        self.post_message(GoHome())

    def over(self, took: float | None = None) -> None:
        """Nothing more comes; as ProgressView.end."""
        self.running = False
        self.query_one(ProgressView).end(took)
        self.refresh_bindings()


class TaskScreen(TaskPage):
    """Any task: one that is come back to, or a command that is begun here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "home", mark("To the overview"), key_display="Enter"),
    ]

    def __init__(self, task: Task | None, words: Sequence[str] = ()) -> None:
        super().__init__()
        self.task_shown, self.words = task, words

    def title_text(self) -> str:
        """Which task, as far as it has a number."""
        return f"{_(self.NAME)} {self.task_shown.number}" if self.task_shown else _(self.NAME)

    def body(self) -> ComposeResult:
        """What was asked for, then as every task."""
        asked = (
            task_text.line(self.task_shown) if self.task_shown else task_text.command(self.words)
        )
        yield Static(asked, classes="heading", markup=False)
        yield from super().body()

    def on_mount(self) -> None:
        """Look at it, or begin it."""
        if self.task_shown is None:
            self.carry_out(self.words)
        else:
            self.follow(self.task_shown.number)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Show how it ended."""
        shown = self.task_shown
        self.over(task_text.took(shown, message.ending) if shown else None)
        self.say("result", f"{task_text.ended(message.ending)}\n")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter is for afterwards."""
        if action == "home":
            return not self.running
        return super().check_action(action, parameters)

    def action_home(self) -> None:
        """Back to the overview."""
        self.post_message(GoHome())
