"""What stands in a plan's way: why it matters, what to do, and to accept it by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from champ_offline.preflight.concern import Concern
from champ_offline.release.plan import Plan
from installer.concern_text import words
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable, printable_lines
from installer.tui.widgets.dialogs import TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows


class ConcernsScreen(Page):
    """Those that block come first; `accept` is given the id of the one that is accepted."""

    NAME = mark("Concerns")
    PURPOSE = mark(
        "What stands in the plan's way, what blocks it first. A concern that blocks can be"
        " accepted by its id; the plan and the audit chain then say so."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", mark("Accept it all the same")),
    ]

    def __init__(self, plan: Plan, accept: Callable[[str], None]) -> None:
        super().__init__()
        self.plan, self._accept = plan, accept
        self.concerns = sorted(plan.concerns, key=lambda one: not one.stops)

    def body(self) -> ComposeResult:
        """The list, and all about the one that is meant."""
        yield Rows(id="concerns", numbered=False)
        yield Static("", id="about", classes="foot about", markup=False)

    def on_mount(self) -> None:
        """Fill the list; none of its rows is chosen by Enter."""
        rows = [[_state(one), one.id, one.subject] for one in self.concerns]
        self.query_one(Rows).show([_("STATE"), _("CONCERN"), _("ABOUT")], rows, choices=0)

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Say what it is, why it matters, what to do."""
        told = [text for text in words(self.concerns[message.index]) if text]
        self.say("about", printable_lines("\n".join(told)))
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Only what blocks can be accepted."""
        return action != "accept" or self._meant().stops

    def action_accept(self) -> None:
        """Have its id typed, then accept it and go back to the plan."""
        concern = self._meant()

        def refuse(text: str) -> str:
            wrong = _("That is not the id: {id}").format(id=concern.id)
            return "" if text == concern.id else wrong

        def take(text: str | None) -> None:
            if text is not None:
                self._accept(concern.id)
                self.dismiss()

        told = printable(words(concern).what)
        question = _(
            "{told}\nThe plan can then be applied in spite of every concern with this id; the plan"
            " and the audit chain say so. Type {id} to accept:"
        )
        self.app.push_screen(
            TextDialog(question.format(told=told, id=concern.id), "", refuse), take
        )

    def _meant(self) -> Concern:
        return self.concerns[self.query_one(Rows).cursor]


def _state(concern: Concern) -> str:
    if concern.stops:
        return _("blocks")
    return _("accepted") if concern.accepted else _("to mind")
