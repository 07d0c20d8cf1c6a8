"""A release: how it is now, its objects, its history, and what can be done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.events import ObjectState
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.release.records.chronicle import Deed
from champ_offline.release.status import ReleaseStatus
from installer.drift_text import in_words, told
from installer.error_text import note
from installer.language import mark
from installer.language import translate as _
from installer.quantities import duration, minute
from installer.step_line import cause_lines, object_line
from installer.terminal_text import printable_lines
from installer.tui.proposals import Remove, Rollback
from installer.tui.routes import BrowseCatalog, ReadLogs, ReviewPlan, ShowBackups, ShowRelease
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word

_OBJECTS = 6
_CAUSES = 3


@dataclass(eq=False)
class ReleaseRead(Message):
    """How the release is, all that was ever applied to it (oldest first), what stood in the way."""

    status: ReleaseStatus | None
    history: tuple[Deed, ...]
    trouble: str = ""


class ReleaseScreen(Page):
    """The history's rows choose what to go back to."""

    NAME = mark("Release")
    PURPOSE = mark(
        "A release: how it is now, and everything that was ever done to it. A change starts"
        " with a plan that shows what it would do."
    )
    again = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "change", mark("Upgrade or change")),
        Binding("b", "back", mark("Roll back to the marked one")),
        Binding("x", "remove", mark("Remove")),
        Binding("o", "objects", mark("All objects")),
        Binding("l", "logs", mark("Logs")),
        Binding("d", "data", mark("Saved data")),
        Binding("t", "drift", mark("Drift")),
        Binding("p", "put_right", mark("Put it right")),
        Binding("r", "look", mark("Refresh")),
    ]

    status: ReleaseStatus | None = None
    history: Sequence[Deed] = ()

    def __init__(self, wanted: ShowRelease) -> None:
        super().__init__()
        self.release, self.namespace = wanted.release, wanted.space

    def title_text(self) -> str:
        """Which release."""
        return f"{_(self.NAME)} {self.release}"

    def body(self) -> ComposeResult:
        """Status, objects, history."""
        yield Static(_("Reading the release ..."), id="facts", markup=False)
        yield Static("", id="trouble", classes="gap", markup=False)
        yield Static(_("History, the newest first:"), classes="gap heading", markup=False)
        yield Rows(id="history", verb=mark("Details"), numbered=False)

    def on_screen_resume(self) -> None:
        """Look anew whenever this screen is seen again."""
        self.action_look()

    def action_look(self) -> None:
        """Read the history and ask the cluster."""
        opened, kubeconfig = self.desk.appliance, self.desk.kubeconfig
        release, namespace = self.release, self.namespace
        self.start(lambda: look(opened(), release, namespace, kubeconfig))

    def on_release_read(self, message: ReleaseRead) -> None:
        """Show it."""
        self.status, self.history = message.status, message.history[::-1]
        self.say("facts", facts(message.status, self.namespace))
        self.say("trouble", message.trouble)
        self.refresh_bindings()
        header = [_("REVISION"), _("WHAT"), _("VERSION"), _("OUTCOME"), _("WHEN"), _("WHO")]
        rows = [
            [str(r.number), word(r.operation), r.version, word(r.outcome),
             minute(r.started), r.actor]
            for r in self.history
        ]  # fmt: skip
        self.query_one(Rows).show(header, rows)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show all that is known of a revision."""
        revision = self.history[message.index]
        title = f"{self.release}: {_('REVISION')} {revision.number}"
        self.app.push_screen(TextScreen(title, record(revision)))

    def action_change(self) -> None:
        """Choose the version it shall become; the same one changes its answers."""
        if self.status is not None:
            self.post_message(BrowseCatalog(self.status.app, self.release, self.namespace))

    def action_back(self) -> None:
        """Plan the way back to the revision that is marked."""
        if self.history:
            number = self.history[self.query_one(Rows).cursor].number
            way = Rollback(self.release, self.namespace, number, self.desk.kubeconfig)
            self.post_message(ReviewPlan(way))

    def action_remove(self) -> None:
        """Plan the removal."""
        self.post_message(ReviewPlan(Remove(self.release, self.namespace, self.desk.kubeconfig)))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Drift is for where some was found, logs are for what is there."""
        if action == "logs":
            return self.status is not None
        return action not in {"drift", "put_right"} or _drifted(self.status)

    def action_drift(self) -> None:
        """Every difference from what was sealed."""
        if self.status is not None and self.status.drift is not None:
            self.app.push_screen(TextScreen(_("Drift"), "\n".join(told(self.status.drift))))

    def action_put_right(self) -> None:
        """Plan the way back to what was sealed of the revision that runs."""
        if self.status is not None:
            number = self.status.number
            way = Rollback(self.release, self.namespace, number, self.desk.kubeconfig)
            self.post_message(ReviewPlan(way))

    def action_logs(self) -> None:
        """What its containers wrote."""
        way = self.desk.kubeconfig
        self.post_message(ReadLogs(self.release, self.namespace, way))

    def action_data(self) -> None:
        """What was saved of what it keeps."""
        self.post_message(ShowBackups(self.release, self.namespace))

    def action_objects(self) -> None:
        """Every object and how it is."""
        states = self.status.objects if self.status else ()
        text = "\n".join(state_line(state) for state in states)
        self.app.push_screen(TextScreen(_("All objects"), text or _("none")))


def look(
    appliance: Appliance, release: str, namespace: str, kubeconfig: Path | None
) -> ReleaseRead:
    """History and health; for a worker."""
    history = appliance.releases.history(release, namespace)
    try:
        found = appliance.releases.status(release, namespace, kubeconfig)
    except ReleaseUnknown:
        return ReleaseRead(None, history)
    except ChampError as error:
        known = appliance.releases.status(release, namespace, None)
        return ReleaseRead(known[0], history, note(error))
    return ReleaseRead(found[0], history)


def facts(status: ReleaseStatus | None, namespace: str) -> str:
    """Status and the objects, those in trouble first."""
    if status is None:
        return _("It is not installed at present.")
    first = _("{app} {version} in namespace {namespace}, revision {number}: {outcome}, {health}")
    lines = [
        first.format(
            app=status.app, version=status.version, namespace=namespace, number=status.number,
            outcome=word(status.outcome), health=word(status.health),
        )
    ]  # fmt: skip
    if _drifted(status):
        drifted = _("Drifted from what was sealed: {drift}. Press t to read it, p to put it right.")
        lines.append(drifted.format(drift=in_words(status.drift)))
    lines += [text for cause in status.causes[:_CAUSES] for text in cause_lines(cause)]
    states = sorted(status.objects, key=lambda state: state.ready)
    lines += [state_line(state) for state in states[:_OBJECTS]]
    if len(states) > _OBJECTS:
        lines.append(_("  {count} more: press o").format(count=len(states) - _OBJECTS))
    return printable_lines("\n".join(lines))


def _drifted(status: ReleaseStatus | None) -> bool:
    return status is not None and status.drift is not None and status.drift.found


def state_line(state: ObjectState) -> str:
    """`+` for ready, `-` for not ready, and the words."""
    return f"  {'+' if state.ready else '-'} {object_line(state)}"


def record(revision: Deed) -> str:
    """All that history holds of a revision."""
    pairs = (
        (_("WHAT"), word(revision.operation)),
        (_("APP"), f"{revision.app} {revision.version}"),
        (_("OUTCOME"), word(revision.outcome)),
        (_("WHEN"), f"{revision.started}, {duration(revision.seconds)}"),
        (_("WHO"), revision.actor),
        (_("plan"), str(revision.plan)),
        (_("sealed chart"), str(revision.sealed or "-")),
        (_("error"), revision.error or "-"),
    )
    return "\n".join(f"{label}: {value}" for label, value in pairs)
