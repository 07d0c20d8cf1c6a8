"""A form on the screen, generated from its fields: one row a field, its problem below it.

Invariant: what the rows show and `answers` gives are the same; a problem stands under the field it
is about, as soon as that field was edited or everything was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from champ_offline.catalog.fields import FormField
from champ_offline.catalog.form import FieldProblem
from champ_offline.catalog.sources import Source, present, unanswered
from installer.form_words import problem_text, source_text
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.widgets.editors import NOTHING, Edited, Entries, Line, editor

Answers: TypeAlias = dict[str, Any]
# Finds what is wrong with the form's answers; paths are relative to the form.
Judge: TypeAlias = Callable[[Any], tuple[FieldProblem, ...]]
# Fills in defaults, so that conditions can be held against them.
Complete: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, repr=False)
class Start:
    """What a form starts with: `answers`, of which those `given` come from `origin`.

    The rest are the app's defaults. Of `kept` only that it is there counts: its secrets stay.
    """

    answers: Answers
    given: Answers
    kept: Answers
    origin: Source = Source.EARLIER


class FieldRow(Vertical):
    """Title, editor, and the problem below.

    `origin` is where the value comes from that the editor starts with, `kept` whether the field has
    a secret that stays where nothing is typed.
    """

    def __init__(
        self, field: FormField, path: tuple[str, ...], value: object, origin: Source, *, kept: bool
    ) -> None:
        super().__init__()
        self.field, self.path = field, path
        self.editor = editor(field, value, kept=kept)
        self.touched = False
        self._start, self._origin, self._kept = deepcopy(self.answer), origin, kept

    def compose(self) -> ComposeResult:
        """One line, and a second one while something is wrong."""
        with Horizontal(classes="row"):
            yield Static(" ", classes="marker", markup=False)
            star = "*" if self.field.required and not self.field.generate else " "
            title = f"{star} {printable(self.field.title)}"
            yield Static(title, classes="label", markup=False)
            line = isinstance(self.editor, Line)
            yield Static("[" if line else " ", classes="bracket", markup=False)
            yield self.editor
            yield Static("]" if line else " ", classes="bracket", markup=False)
        yield Static("", classes="problem", markup=False)

    @property
    def answer(self) -> object:
        """What the editor holds."""
        return cast("Any", self.editor).answer

    @property
    def source(self) -> Source:
        """Where the answer comes from as it is now."""
        answer = self.answer
        if answer is NOTHING:
            return unanswered(self.field, kept=self._kept)
        if type(answer) is type(self._start) and answer == self._start:
            return self._origin
        made = isinstance(self.editor, Line) and self.editor.made == answer
        return Source.MADE if made else Source.TYPED

    def tell(self, problem: str) -> None:
        """Show a problem, or that there is none."""
        below = self.query_one(".problem", Static)
        below.update(f"! {problem}" if problem else "")
        below.display = bool(problem)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.tell("")

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Mark the row in which the user is."""
        self.query_one(".marker", Static).update(">")
        self.post_message(FormView.Entered(self))

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """The user is elsewhere."""
        self.query_one(".marker", Static).update(" ")


class FormView(VerticalScroll, can_focus=False):
    """The rows of `fields` with `start`; `check` tells all problems at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.focus_previous", show=False),
        Binding("down", "screen.focus_next", show=False),
    ]

    class Entered(Message):
        """The user is at this row now, or changed it."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self, fields: tuple[FormField, ...], start: Start, judge: Judge, complete: Complete
    ) -> None:
        super().__init__()
        self._judge, self._complete = judge, complete
        self._rows = list(_rows(fields, (), start, start.answers))

    def compose(self) -> ComposeResult:
        """Headings for tables, rows for all else."""
        table: tuple[str, ...] = ()
        for field, row in self._rows:
            if field is not None and row.path[:-1] != table:
                table = row.path[:-1]
                yield Static(printable(field.title), classes="heading", markup=False)
            yield row

    def on_mount(self) -> None:
        """Show what is asked, and start at the top."""
        self._ask()
        self._rows[0][1].editor.focus()

    @property
    def answers(self) -> Answers:
        """What is given now; fields that are not asked are left out."""
        found: Answers = {}
        for _table, row in self._rows:
            if row.answer is not NOTHING and row.display:
                _put(found, row.path, row.answer)
        return found

    def check(self) -> bool:
        """Tell every problem; go to the first one; whether there is none."""
        problems = self._problems()
        for _table, row in self._rows:
            row.touched = True
            row.tell(problems.get(".".join(row.path), ""))
        wrong = [row for _table, row in self._rows if ".".join(row.path) in problems]
        if wrong:
            wrong[0].editor.focus()
        return not wrong and not problems

    def on_edited(self, message: Edited) -> None:
        """Look at the field again."""
        message.stop()
        self._ask()
        problems = self._problems()
        for _table, row in self._rows:
            row.touched = row.touched or row.has_focus_within
            if row.has_focus_within:
                self.post_message(self.Entered(row))
            if row.touched:
                row.tell(problems.get(".".join(row.path), ""))

    def on_input_submitted(self, message: Message) -> None:
        """Enter goes to the next field."""
        message.stop()
        self.screen.focus_next()

    def row_of(self, entries: Entries) -> FieldRow:
        """The row of a list."""
        return next(row for _table, row in self._rows if row.editor is entries)

    def _ask(self) -> None:
        """Show the fields whose conditions hold."""
        whole = self._complete(self.answers)
        for _table, row in self._rows:
            row.display = row.field.condition is None or row.field.condition.holds(
                _at(whole, row.path[:-1])
            )

    def _problems(self) -> dict[str, str]:
        """The first problem of each row; of what has no row under an empty path."""
        places = {".".join(row.path): row.field.help for _table, row in self._rows}
        found: dict[str, str] = {}
        for problem in self._judge(self.answers):
            place = _nearest(places, problem.path)
            found.setdefault(place, problem_text(problem, place, places.get(place, "")))
        return found


def help_of(row: FieldRow) -> str:
    """What a row's field means, and where its value comes from."""
    return f"{help_text(row.field)} {source_text(row.source, row.field, row.answer)}".strip()


def help_text(field: FormField) -> str:
    """What the field means, and the limits a person should know."""
    limits = _("Required.") if field.required and not field.generate else ""
    if field.minimum is not None and field.maximum is not None and not field.help:
        template = _("From {lowest} to {highest}.")
        limits += " " + template.format(lowest=field.minimum, highest=field.maximum)
    if field.enum:
        limits += " " + _("One of: {choices}.").format(choices=", ".join(map(str, field.enum)))
    if field.secret and field.generate:
        limits = _("Empty: made on the first installation and kept. ^G makes one now and shows it.")
    return printable(f"{field.help} {limits}".strip())


def _rows(
    fields: tuple[FormField, ...], above: tuple[str, ...], start: Start, answers: object,
    table: FormField | None = None,
) -> Iterator[tuple[FormField | None, FieldRow]]:  # fmt: skip
    for field in fields:
        name = field.name
        value = answers.get(name, NOTHING) if isinstance(answers, Mapping) else NOTHING
        if field.type == "object":
            yield from _rows(field.items, (*above, name), start, value, field)
        else:
            path = (*above, name)
            if value is NOTHING and field.default is not None:
                value = deepcopy(field.default)
            given = present(start.given, ".".join(path))
            origin = start.origin if given else Source.DEFAULT
            kept = present(start.kept, ".".join(path))
            yield table, FieldRow(field, path, value, origin, kept=kept)


def _put(answers: Answers, path: tuple[str, ...], value: object) -> None:
    for name in path[:-1]:
        answers = answers.setdefault(name, {})
    answers[path[-1]] = value


def _at(whole: object, path: tuple[str, ...]) -> Mapping[str, object]:
    for name in path:
        whole = whole.get(name, {}) if isinstance(whole, Mapping) else {}
    return whole if isinstance(whole, Mapping) else {}


def _nearest(places: Mapping[str, str], path: str) -> str:
    while path and path not in places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return path
