"""The app's form: what it asks, checked while it is typed; its answers become a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.catalog.answers import read_answers, write_answers
from champ_offline.catalog.form import FieldProblem, Form
from champ_offline.catalog.sources import Source, without_secrets
from champ_offline.durable.write import make_directory
from champ_offline.errors import ChampError, system_said
from champ_offline.release.asking import Earlier
from installer.language import active, mark
from installer.language import translate as _
from installer.tui.errors import FolderNotMade
from installer.tui.proposals import Install
from installer.tui.routes import ReviewPlan
from installer.tui.screens.entries import EntriesScreen
from installer.tui.widgets.editors import Entries
from installer.tui.widgets.form import Answers, FormView, Start, help_of
from installer.tui.widgets.page import Page

_SECRET, _PLAIN = 0o400, 0o644


@dataclass(eq=False)
class FormRead(Message):
    """The form and what it starts with; `trouble` says why older answers cannot be used."""

    form: Form
    start: Start
    trouble: ChampError | None = None


@dataclass(eq=False)
class AnswersWritten(Message):
    """The answers are in the file."""

    path: Path


class AnswersScreen(Page):
    """The form; F2 checks it, writes the file and goes on to the plan."""

    NAME = mark("Install: the app's form")
    PURPOSE = mark(
        "What the app asks before it is installed: every field has its help at the bottom and its"
        " problem right below it. What is typed is kept in the zone as an answers file, also for"
        " the command line."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "go_on", mark("Go on to the plan"), key_display="F2"),
        Binding("tab", "app.focus_next", mark("Next field"), key_display="Tab", priority=True),
    ]

    def __init__(self, wanted: Install) -> None:
        super().__init__()
        self.wanted = wanted
        self.form: Form | None = None
        self.kept: Answers = {}

    def title_text(self) -> str:
        """Which app, as what."""
        return f"{_(self.NAME)}: {self.wanted.app} {self.wanted.version}"

    def body(self) -> ComposeResult:
        """The form, and the help of the field that is edited."""
        yield Vertical(Static(_("Reading the form ..."), markup=False), id="form")
        yield Static("", id="help", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Read the form."""
        opened, wanted = self.desk.appliance, self.wanted
        self.start(lambda: read_form(opened(), wanted))

    async def on_form_read(self, message: FormRead) -> None:
        """Put the form on the screen."""
        form, start = message.form, message.start
        self.form, self.kept = form, start.kept
        if (draft := self.desk.drafts.get(self._draft)) is not None:
            start = Start(form.defaults(draft), draft, start.kept, Source.TYPED)
        place = self.query_one("#form", Vertical)
        await place.remove_children()
        fields = form.fields(active())
        if fields:
            await place.mount(FormView(fields, start, self._judge, self._completed))
        else:
            await place.mount(Static(_("This app asks nothing. Press F2."), markup=False))
        if message.trouble is not None:
            self.failed(message.trouble)

    def on_form_view_entered(self, message: FormView.Entered) -> None:
        """Show the field's help."""
        self.say("help", help_of(message.row))

    def on_entries_opened(self, message: Entries.Opened) -> None:
        """Edit a list on a screen of its own."""
        view, entries = self.query_one(FormView), message.entries
        row = view.row_of(entries)
        path = row.path

        def judge(value: Any) -> tuple[FieldProblem, ...]:  # noqa: ANN401
            return below(self._judge(placed(view.answers, path, value)), ".".join(path))

        start = entries.answer if isinstance(entries.answer, list) else []
        self.app.push_screen(EntriesScreen(entries.field, start, judge, entries.put, row.source))

    def action_go_on(self) -> None:
        """Write the answers once they fit."""
        views = list(self.query(FormView))
        if self.form is None or not all(view.check() for view in views):
            return
        answers = views[0].answers if views else {}
        form, wanted, opened = self.form, self.wanted, self.desk.appliance
        self.start(lambda: write(form, wanted, kept_answers(opened(), wanted), answers))

    def action_leave(self) -> None:
        """Go back; what was typed is there again when the form is."""
        for view in self.query(FormView):
            self.desk.drafts[self._draft] = view.answers
        super().action_leave()

    @property
    def _draft(self) -> tuple[str, ...]:
        """Whose answers these are, wherever they are to be applied."""
        wanted = self.wanted
        return wanted.app, wanted.version, wanted.namespace, wanted.release

    def on_answers_written(self, message: AnswersWritten) -> None:
        """Work out the plan."""
        self.desk.drafts.pop(self._draft, None)
        self.post_message(ReviewPlan(self.wanted.with_answers(message.path)))

    def _judge(self, answers: Any) -> tuple[FieldProblem, ...]:  # noqa: ANN401
        return self.form.problems(self._completed(answers)) if self.form else ()

    def _completed(self, answers: Any) -> Any:  # noqa: ANN401
        """Answers with defaults, and with secrets that will be kept or made."""
        return self.form.complete(answers, self.kept, "x".__mul__) if self.form else answers


def kept_answers(appliance: Appliance, wanted: Install) -> Path:
    """Where the answers of a release are kept; the names were checked when they were typed."""
    return appliance.paths.answers(wanted.namespace, wanted.release)


def read_form(appliance: Appliance, wanted: Install) -> FormRead:
    """The form, with the answers of last time where there are some that fit; for a worker.

    Those are what was typed here since the release was changed last, else what it has.
    """
    form = appliance.form(wanted.app, wanted.version)
    path, given, kept = kept_answers(appliance, wanted), dict[str, Any](), dict[str, Any]()
    last, trouble = _last(appliance, wanted)
    if last is not None:
        kept = dict(last.answers)
        given = without_secrets(form, kept)
    if path.is_file() and (last is None or _written(path) > datetime.fromisoformat(last.since)):
        try:
            given = read_answers(path, form)
        except ChampError as error:
            trouble = error
    return FormRead(form, Start(form.defaults(given), given, kept), trouble)


def _last(appliance: Appliance, wanted: Install) -> tuple[Earlier | None, ChampError | None]:
    """What the release has of this app, or why that cannot be told."""
    try:
        last = appliance.releases.earlier(wanted.release, wanted.namespace, wanted.kubeconfig)
    except ChampError as error:
        return None, error
    return (last if last is not None and last.app == wanted.app else None), None


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def write(form: Form, wanted: Install, path: Path, answers: Answers) -> AnswersWritten:
    """Write the answers file, for its owner alone where it holds secrets; for a worker."""
    try:
        make_directory(path.parent, 0o700)
    except OSError as error:
        raise FolderNotMade(path=path.parent, reason=system_said(error)) from error
    mode = _SECRET if holds_secret(form, answers, "") else _PLAIN
    write_answers(path, answers, app=wanted.app, version=wanted.version, mode=mode)
    return AnswersWritten(path)


def holds_secret(form: Form, value: object, path: str) -> bool:
    """Whether a secret was typed or generated into the answers."""
    if isinstance(value, Mapping):
        return any(holds_secret(form, v, f"{path}.{k}".lstrip(".")) for k, v in value.items())
    if isinstance(value, list):
        return any(holds_secret(form, v, f"{path}[]") for v in value)
    return form.is_secret(path)


def placed(answers: Answers, path: tuple[str, ...], value: object) -> Answers:
    """A copy of the answers with `value` at `path`."""
    inner = answers.get(path[0], {})
    new = value if len(path) == 1 else placed(inner, path[1:], value)
    return {**answers, path[0]: new}


def below(problems: tuple[FieldProblem, ...], path: str) -> tuple[FieldProblem, ...]:
    """The problems at and below a path, with paths relative to it."""
    return tuple(
        FieldProblem(p.path[len(path) :].lstrip("."), p.expected, p.fields, p.found)
        for p in problems
        if p.path == path or p.path.startswith((f"{path}.", f"{path}["))
    )
