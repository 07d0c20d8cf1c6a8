"""A plan being carried out: steps, objects as they come up, how it ended, how to repeat it.

Invariant: it is a task: it goes on when this is left, and is put back when it is stopped.
"""

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
from champ_offline.errors import ChampError, ExitCode
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import Outcome
from champ_offline.release.status import ReleaseStatus
from champ_offline.tasks.task import Ending
from installer import task_text
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable, printable_lines
from installer.tui.proposals import Proposal, folded
from installer.tui.routes import ApplyPlan, GoHome, ReadLogs, ShowRelease
from installer.tui.screens.task import TaskPage
from installer.tui.widgets.dialogs import ErrorDialog
from installer.tui.widgets.progress import ProgressView
from installer.words import word


@dataclass(eq=False)
class Applied(Message):
    """The plan was carried out; `status` is how the release is now, None where it is gone.

    `late` where it was to be stopped and had ended before.
    """

    told: str
    status: ReleaseStatus | None
    late: bool = False


@dataclass(eq=False)
class NotApplied(Message):
    """The plan was not carried out, or put back."""

    error: ChampError | None


class ApplyScreen(TaskPage):
    """Can be left and stopped while the plan is being carried out."""

    NAME = mark("Apply")
    PURPOSE = mark(
        "The plan is being carried out, step by step, until every object is well. It can be"
        " stopped; then the release is put back as it was."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", mark("Go on"), key_display="Enter"),
        Binding("s", "stop", mark("Stop and put back")),
        Binding("l", "logs", mark("Logs")),
    ]

    def __init__(self, confirmed: ApplyPlan) -> None:
        super().__init__()
        self.plan: Plan = confirmed.plan
        self.proposal: Proposal = confirmed.proposal

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
        way = self.proposal.kubeconfig
        cluster = [] if way is None else ["--kubeconfig", str(way.absolute())]
        self.carry_out(["apply", *cluster, str(self.plan.digest)])

    def ended(self, ending: Ending) -> Message:
        """Look how the release is."""
        plan, way = self.plan, self.proposal.kubeconfig
        appliance = self.desk.appliance()
        late = stands(appliance, plan) if ending.exit_code == ExitCode.INTERRUPTED else ""
        if ending.exit_code != ExitCode.OK and not late:
            return NotApplied(ending.error)
        return Applied(late or task_text.ended(ending), health(appliance, plan, way), bool(late))

    def on_applied(self, message: Applied) -> None:
        """Show how it ended."""
        self.over()
        lines = [_("It had ended before it could be stopped.")] if message.late else []
        lines.append(message.told)
        if message.status is not None:
            lines.append(_("Health: {health}").format(health=word(message.status.health)))
        self.say("result", printable_lines("\n".join([*lines, ""])))
        commands = self.proposal.commands(self.desk.zone or Path())
        told = [_("The same without these screens:"), *map(folded, commands)]
        self.say("repeat", printable_lines("\n".join(told)))

    def on_not_applied(self, message: NotApplied) -> None:
        """Say how it ended."""
        if message.error is not None:
            self.failed(message.error)

    def failed(self, error: ChampError) -> None:
        """Say how it ended."""
        self.over()
        if error.exit_code is ExitCode.INTERRUPTED:
            text = _("Stopped. {release} is as it was before; the history says so.")
            self.say("result", text.format(release=printable(self.plan.release)))
            return
        self.say("result", _("It did not end well. The history says what was done."))
        self.app.push_screen(ErrorDialog(error))

    def question(self) -> str:
        """What stopping means here."""
        return _("Stop, and put {release} back as it was?").format(release=self.plan.release)

    def stop_asked(self) -> None:
        """Say that it takes as long as the putting back does."""
        self.say(
            "result",
            _(
                "Stopping: Helm is ended, then the release is put back as it was. That takes as"
                " long as the cluster needs for it; whatever ends these screens now, the next start"
                " goes on with it."
            ),
        )

    def action_logs(self) -> None:
        """What the containers wrote that are not ready."""
        pods = self.query_one(ProgressView).unready("Pod")
        plan, way = self.plan, self.proposal.kubeconfig
        self.post_message(ReadLogs(plan.release, plan.namespace, way, pods))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Go on is for afterwards, logs are for what does not come up."""
        if action == "logs":
            return bool(self.query(ProgressView)) and bool(self.query_one(ProgressView).unready())
        if action == "go_on":
            return not self.running
        return super().check_action(action, parameters)

    def action_go_on(self) -> None:
        """To the release's page, or home where it is gone."""
        self.post_message(GoHome())
        if self.plan.operation is not Operation.REMOVE:
            self.post_message(ShowRelease(self.plan.release, self.plan.namespace))


def stands(appliance: Appliance, plan: Plan) -> str:
    """What became of a plan that ended well after all; empty where it did not."""
    deeds = appliance.releases.history(plan.release, plan.namespace)
    made = [one for one in deeds if one.plan == plan.digest and one.outcome == Outcome.DEPLOYED]
    return task_text.applied(vars(made[-1])) if made else ""


def health(appliance: Appliance, plan: Plan, kubeconfig: Path | None) -> ReleaseStatus | None:
    """How the release is, None where it was taken away."""
    if plan.operation is Operation.REMOVE:
        return None
    found = appliance.releases.status(plan.release, plan.namespace, kubeconfig)
    return found[0] if found else None
