"""The zone's tasks: what is at work, and how what was at work ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from champ_offline.tasks.task import Task
from installer import task_text
from installer.background import tasks_of
from installer.language import mark
from installer.language import translate as _
from installer.quantities import minute
from installer.terminal_text import printable
from installer.tui.routes import ShowTask
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows


@dataclass(eq=False)
class TasksRead(Message):
    """Every task that is known, the newest first."""

    tasks: Sequence[Task]


class TasksScreen(Page):
    """One row for each; Enter looks at it."""

    NAME = mark("Tasks")
    PURPOSE = mark(
        "What takes long: at work now, and ended before. Each can be looked at, whoever began it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "look", mark("Refresh")),
    ]

    tasks: Sequence[Task] = ()

    def body(self) -> ComposeResult:
        """The list."""
        yield Rows(id="tasks", empty=_("Nothing was begun in this zone."), verb=mark("Look at it"))

    def on_screen_resume(self) -> None:
        """Look anew whenever this screen is seen again."""
        self.action_look()

    def action_look(self) -> None:
        """Read them."""
        zone = self.desk.zone_folder()
        self.start(lambda: TasksRead(tasks_of(zone).all()))

    def on_tasks_read(self, message: TasksRead) -> None:
        """Show them."""
        self.tasks = message.tasks
        header = [_("TASK"), _("BEGAN"), _("USER"), _("STATE"), _("COMMAND")]
        rows = [
            [str(one.number), minute(one.began), printable(one.user),
             task_text.outcome(one), task_text.asked(one)]
            for one in message.tasks
        ]  # fmt: skip
        self.query_one(Rows).show(header if rows else [], rows)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Look at the task."""
        self.post_message(ShowTask(self.tasks[message.index]))
