"""The apps that the zone's bundles brought, or the versions a release can be changed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.catalog.index import Listing
from installer.error_text import note
from installer.language import active, mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.routes import BrowseCatalog, ChooseTarget
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import unusable


@dataclass(eq=False)
class AppsRead(Message):
    """The apps to choose from."""

    listing: Listing


class CatalogScreen(Page):
    """A row for each version of each app; below, what the app is.

    What cannot be used comes last: it is shown with the reason, and not chosen.
    """

    NAME = mark("Catalog")
    PURPOSE = mark(
        "The apps that imported bundles brought, each version on a row of its own. Choosing"
        " one leads to its name, its form and a plan; nothing changes before the plan is"
        " confirmed."
    )
    BINDINGS: ClassVar[list[BindingType]] = []

    listing = Listing((), ())

    def __init__(self, wanted: BrowseCatalog) -> None:
        super().__init__()
        self.wanted = wanted

    def body(self) -> ComposeResult:
        """The list, and the summary of the app that is meant."""
        yield Static(_("Reading the catalog ..."), id="said", markup=False)
        yield Rows(id="apps", empty=_("none: import a bundle first"))
        yield Static("", id="about", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Read the catalog."""
        opened, only = self.desk.appliance, self.wanted.app

        def read() -> AppsRead:
            listing = opened().catalog.listing()
            return AppsRead(listing.of(only) if only else listing)

        self.start(read)

    def on_apps_read(self, message: AppsRead) -> None:
        """Show the apps."""
        self.listing = message.listing
        new, change = _("Which app shall be installed?"), _("Which version shall {release} become?")
        self.say("said", change.format(release=self.wanted.release) if self.wanted.release else new)
        apps, others = self.listing.apps, self.listing.unusable
        rows = [[app.name, app.version, said(app.title)] for app in apps]
        rows += [[app.name, app.version, unusable(app.reason.id)] for app in others]
        header = [_("APP"), _("VERSION"), _("TITLE")] if rows else []
        self.query_one(Rows).show(header, rows, choices=len(apps))

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show what the app is, or why it cannot be used."""
        about = [said(app.summary) for app in self.listing.apps]
        about += [note(app.reason) for app in self.listing.unusable]
        if message.index < len(about):
            self.say("about", about[message.index])

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Go on with this version."""
        app, wanted = self.listing.apps[message.index], self.wanted
        self.post_message(ChooseTarget(app.name, app.version, wanted.release, wanted.space))


def said(texts: object) -> str:
    """The text in the language in use, else in English."""
    table = texts if isinstance(texts, dict) else {}
    return printable(str(table.get(active()) or table.get("en") or ""))
