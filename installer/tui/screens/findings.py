"""What would stand in the way of an installation, in the zone and on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.findings import Finding
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word


@dataclass(eq=False)
class Examined(Message):
    """The findings."""

    findings: list[Finding]


class FindingsScreen(Page):
    """A row for each check; below, what to do about the one that is meant."""

    NAME = mark("Check the zone")
    PURPOSE = mark(
        "What would stand in the way of an installation, in the zone and on its cluster."
        " Nothing is changed by looking."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "look", mark("Check again"))]

    findings: Sequence[Finding] = ()

    def body(self) -> ComposeResult:
        """The list and the advice."""
        yield Static(_("Checking ..."), id="said", markup=False)
        yield Rows(id="findings", verb=mark("Show it whole"), numbered=False)
        yield Static("", id="advice", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Check."""
        self.action_look()

    def action_look(self) -> None:
        """Check; the cluster too where one is named."""
        opened, kubeconfig = self.desk.appliance, self.desk.kubeconfig
        self.start(lambda: Examined(opened().doctor(kubeconfig)))

    def on_examined(self, message: Examined) -> None:
        """Show the findings."""
        self.findings = message.findings
        self.say("said", _("Checks made: {count}").format(count=len(self.findings)))
        rows = [[word(f.state), _check(f), self._message(f)] for f in self.findings]
        self.query_one(Rows).show([_("STATE"), _("CHECK"), _("FINDING")], rows)

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show the whole finding and its remedy."""
        error = self.findings[message.index].error
        text = " ".join(sentences(error)) if error else _("Nothing to do.")
        self.say("advice", printable(text))

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show the finding on a screen of its own."""
        finding = self.findings[message.index]
        text = "\n\n".join(sentences(finding.error)) if finding.error else _("Nothing to do.")
        self.app.push_screen(TextScreen(_check(finding), text))

    def _message(self, finding: Finding) -> str:
        return sentences(finding.error)[0] if finding.error else finding.note


def _check(finding: Finding) -> str:
    """What was looked at, and on which cluster."""
    return f"{finding.where}: {word(finding.check)}" if finding.where else word(finding.check)
