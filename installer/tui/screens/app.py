"""One version of an app, before anybody chooses where it shall run: all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.particulars.shown import Particulars
from installer.app_text import whole
from installer.language import active, mark
from installer.language import translate as _
from installer.tui.routes import ChooseTarget, ShowApp
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.page import Page

# A line of a text with its scroll bar and margins.
_COLUMNS = 76


@dataclass(eq=False)
class AppRead(Message):
    """All that is known, and the names of the clusters by their identities."""

    found: Particulars
    clusters: Mapping[str, str]


class AppScreen(Page):
    """A text to scroll through; Enter goes on to the target, also while it is still being read."""

    NAME = mark("App")
    PURPOSE = mark(
        "All that is known of this version: its size, what it asks of a cluster, which releases run"
        " it, what is in its images, and its README. No cluster is asked for it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", mark("Install or change it"), key_display="Enter"),
        Binding("r", "readme", mark("README")),
    ]

    found: Particulars | None = None

    def __init__(self, wanted: ShowApp) -> None:
        super().__init__()
        self.wanted = wanted

    def title_text(self) -> str:
        """Which version."""
        return f"{_(self.NAME)}: {self.wanted.app} {self.wanted.version}"

    def body(self) -> ComposeResult:
        """The text."""
        with VerticalScroll(id="text", can_focus=True):
            yield Static(_("Reading all about it ..."), id="said", markup=False)

    def on_mount(self) -> None:
        """Read it."""
        opened, wanted = self.desk.appliance, self.wanted
        self.start(lambda: read(opened(), wanted))

    def on_app_read(self, message: AppRead) -> None:
        """Show it."""
        self.found = message.found
        named = message.clusters
        self.say("said", whole(message.found, lambda one: named.get(one, one), _COLUMNS))
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """There is no README before it was read."""
        return action != "readme" or self.found is not None

    def action_go_on(self) -> None:
        """Ask where it shall run."""
        wanted = self.wanted
        self.post_message(ChooseTarget(wanted.app, wanted.version, wanted.release, wanted.space))

    def action_readme(self) -> None:
        """The README alone."""
        if self.found is not None:
            self.app.push_screen(TextScreen(f"README: {self.wanted.app}", self.found.readme))


def read(appliance: Appliance, wanted: ShowApp) -> AppRead:
    """All that is known; for a worker."""
    found = appliance.showcase.particulars(wanted.app, wanted.version, active())
    clusters = appliance.releases.clusters
    return AppRead(found, {run.cluster: clusters.name(run.cluster) for run in found.runs})
