"""The apps that the zone's bundles brought, or the versions a release can be changed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.catalog.entry import said
from champ_offline.catalog.index import UnusableApp
from champ_offline.catalog.search import categories, in_category, with_text
from champ_offline.particulars.shown import Offered, offering
from installer.app_text import size_text
from installer.error_text import note
from installer.language import active, mark
from installer.language import translate as _
from installer.terminal_text import printable
from installer.tui.routes import BrowseCatalog, ShowApp
from installer.tui.widgets.dialogs import ChoiceDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import category_names, category_text, unusable


@dataclass(eq=False)
class AppsRead(Message):
    """The apps to choose from, and those that cannot be used."""

    offered: Sequence[Offered]
    others: Sequence[UnusableApp]


class CatalogScreen(Page):
    """A row for each version of each app, the newest first; below, what the app is.

    What cannot be used comes last: it is shown with the reason, and not chosen.
    """

    NAME = mark("Catalog")
    PURPOSE = mark(
        "The apps that imported bundles brought, each version on a row of its own, with the"
        " releases that run it. Choosing one shows all that is known of it; nothing changes before"
        " a plan is confirmed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", mark("Search"), key_display="/"),
        Binding("f", "filter", mark("Category")),
    ]

    every = AppsRead((), ())
    shown = AppsRead((), ())
    text = ""
    category = ""

    def __init__(self, wanted: BrowseCatalog) -> None:
        super().__init__()
        self.wanted = wanted

    def body(self) -> ComposeResult:
        """The list, and the summary of the app that is meant."""
        yield Static(_("Reading the catalog ..."), id="said", markup=False)
        yield Rows(id="apps", verb=mark("All about it"))
        yield Static("", id="about", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Read the catalog."""
        opened, only = self.desk.appliance, self.wanted.app
        self.start(lambda: look(opened(), only))

    def on_apps_read(self, message: AppsRead) -> None:
        """Show the apps."""
        self.every = message
        self._show()

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show what the app is, or why it cannot be used."""
        place = message.index - len(self.shown.offered)
        if place < 0:
            app = self.shown.offered[message.index].app
            summary = said(app.summary, active())
            self.say("about", printable(f"{category_text(app.category)}: {summary}"))
        elif place < len(self.shown.others):
            self.say("about", note(self.shown.others[place].reason))

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show all about this version."""
        app, wanted = self.shown.offered[message.index].app, self.wanted
        self.post_message(ShowApp(app.name, app.version, wanted.release, wanted.space))

    def action_search(self) -> None:
        """Ask for a text."""

        def take(text: str | None) -> None:
            if text is not None:
                self.text = text
                self._show()

        question = _("Apps with which words, in name, title, summary or category? Empty for all.")
        self.app.push_screen(TextDialog(question, self.text), take)

    def action_filter(self) -> None:
        """Choose a category."""
        known = categories(offering(self.every.offered))

        def take(answer: int | None) -> None:
            if answer is not None:
                self.category = known[answer - 1] if answer else ""
                self._show()

        choices = [_("all categories"), *map(category_text, known)]
        self.app.push_screen(ChoiceDialog(_("Apps of which category?"), choices), take)

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """The versions of one app need no search, nor does an empty catalog."""
        return action not in {"search", "filter"} or (
            bool(self.every.offered or self.every.others) and not self.wanted.app
        )

    def _show(self) -> None:
        self.shown = narrowed(self.every, self.category, self.text)
        self.say("said", self._question())
        rows = [cells(one) for one in self.shown.offered]
        rows += [
            [one.name, one.version, "", "", unusable(one.reason.id)] for one in self.shown.others
        ]
        header = [_("APP"), _("VERSION"), _("SIZE"), _("RELEASES"), _("TITLE")] if rows else []
        if not rows:
            self.say("about", "")
        some = bool(self.every.offered or self.every.others)
        none = _("none of the apps here") if some else _("none: import a bundle first")
        # Another list: what was meant in the last one may be far down, or gone.
        self.query_one(Rows).cursor = 0
        self.query_one(Rows).show(header, rows, choices=len(self.shown.offered), empty=none)

    def _question(self) -> str:
        if self.wanted.release:
            asked = _("Which version shall {release} become?")
            return asked.format(release=self.wanted.release)
        told = [_("Which app shall be installed?")]
        if self.category:
            told.append(_("Category: {name}.").format(name=category_text(self.category)))
        if self.text:
            told.append(_("With “{text}”.").format(text=printable(self.text)))
        if len(told) > 1:
            count, every = len(self.shown.offered), len(self.every.offered)
            told.append(_("{count} of {every}").format(count=count, every=every))
        return " ".join(told)


def look(appliance: Appliance, only: str) -> AppsRead:
    """The apps, or the versions of one; for a worker."""
    listing = appliance.catalog.listing()
    wanted = listing.of(only) if only else listing
    return AppsRead(appliance.showcase.offered(wanted, listing), wanted.unusable)


def narrowed(every: AppsRead, category: str, text: str) -> AppsRead:
    """The apps of a category that have a text; each where one is asked for."""
    found = offering(every.offered, every.others)
    if category:
        found = in_category(found, category)
    if text:
        found = with_text(found, text, category_names)
    kept = {(app.name, app.version) for app in found.apps}
    offered = [one for one in every.offered if (one.app.name, one.app.version) in kept]
    return AppsRead(offered, found.unusable)


def cells(one: Offered) -> list[str]:
    """An app's version on one line."""
    releases = ", ".join(run.release for run in one.running) or "-"
    title = said(one.app.title, active())
    return [one.app.name, one.app.version, size_text(one.size), releases, title]
