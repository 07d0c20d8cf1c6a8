"""A plan being carried out: steps, objects as they come up, how it ended, how to repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.release.apply.failures import ChangeInterrupted
from champ_offline.release.apply.halt import Halt
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import Revision
from champ_offline.release.status import ReleaseStatus
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable, printable_lines
from installer.tui.proposals import Proposal, folded
from installer.tui.routes import ApplyPlan, GoHome, ShowRelease
from installer.tui.watcher import Happened, Watcher
from installer.tui.widgets.dialogs import ChoiceDialog, ErrorDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.progress import ProgressView
from installer.words import word


@dataclass(eq=False)
class Applied(Message):
    """The plan was carried out; `status` is how the release is now, None where it is gone."""

    revision: Revision
    status: ReleaseStatus | None


class ApplyScreen(Page):
    """Cannot be left while the plan is being carried out; it can be stopped."""

    NAME = mark("Apply")
    PURPOSE = mark(
        "The plan is being carried out, step by step, until every object is well. It can be"
        " stopped; then the release is put back as it was."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", mark("Go on"), key_display="Enter"),
        Binding("s", "stop", mark("Stop and put back")),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self, confirmed: ApplyPlan) -> None:
        super().__init__()
        self.plan: Plan = confirmed.plan
        self.proposal: Proposal = confirmed.proposal
        self.running = True
        self.halt = Halt()

    def title_text(self) -> str:
        """What is done to what."""
        return f"{word(self.plan.operation)} {printable(self.plan.release)}"

    def body(self) -> ComposeResult:
        """Progress, then the result; all of it scrolls."""
        with VerticalScroll(can_focus=True):
            yield Static("", id="result", markup=False)
            yield ProgressView()
            yield Static("", id="repeat", classes="gap", markup=False)

    def on_mount(self) -> None:
        """Apply."""
        opened, plan, kubeconfig = self.desk.appliance, self.plan, self.proposal.kubeconfig
        watcher, halt = Watcher(self.post_message), self.halt
        self.start(lambda: apply(opened(), plan, kubeconfig, watcher, halt))

    def on_happened(self, message: Happened) -> None:
        """Show an event."""
        self.query_one(ProgressView).take(message.event)

    def on_applied(self, message: Applied) -> None:
        """Show how it ended."""
        self._end()
        revision, status = message.revision, message.status
        lines = [_("It had ended before it could be stopped.")] if self.halt.asked else []
        lines += [
            _("{operation} {release}: {outcome}, revision {number}, version {version}").format(
                operation=word(revision.operation),
                release=revision.release,
                outcome=word(revision.outcome),
                number=revision.number,
                version=revision.version,
            )
        ]
        if status is not None:
            lines.append(_("Health: {health}").format(health=word(status.health)))
        self.say("result", printable_lines("\n".join([*lines, ""])))
        commands = self.proposal.commands(self.desk.zone or Path())
        told = [_("The same without these screens:"), *map(folded, commands)]
        self.say("repeat", printable_lines("\n".join(told)))

    def failed(self, error: ChampError) -> None:
        """Say how it ended."""
        self._end()
        if isinstance(error, ChangeInterrupted):
            text = _("Stopped. {release} is as it was before; the history says so.")
            self.say("result", text.format(release=printable(self.plan.release)))
            return
        self.say("result", _("It did not end well. The history says what was done."))
        self.app.push_screen(ErrorDialog(error))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Wait for the end; what is being stopped is not stopped again."""
        if action == "stop":
            return self.running and not self.halt.asked
        return action not in {"go_on", "leave"} or not self.running

    def action_stop(self) -> None:
        """Ask, then have it ended."""
        question = _("Stop, and put {release} back as it was?").format(release=self.plan.release)
        choices = [_("Let it go on"), _("Stop and put back")]
        self.app.push_screen(ChoiceDialog(question, choices), self._stop)

    def _stop(self, choice: int | None) -> None:
        if choice != 1 or not self.running:
            return
        self.say(
            "result",
            _(
                "Stopping: Helm is ended, then the release is put back as it was. That takes as"
                " long as the cluster needs for it; whatever ends these screens now, the next start"
                " goes on with it."
            ),
        )
        self.run_worker(self._ask, thread=True)

    def _ask(self) -> None:
        """In a thread: Helm's process is waited for."""
        self.halt.ask()
        self.app.call_from_thread(self.refresh_bindings)

    def action_go_on(self) -> None:
        """To the release's page, or home where it is gone."""
        self.post_message(GoHome())
        if self.plan.operation is not Operation.REMOVE:
            self.post_message(ShowRelease(self.plan.release, self.plan.namespace))

    def action_leave(self) -> None:
        """As Enter: what lies behind this screen is no longer true."""
        self.action_go_on()

    def _end(self) -> None:
        self.running = False
        self.query_one(ProgressView).end()
        self.refresh_bindings()


def apply(
    appliance: Appliance, plan: Plan, kubeconfig: Path | None, watcher: Watcher, halt: Halt
) -> Applied:
    """Carry out the plan and look how the release is; for a worker."""
    revision = appliance.releases.apply(plan, kubeconfig, watcher, halt)
    if plan.operation is Operation.REMOVE:
        return Applied(revision, None)
    found = appliance.releases.status(plan.release, plan.namespace, kubeconfig)
    return Applied(revision, found[0] if found else None)
