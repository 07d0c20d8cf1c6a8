"""Dialogs: an error, a question with a few answers, a line of text to type.

Invariant: each can be left by Esc, which changes nothing; an error shows its sentence, its remedy
and its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input, Static

from champ_offline.errors import ChampError
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable, printable_lines
from installer.tui.widgets.input_line import InputLine
from installer.tui.widgets.key_line import KeyLine
from installer.tui.widgets.rows import Rows

# Choices that are seen at once; others come into view as they are gone to.
_MOST_SEEN = 14


class Dialog(ModalScreen[ScreenResultType], Generic[ScreenResultType]):
    """What every dialog has: a PURPOSE, two sentences (message ids) for its help, and the keys."""

    PURPOSE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "app.help", mark("Help"), key_display="?"),
        Binding("f1", "app.help", mark("Help"), key_display="F1"),
    ]


class ErrorDialog(Dialog[None]):
    """What happened, what to do, and the id to look up."""

    PURPOSE = mark(
        "Something did not work: the sentence says what, the next one what to do about it. The id"
        " below leads to more in the list of errors."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape", "close", mark("Close"), key_display="Enter"),
    ]

    def __init__(self, error: ChampError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        """Sentence, remedy, id."""
        message, remedy = (printable(text) for text in sentences(self.error))
        with Vertical(classes="dialog"):
            yield Static(_("This did not work"), classes="heading", markup=False)
            with VerticalScroll(classes="words"):
                yield Static(message, markup=False)
                yield Static(remedy, classes="gap", markup=False)
            place = _("error {id}, exit code {code}")
            text = place.format(id=self.error.id, code=int(self.error.exit_code))
            yield Static(text, classes="gap", markup=False)
        yield KeyLine()

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss()


class ChoiceDialog(Dialog[int | None]):
    """A question with a few answers; gives the number of the answer, from 0, or None."""

    PURPOSE = mark(
        "A question with a few answers: choose one by the arrows and Enter, or by its number."
        " Cancelling changes nothing."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", mark("Cancel"), key_display="Esc"),
    ]

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        super().__init__()
        self.question, self.choices = question, choices

    def compose(self) -> ComposeResult:
        """Question and answers."""
        with Vertical(classes="dialog"):
            yield Static(printable_lines(self.question), classes="heading", markup=False)
            yield Rows(id="choices")
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill in the answers."""
        rows = self.query_one(Rows)
        rows.styles.height = min(len(self.choices), _MOST_SEEN)
        rows.show([], [[choice] for choice in self.choices])
        rows.focus()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Give the answer."""
        message.stop()
        self.dismiss(message.index)

    def action_close(self) -> None:
        """Give no answer."""
        self.dismiss(None)


class AnswerLine(InputLine):
    """A line that tells in the keys what Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", mark("Go on"), key_display="Enter"),
    ]


class TextDialog(Dialog[str | None]):
    """A line to type; gives it when `refuse` finds nothing wrong with it, else None on Esc.

    `refuse` takes the text and gives a translated sentence about what is wrong, or an empty one.
    """

    PURPOSE = mark(
        "A question whose answer is typed. What cannot be taken is said below the line; cancelling"
        " changes nothing."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", mark("Cancel"), key_display="Esc"),
    ]

    def __init__(
        self, question: str, text: str = "", refuse: Callable[[str], str] = lambda _text: ""
    ) -> None:
        super().__init__()
        self.question, self.text, self.refuse = question, text, refuse

    def compose(self) -> ComposeResult:
        """Question, line, problem."""
        with Vertical(classes="dialog"):
            yield Static(printable_lines(self.question), markup=False)
            yield AnswerLine(self.text, classes="line", select_on_focus=False)
            yield Static("", id="problem", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Start typing at once."""
        self.query_one(Input).focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Give the text, unless something is wrong with it."""
        message.stop()
        text = message.value.strip()
        problem = self.refuse(text)
        if problem:
            self.query_one("#problem", Static).update(f"! {printable(problem)}")
        else:
            self.dismiss(text)

    def action_close(self) -> None:
        """Give nothing."""
        self.dismiss(None)


class ReasonDialog(TextDialog):
    """Why something is accepted that only dates speak against; gives the reason, None on Esc."""

    def __init__(self) -> None:
        question = _(
            "Accept it although the dates speak against it. Why? The zone keeps the reason."
        )
        super().__init__(question, refuse=_refuse_empty)


def _refuse_empty(text: str) -> str:
    return "" if text else _("Say in a few words why.")
