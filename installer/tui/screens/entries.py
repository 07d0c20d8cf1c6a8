"""A list of the form: its entries, and the form of one entry.

Invariant: nothing reaches the app's form before the list is left; an entry is taken only when
nothing in it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from champ_offline.catalog.fields import FormField
from champ_offline.catalog.form import FieldProblem
from champ_offline.catalog.sources import Source
from installer.form_words import problem_text
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.widgets.editors import entry_name
from installer.tui.widgets.form import Answers, FormView, Judge, Start, help_of
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows

_ONLY = "value"


class EntriesScreen(Page):
    """The entries; `keep` gets the list when the screen is left."""

    NAME = mark("Edit a list")
    PURPOSE = mark(
        "A list of the form, an entry on each row. What is wrong with the list is said at the"
        " bottom."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", mark("Add an entry")),
        Binding("d", "drop", mark("Delete the entry")),
        Binding("escape", "leave", mark("Done"), key_display="Esc"),
    ]

    def __init__(
        self,
        field: FormField,
        entries: list[Any],
        judge: Judge,
        keep: Callable[[list[Any]], None],
        source: Source,
    ) -> None:
        super().__init__()
        self.field, self.entries = field, list(entries)
        self.judge, self.keep, self.source = judge, keep, source

    def title_text(self) -> str:
        """Which list."""
        return printable(self.field.title)

    def body(self) -> ComposeResult:
        """Help, entries, and what is wrong with them."""
        yield Static(printable(self.field.help), markup=False)
        none = _("none: press a to add one")
        yield Rows(id="entries", empty=none, verb=mark("Edit the entry"))
        yield Static("", id="problem", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Show them."""
        self._show()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Edit an entry."""
        self._edit(message.index)

    def action_add(self) -> None:
        """Fill in a new entry; it is added when it is done."""
        self._edit(len(self.entries))

    def action_drop(self) -> None:
        """Delete the entry that is meant."""
        if self.entries:
            del self.entries[self.query_one(Rows).cursor]
            self._show()

    def action_leave(self) -> None:
        """Give the list to the form."""
        self.keep(self.entries)
        self.dismiss()

    def _edit(self, index: int) -> None:
        start = self.entries[index] if index < len(self.entries) else None

        def judge(value: Any) -> tuple[FieldProblem, ...]:  # noqa: ANN401
            changed = [*self.entries[:index], value, *self.entries[index + 1 :]]
            head = f"[{index}]"
            return tuple(
                FieldProblem(p.path[len(head) :].lstrip("."), p.expected, p.fields, p.found)
                for p in self.judge(changed)
                if p.path.startswith(head)
            )

        def take(value: Any) -> None:  # noqa: ANN401
            self.entries[index : index + 1] = [value]
            self._show()

        title = printable(self.field.title)
        item, source = self.field.items[0], self.source
        self.app.push_screen(EntryScreen(title, item, start, judge, take, source))

    def _show(self) -> None:
        item = self.field.items[0]
        columns = [column for column in item.items if not column.secret]
        rows = [
            [str(entry.get(c.name, "")) for c in columns] if columns and isinstance(entry, dict)
            else [entry_name(self.field, entry)]
            for entry in self.entries
        ]  # fmt: skip
        self.query_one(Rows).show([c.title for c in columns] if rows else [], rows)
        problems = [problem_text(problem, "") for problem in self.judge(self.entries)]
        self.say("problem", f"! {problems[0]}" if problems else "")


class EntryScreen(Page):
    """One entry: a table's fields, or a single value."""

    NAME = mark("Edit an entry")
    PURPOSE = mark("One entry of a list. It is taken only when nothing in it is wrong.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "accept", mark("Take it"), key_display="F2"),
        Binding("tab", "app.focus_next", mark("Next field"), key_display="Tab", priority=True),
        Binding("escape", "leave", mark("Cancel"), key_display="Esc"),
    ]

    def __init__(
        self,
        title: str,
        item: FormField,
        start: object,
        judge: Judge,
        take: Callable[[Any], None],
        source: Source,
    ) -> None:
        super().__init__()
        self.list_title, self.item, self.judge, self.take = title, item, judge, take
        self.start_value, self.source = start, source

    def title_text(self) -> str:
        """Of which list."""
        return f"{self.list_title}: {_(self.NAME)}"

    def body(self) -> ComposeResult:
        """The form of the entry."""
        with VerticalScroll(id="form", can_focus=False):
            yield self._form()
        yield Static("", id="help", classes="foot", markup=False)

    def _form(self) -> FormView:
        if self.item.items:
            start = self.start_value if isinstance(self.start_value, dict) else {}
            begun = Start(start, start, {}, self.source)
            return FormView(self.item.items, begun, self.judge, lambda answers: answers)
        field = replace(self.item, path=_ONLY, title=self.item.title.removesuffix("[]"))
        start = {} if self.start_value is None else {_ONLY: self.start_value}
        begun = Start(start, start, {}, self.source)
        return FormView((field,), begun, self._judge_only, lambda answers: answers)

    def on_form_view_entered(self, message: FormView.Entered) -> None:
        """Show the field's help."""
        self.say("help", help_of(message.row))

    def action_accept(self) -> None:
        """Take the entry if nothing is wrong in it."""
        view = self.query_one(FormView)
        if view.check():
            self.take(self._value(view.answers))
            self.dismiss()

    def _value(self, answers: Answers) -> object:
        return answers if self.item.items else answers.get(_ONLY, "")

    def _judge_only(self, answers: Any) -> tuple[FieldProblem, ...]:  # noqa: ANN401
        return tuple(
            FieldProblem(_ONLY, problem.expected, problem.fields, problem.found)
            for problem in self.judge(self._value(answers))
        )
