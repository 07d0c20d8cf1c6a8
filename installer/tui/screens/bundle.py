"""Who signed what: a bundle whose signatures were accepted, before anything is imported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.bundle.intake import Forecast
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.errors import ChampError
from champ_offline.trust.errors import ClockBehind, Expired, PackedInFuture
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from installer.error_text import sentences
from installer.language import active, mark
from installer.language import translate as _
from installer.media_facts import arriving, reading
from installer.quantities import minute, size
from installer.terminal_text import printable
from installer.tui.routes import ImportBundle
from installer.tui.widgets.dialogs import ErrorDialog, ReasonDialog
from installer.tui.widgets.page import Page
from installer.words import about

_DATES = (Expired, ClockBehind, PackedInFuture)


@dataclass(eq=False)
class Inspected(Message):
    """A bundle that was accepted, and what importing it would take."""

    bundle: VerifiedBundle
    forecast: Forecast


class BundleScreen(Page):
    """What the signatures vouch for; a refused bundle shows why and can be left.

    Only where dates are what speaks against it can a person accept it, with a reason.
    """

    NAME = mark("Import: who signed what")
    PURPOSE = mark(
        "Who signed this bundle, what it holds and whether it fits, before a byte of it is"
        " imported. A bundle whose signatures are not accepted cannot be imported."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "take", mark("Import this bundle")),
        Binding("a", "accept", mark("Accept with a reason")),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.inspected: Inspected | None = None
        self.refused: ChampError | None = None
        self.overrides = NO_OVERRIDES

    def body(self) -> ComposeResult:
        """All of it can be scrolled."""
        with VerticalScroll(can_focus=True):
            yield Static(_("Checking the signatures ..."), id="facts", markup=False)

    def on_mount(self) -> None:
        """Check the signatures."""
        self._inspect()

    def on_inspected(self, message: Inspected) -> None:
        """Show what was accepted."""
        self.inspected = message
        self.say("facts", describe(message))
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be imported before it was accepted."""
        if action == "accept":
            return self.inspected is None and isinstance(self.refused, _DATES)
        return action != "take" or self.inspected is not None

    def on_screen_resume(self) -> None:
        """Look anew at what is new here and free: an import that was left took a part of it."""
        if self.inspected is not None:
            self._inspect()

    def action_take(self) -> None:
        """Import it."""
        self.post_message(ImportBundle(self.folder, self.overrides))

    def action_accept(self) -> None:
        """Ask for the reason that the zone keeps."""
        self.app.push_screen(ReasonDialog(), self._accept)

    def _accept(self, reason: str | None) -> None:
        if reason is None:
            return
        kind = "expired" if isinstance(self.refused, Expired) else "clock"
        self.overrides = replace(self.overrides, **{kind: reason})
        self.say("facts", _("Checking the signatures ..."))
        self._inspect()

    def _inspect(self) -> None:
        folder, opened, chosen = self.folder, self.desk.appliance, self.overrides
        self.start(lambda: inspect(opened(), folder, chosen))

    def failed(self, error: ChampError) -> None:
        """A refused bundle is left behind."""
        self.refused, self.inspected = error, None
        message, remedy = (printable(text) for text in sentences(error))
        refused = _("This bundle is refused. Nothing was changed.")
        self.say("facts", f"{refused}\n\n{message}\n\n{remedy}")
        self.refresh_bindings()
        self.app.push_screen(ErrorDialog(error))


def inspect(appliance: Appliance, folder: Path, overrides: Overrides) -> Inspected:
    """Check signatures and see what would be new; for a worker."""
    bundle = appliance.inspect([folder], overrides)
    return Inspected(bundle, appliance.forecast(bundle))


def describe(found: Inspected) -> Table:
    """The bundle as labels and values."""
    document, trusted = found.bundle.document, found.bundle.trusted
    read = reading(found.forecast)
    lines = [
        (_("Bundle"), f"{document.name} {document.version}"),
        (_("Signed on"), f"{minute(document.created)} UTC"),
        (_("Valid until"), f"{minute(trusted.expires.isoformat())} UTC"),
        (_("For zones"), ", ".join(document.zones) or _("any")),
        *[
            (_("Signed by"), f"{signer.holder} ({signer.role}, {signer.key[:16]})")
            for signer in trusted.signers
        ],
        *[
            (_("Overridden"), f"{about(used.about)}: {used.reason}")
            for used in trusted.overridden
        ],
        *[
            (_("App"), f"{app.title.get(active(), '')} ({app.name} {app.version})")
            for app in document.apps
        ],
        *[(_("Image"), image) for image in document.images],
        (_("Volumes"), _volumes(found.bundle)),
        (_("Size"), size(document.size)),
        (_("New here"), arriving(found.forecast)),
        *([(_("To read"), read)] if read else []),
        ("SHA-256", trusted.digest.hex),
    ]  # fmt: skip
    return two_columns(lines)


def two_columns(lines: list[tuple[str, str]]) -> Table:
    """Labels to the left, values wrapped in line; a label that repeats is shown once."""
    table, before = Table.grid(padding=(0, 2)), ""
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in lines:
        table.add_row(Text("" if label == before else label), Text(printable(value)))
        before = label
    return table


def _volumes(bundle: VerifiedBundle) -> str:
    sizes = ", ".join(size(volume.entry.size) for volume in bundle.volumes)
    return f"{len(bundle.volumes)} ({sizes})"
