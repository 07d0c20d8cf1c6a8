"""Under which name, in which namespace and on which cluster an app shall run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from champ_offline.appliance import Appliance
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.release.clusters import NamedCluster
from champ_offline.release.request import InvalidReleaseName, check_names
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.proposals import Install
from installer.tui.routes import ChooseTarget, FillForm, ReviewPlan
from installer.tui.widgets.dialogs import ChoiceDialog
from installer.tui.widgets.input_line import InputLine
from installer.tui.widgets.page import Page

_KEEP = 0


@dataclass(eq=False)
class ClustersRead(Message):
    """The clusters that have a name in this zone."""

    named: tuple[NamedCluster, ...]


@dataclass(eq=False)
class TargetChecked(Message):
    """Whether such a release runs already."""

    wanted: Install
    runs: bool


class TargetScreen(Page):
    """Three lines; a release that runs already can keep its answers."""

    NAME = mark("Install: name and place")
    PURPOSE = mark(
        "Under which name the app shall run, in which namespace and on which cluster. A"
        " release that runs already can keep its answers."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "go_on", mark("Go on"), key_display="F2"),
        Binding("f3", "choose", mark("Named clusters"), key_display="F3"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    named: tuple[NamedCluster, ...] = ()

    def __init__(self, chosen: ChooseTarget) -> None:
        super().__init__()
        self.chosen = chosen

    def body(self) -> ComposeResult:
        """The lines with their meaning."""
        release = self.chosen.release or self.chosen.app
        namespace = self.chosen.space or self.chosen.release or ""
        kubeconfig = str(self.desk.kubeconfig or "")
        yield Static(f"{self.chosen.app} {self.chosen.version}", classes="heading", markup=False)
        rows = (
            ("release", _("Release name"), release, _("How this installation is called.")),
            ("namespace", _("Namespace"), namespace, _("Empty: the same as the release name.")),
            ("kubeconfig", _("Kubeconfig file"), kubeconfig, _("The way into the cluster.")),
        )
        for name, label, value, meaning in rows:
            with Horizontal(classes="row gap"):
                yield Static(f"  {label}", classes="short-label", markup=False)
                yield Static("[", classes="bracket", markup=False)
                yield InputLine(value, id=name, compact=True, select_on_focus=False)
                yield Static("]", classes="bracket", markup=False)
            yield Static(f"    {meaning}", markup=False)
        yield Static("", id="problem", classes="gap", markup=False)

    def on_mount(self) -> None:
        """Read which clusters have a name."""
        opened = self.desk.appliance
        self.start(lambda: ClustersRead(opened().releases.clusters.all()))

    def on_clusters_read(self, message: ClustersRead) -> None:
        """The only one that has a name is meant, unless something was typed."""
        self.named = message.named
        line = self.query_one("#kubeconfig", Input)
        if len(self.named) == 1 and not line.value:
            line.value = str(self.named[0].kubeconfig)

    def action_choose(self) -> None:
        """Choose a cluster by its name."""
        if not self.named:
            self.say(
                "problem", "! " + _("No cluster has a name yet; `champ cluster add` gives one.")
            )
            return

        def take(answer: int | None) -> None:
            if answer is not None:
                self.query_one("#kubeconfig", Input).value = str(self.named[answer].kubeconfig)

        choices = [f"{one.name}  {one.address}" for one in self.named]
        self.app.push_screen(ChoiceDialog(_("Which cluster?"), choices), take)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter goes on; from the last line to the next step."""
        message.stop()
        if message.input.id == "kubeconfig":
            self.action_go_on()
        else:
            self.focus_next()

    def action_go_on(self) -> None:
        """Check the names, remember the cluster, see whether such a release runs."""
        release, kubeconfig = self._typed("release"), self._typed("kubeconfig")
        namespace = self._typed("namespace") or release
        try:
            check_names(release, namespace)
        except InvalidReleaseName as error:
            self.say("problem", "! " + printable(" ".join(sentences(error))))
            return
        path = Path(kubeconfig).expanduser() if kubeconfig else None
        if path is None or not path.is_file():
            self.say("problem", "! " + _("There is no such kubeconfig file."))
            return
        self.desk.kubeconfig = path
        wanted = Install(self.chosen.app, self.chosen.version, release, namespace, path)
        opened = self.desk.appliance
        self.start(lambda: TargetChecked(wanted, runs(opened(), release, namespace)))

    def on_target_checked(self, message: TargetChecked) -> None:
        """A new release needs answers; for one that runs, ask."""
        self.say("problem", "")
        wanted = message.wanted

        def take(answer: int | None) -> None:
            if answer is not None:
                route = ReviewPlan(wanted) if answer == _KEEP else FillForm(wanted)
                self.post_message(route)

        if not message.runs:
            self.post_message(FillForm(wanted))
            return
        question = _("{release} runs already. Which answers shall it have?")
        choices = [_("keep its present answers"), _("change them in the form")]
        self.app.push_screen(ChoiceDialog(question.format(release=wanted.release), choices), take)

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()


def runs(appliance: Appliance, release: str, namespace: str) -> bool:
    """Whether the zone runs such a release; for a worker."""
    try:
        return bool(appliance.releases.status(release, namespace, None))
    except ReleaseUnknown:
        return False
