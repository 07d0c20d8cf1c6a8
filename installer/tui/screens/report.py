"""The hand-over report: in which language, of which time, and where to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from champ_offline.appliance import Appliance
from champ_offline.release.clusters import NamedCluster
from installer import language
from installer.language import TONGUES, mark
from installer.language import translate as _
from installer.tui.routes import CarryOut
from installer.tui.widgets.editors import Choice
from installer.tui.widgets.input_line import InputLine
from installer.tui.widgets.page import Page

# The longest time that `champ report --last` takes, in days.
_LONGEST = 36500


@dataclass(eq=False)
class ReportNamed(Message):
    """The file that `champ report` would write, and the clusters that it would ask."""

    file: Path
    named: tuple[NamedCluster, ...]


class ReportScreen(Page):
    """Three lines; writing is a task, for clusters are asked."""

    NAME = mark("Hand-over report")
    PURPOSE = mark(
        "One page to be printed and left at the site, of what was brought, changed and checked, and"
        " how the releases are. It holds no secrets."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "write", mark("Write it"), key_display="F2"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    named: tuple[NamedCluster, ...] = ()

    def body(self) -> ComposeResult:
        """The lines with their meaning."""
        tongue = Choice(tuple(TONGUES.values()), TONGUES[language.active()])
        tongue.id = "language"
        days = InputLine("", id="days", compact=True, select_on_focus=False)
        file = InputLine("", id="file", compact=True, select_on_focus=False)
        yield from self._row(_("Language"), tongue, _("The one in which it is written."))
        yield from self._row(
            _("Days"), days, _("So many last days; empty: since the zone was commissioned.")
        )
        yield from self._row(_("File"), file, _("Nothing is overwritten; only you can read it."))
        yield Static("", id="problem", classes="gap", markup=False)

    def _row(self, label: str, editor: Widget, meaning: str) -> ComposeResult:
        with Horizontal(classes="row gap"):
            yield Static(f"  {label}", classes="short-label", markup=False)
            yield Static("[", classes="bracket", markup=False)
            yield editor
            yield Static("]", classes="bracket", markup=False)
        yield Static(f"    {meaning}", markup=False)

    def on_mount(self) -> None:
        """Find out how the file would be called."""
        opened = self.desk.appliance
        self.start(lambda: named(opened()))

    def on_report_named(self, message: ReportNamed) -> None:
        """Offer that name, unless another one was typed."""
        self.named = message.named
        line = self.query_one("#file", Input)
        if not line.value:
            line.value = str(message.file)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter goes on; from the last line it writes."""
        message.stop()
        if message.input.id == "file":
            self.action_write()
        else:
            self.focus_next()

    def action_write(self) -> None:
        """Say what is wrong with what was typed, or have it written."""
        days, typed = self._typed("days"), self._typed("file")
        file = Path(typed).expanduser().absolute()
        problem = wrong(days, typed, file)
        self.say("problem", f"! {problem}" if problem else "")
        if problem:
            return
        chosen = cast("Choice", self.query_one("#language")).answer
        tongue = next(one for one, name in TONGUES.items() if name == chosen)
        # As a table, so that the task keeps what was written and not the whole document.
        words = ["--lang", tongue, "--output", "table", "report", "--out", str(file)]
        way = self.desk.kubeconfig
        known = {one.kubeconfig for one in self.named}
        if way is not None and way.absolute() not in known:
            words += ["--kubeconfig", str(way.absolute())]
        self.post_message(CarryOut((*words, *(("--last", days) if days else ()))))

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()


def named(appliance: Appliance) -> ReportNamed:
    """As `champ report` does; for a worker."""
    day = appliance.releases.clock().date().isoformat()
    file = Path(f"champ-report-{appliance.name}-{day}.html")
    return ReportNamed(file, appliance.releases.clusters.all())


def wrong(days: str, typed: str, file: Path) -> str:
    """What is wrong with the answers; empty if nothing."""
    if days and not (days.isdecimal() and 1 <= int(days) <= _LONGEST):
        return _("Type a number of days, from 1 to {most}, or none.").format(most=_LONGEST)
    if not typed:
        return _("Type the file that shall be written.")
    if os.path.lexists(file):
        return _("{path} is there already. Type another name.").format(path=file)
    if not file.parent.is_dir():
        return _("There is no folder {path}.").format(path=file.parent)
    return ""
