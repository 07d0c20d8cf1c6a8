"""The zone at a glance: what it trusts, what it holds, what runs and how it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.journal.journal import Record, Recovered
from champ_offline.release.clusters import NamedCluster
from champ_offline.release.status import ReleaseStatus
from champ_offline.tasks.task import Task
from champ_offline.zone import ZoneSummary
from installer import task_text
from installer.background import tasks_of
from installer.error_text import note
from installer.language import mark
from installer.language import translate as _
from installer.quantities import minute, size
from installer.terminal_text import printable, printable_lines
from installer.tui.routes import (
    BrowseTasks,
    ShowRelease,
    ShowTask,
)
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import ChoiceDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import standing, word

_NEWEST = 4
# Seconds between looks at what is at work.
_LOOK = 2.0
# What is left open: as the journal has it, or as a recovery would deal with it.
Left: TypeAlias = Record | Recovered


@dataclass(eq=False)
class Surveyed(Message):
    """What the zone is and holds."""

    summary: ZoneSummary
    releases: list[ReleaseStatus]
    left: bool = False
    named: tuple[NamedCluster, ...] = ()


@dataclass(eq=False)
class AtWork(Message):
    """The tasks that are at work, the newest first."""

    tasks: Sequence[Task]


@dataclass(eq=False)
class Foreseen(Message):
    """What a recovery of what was interrupted would do; `trouble` says why that is not known."""

    left: Sequence[Left]
    trouble: str = ""


@dataclass(eq=False)
class Settled(Message):
    """What became of it."""

    done: Sequence[Recovered]


@dataclass(eq=False)
class HealthFound(Message):
    """How the releases are; `trouble` says why the cluster was not asked."""

    releases: list[ReleaseStatus]
    trouble: str


class OverviewScreen(Page):
    """Releases can be chosen; everything else is reached by a key."""

    NAME = mark("Overview")
    PURPOSE = mark(
        "The zone at a glance: what it trusts, what it holds and what runs. Every other step"
        " starts here."
    )
    HOME = True
    again = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "app.go('media')", mark("Import from a stick")),
        Binding("c", "app.go('catalog')", mark("Catalog: install an app")),
        Binding("k", "cluster", mark("Cluster")),
        Binding("d", "app.go('check')", mark("Check")),
        Binding("g", "app.go('registry')", mark("Registry")),
        Binding("a", "app.go('audit')", mark("Audit")),
        Binding("t", "tasks", mark("Tasks")),
        Binding("s", "app.go('settings')", mark("Settings")),
        Binding("p", "app.go('site')", mark("Site plan")),
        Binding("h", "app.go('report')", mark("Hand-over report")),
        Binding("f", "recover", mark("Finish what was interrupted")),
        Binding("r", "survey", mark("Refresh")),
        Binding("escape", "leave", show=False),
    ]

    releases: Sequence[ReleaseStatus] = ()
    left: Sequence[Left] = ()
    at_work: Sequence[Task] = ()
    named: tuple[NamedCluster, ...] = ()

    def body(self) -> ComposeResult:
        """Facts, bundles, releases."""
        yield Static(_("Reading the zone ..."), id="facts", markup=False)
        yield Static("", id="bundles", classes="gap", markup=False)
        yield Static("", id="at_work", classes="gap heading", markup=False)
        yield Static("", id="left", classes="gap heading", markup=False)
        yield Static("", id="heading", classes="gap heading", markup=False)
        none = _("none: press c to install an app from the catalog")
        yield Rows(id="releases", empty=none, verb=mark("Open"))
        yield Static("", id="trouble", classes="foot", markup=False)

    def on_mount(self) -> None:
        """See what is begun elsewhere, and what ends."""
        self.say("at_work", "")
        self.set_interval(_LOOK, self._look_at_work)

    def on_screen_resume(self) -> None:
        """Look anew whenever this screen is seen again."""
        self._look_at_work()
        self.action_survey()

    def _look_at_work(self) -> None:
        if self.is_current:
            zone = self.desk.zone_folder()
            self.start(lambda: AtWork(at_work(zone)))

    def on_at_work(self, message: AtWork) -> None:
        """Show what is at work; what has ended since may have changed all the rest."""
        before, self.at_work = self.at_work, message.tasks
        if [*before] == [*message.tasks]:
            return  # a line that costs seconds on a serial console is not drawn for nothing
        told = [_("At work: {task}").format(task=task_text.line(one)) for one in message.tasks]
        self.say("at_work", "\n".join(told[:_NEWEST]))
        if {one.number for one in before} - {one.number for one in message.tasks}:
            self.action_survey()

    def action_tasks(self) -> None:
        """Look at the one that is at work, or choose one."""
        chosen = ShowTask(self.at_work[0]) if len(self.at_work) == 1 else BrowseTasks()
        self.post_message(chosen)

    def action_survey(self) -> None:
        """Read the zone, then ask the cluster."""
        opened = self.desk.appliance
        self.start(lambda: survey(opened()))

    def on_surveyed(self, message: Surveyed) -> None:
        """Show the zone; the cluster may take longer. The only one that has a name is meant."""
        self.named = message.named
        if self.desk.kubeconfig is None and len(self.named) == 1:
            self.desk.kubeconfig = self.named[0].kubeconfig
        self.say("facts", facts(message.summary))
        self.say("bundles", bundles(message.summary))
        if not self.releases:
            self._show(message.releases)
        kubeconfig, opened = self.desk.kubeconfig, self.desk.appliance
        if message.left:
            # Asking for health would put it right unasked.
            self.start(lambda: foresee(opened(), kubeconfig))
            return
        self._show_left((), "")
        self.start(lambda: ask_health(opened(), kubeconfig))

    def on_foreseen(self, message: Foreseen) -> None:
        """Show what was interrupted and what would be done; else how the releases are."""
        self._show_left(message.left, message.trouble)
        if not message.left:
            kubeconfig, opened = self.desk.kubeconfig, self.desk.appliance
            self.start(lambda: ask_health(opened(), kubeconfig))

    def on_settled(self, message: Settled) -> None:
        """Show what became of it; the overview is read anew behind that."""
        text = "\n\n".join(map(became, message.done))
        self.app.push_screen(TextScreen(_("What became of it"), text or _("Nothing was left.")))

    def action_recover(self) -> None:
        """Say once more what would be done, and do it."""
        question = _("Put right what was interrupted?")
        choices = [_("Put it right"), _("Leave it as it is")]
        told = "\n".join([*map(foretold, self.left), question])
        self.app.push_screen(ChoiceDialog(told, choices), self._recover)

    def _recover(self, choice: int | None) -> None:
        if choice == 0:
            kubeconfig, opened = self.desk.kubeconfig, self.desk.appliance
            self.say("left", _("Putting right what was interrupted ..."))
            self.start(lambda: Settled(opened().releases.recover(kubeconfig)))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Recovery is for where something was interrupted."""
        return action != "recover" or bool(self.left)

    def _show_left(self, left: Sequence[Left], trouble: str) -> None:
        self.left = left
        text = "\n".join(map(foretold, left[:_NEWEST]))
        if len(left) > _NEWEST:
            text += "\n" + _("  {count} more").format(count=len(left) - _NEWEST)
        self.say("left", printable_lines(text))
        if left:
            self.say("trouble", trouble)
        self.refresh_bindings()

    def on_health_found(self, message: HealthFound) -> None:
        """Show how the releases are."""
        self._show(message.releases)
        self.say("trouble", message.trouble)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Open a release's page."""
        chosen = self.releases[message.index]
        self.post_message(ShowRelease(chosen.release, chosen.namespace))

    def action_cluster(self) -> None:
        """Choose a cluster by its name; where none has one, or another is meant, by its file."""
        if not self.named:
            self._ask_kubeconfig()
            return

        def take(answer: int | None) -> None:
            if answer == len(self.named):
                self._ask_kubeconfig()
            elif answer is not None:
                self.desk.kubeconfig = self.named[answer].kubeconfig

        choices = [f"{one.name}  {one.address}" for one in self.named]
        choices.append(_("another one, by its kubeconfig file"))
        self.app.push_screen(ChoiceDialog(_("Which cluster?"), choices), take)

    def _ask_kubeconfig(self) -> None:
        question = _("Where is the cluster's kubeconfig file?")
        start = str(self.desk.kubeconfig or "")
        self.app.push_screen(TextDialog(question, start), self._take_kubeconfig)

    def action_leave(self) -> None:
        """There is nothing behind this screen; Ctrl+Q quits."""

    def _take_kubeconfig(self, text: str | None) -> None:
        if text is not None:
            self.desk.kubeconfig = Path(text).expanduser() if text else None

    def _show(self, releases: list[ReleaseStatus]) -> None:
        self.releases = releases
        self.say("heading", _("Releases: {count}").format(count=len(releases)))
        header = [_("RELEASE"), _("NAMESPACE"), _("APP"), _("VERSION"), _("STATE"), _("HEALTH")]
        rows = [
            [s.release, s.namespace, s.app, s.version, word(s.outcome), word(s.health)]
            for s in releases
        ]
        self.query_one(Rows).show(header if rows else [], rows)


def at_work(zone: Path) -> Sequence[Task]:
    """What is at work in the zone; for a worker."""
    return [one for one in tasks_of(zone).all() if one.at_work]


def survey(appliance: Appliance) -> Surveyed:
    """Read the zone; for a worker."""
    releases = appliance.releases.status(None, None, None)
    left = bool(appliance.releases.interrupted())
    return Surveyed(appliance.summary(), releases, left, appliance.releases.clusters.all())


def foresee(appliance: Appliance, kubeconfig: Path | None) -> Foreseen:
    """What a recovery would do; for a worker. Only what the journal says where no cluster is."""
    try:
        return Foreseen(appliance.releases.recover(kubeconfig, rehearsal=True))
    except ChampError as error:
        return Foreseen(appliance.releases.interrupted(), note(error))


def foretold(left: Left) -> str:
    """`! Interrupted: demo/demo, at step “helm”. Would be done: ...`."""
    text = _("! Interrupted: {subject}, begun {when}, at step “{step}”.")
    lines = [
        text.format(
            subject="/".join(left.subject.split("/")[-2:]),
            when=minute(left.began),
            step=left.step or "—",
        )
    ]
    if isinstance(left, Recovered):
        acts = ", ".join(left.acts) or word(left.outcome)
        lines.append("  " + _("Would be done: {acts}").format(acts=acts))
    return "\n".join(lines)


def became(done: Recovered) -> str:
    """What was found, done and left of one operation."""
    pairs = (
        (_("RELEASE"), done.subject),
        (_("WHAT"), word(done.operation)),
        (_("FOUND"), ", ".join(done.found) or "—"),
        (_("DONE"), ", ".join(done.acts) or "—"),
        (_("OUTCOME"), word(done.outcome)),
        (_("VOLUMES THAT STAY"), ", ".join(done.kept) or "—"),
    )
    return "\n".join(f"{label}: {value}" for label, value in pairs)


def ask_health(appliance: Appliance, kubeconfig: Path | None) -> HealthFound:
    """Ask the cluster; for a worker. What goes wrong there is no reason for a dialog."""
    if kubeconfig is None:
        why = _("Health is unknown until a cluster is named: press k.")
        return HealthFound(appliance.releases.status(None, None, None), why)
    try:
        return HealthFound(appliance.releases.status(None, None, kubeconfig), "")
    except ChampError as error:
        return HealthFound(appliance.releases.status(None, None, None), note(error))


def facts(summary: ZoneSummary) -> str:
    """Name, age, fingerprint, space."""
    lines = [
        _("Zone {name}, commissioned on {day}, {free} free on its disk"),
        _("Root of trust version {version}, fingerprint:"),
        f"  {summary.root_fingerprint}",
    ]
    if summary.registry:
        lines.append(_("Nodes pull from {registry}"))
    return "\n".join(lines).format(
        name=printable(summary.name),
        day=summary.commissioned[:10],
        version=summary.root_version,
        free=size(summary.free),
        registry=printable(summary.registry),
    )


def bundles(summary: ZoneSummary) -> str:
    """The newest bundles, one a line."""
    begun = _begun(summary)
    if not summary.bundles:
        return begun or _("Bundles: none. Plug in the stick and press i.")
    shown = summary.bundles[: -_NEWEST - 1 : -1]
    lines = [_("Bundles: {count}, {held} in all, the newest first")]
    lines[0] = lines[0].format(count=len(summary.bundles), held=size(summary.size))
    for bundle in shown:
        named = f"{printable(bundle.document.name)} {printable(bundle.document.version)}"
        when = _("imported {day}").format(day=minute(bundle.imported))
        told = standing(bundle.stands, bundle.current)
        lines.append(f"  {named}  {when}  {size(bundle.document.size)}  {told}".rstrip())
    return "\n".join([*lines, begun] if begun else lines)


def _begun(summary: ZoneSummary) -> str:
    """An import that was begun and not ended; empty without one."""
    text = _(
        "An import was begun: {size} are kept. Plug in its stick again, or its next one, and press"
        " i to go on."
    )
    return text.format(size=size(summary.waiting)) if summary.waiting else ""
