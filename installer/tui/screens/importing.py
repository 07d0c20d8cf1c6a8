"""Importing: how far, how fast, how long still, and what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.bundle.intake import Imported
from champ_offline.errors import ChampError, ExitCode
from champ_offline.trust.dates import NO_OVERRIDES, Overrides
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.next_medium import PAUSE, NextMedium
from installer.quantities import size
from installer.terminal_text import printable
from installer.tui.errors import ImportStopped
from installer.tui.routes import BrowseCatalog, GoHome
from installer.tui.watcher import Happened, Watcher
from installer.tui.widgets.dialogs import ErrorDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.progress import ProgressView


@dataclass(eq=False)
class ImportEnded(Message):
    """The bundle is in the zone."""

    imported: Imported


@dataclass(eq=False)
class ImportFailed(Message):
    """It did not come in; `kept` are the bytes that wait for the next run."""

    error: ChampError
    kept: int


@dataclass(eq=False)
class MediaCame(Message):
    """Media that came while the import waited for them; none as long as nothing did.

    `strangers` where something came that is no part of the bundle; `refused` says why, where
    signatures or documents are the reason.
    """

    media: list[Path]
    strangers: bool = False
    refused: Sequence[ChampError] = ()


@dataclass(eq=False)
class FolderNamed(Message):
    """A folder a person named while the import waited; no media where it holds nothing for it."""

    path: Path
    media: list[Path]


class ImportScreen(Page):
    """Runs while it is seen; Esc stops it and leaves the zone as it was."""

    NAME = mark("Import")
    PURPOSE = mark(
        "Every byte of the bundle is checked on its way into the zone. Until the end the zone"
        " is as it was; what was read is kept for the next try."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "home", mark("To the overview"), key_display="Enter"),
        Binding("c", "catalog", mark("To the catalog")),
        Binding("f", "folder", mark("Name another folder")),
        Binding("escape", "leave", mark("Stop the import"), key_display="Esc"),
    ]

    def __init__(self, folder: Path, overrides: Overrides = NO_OVERRIDES) -> None:
        super().__init__()
        self.folder, self.overrides = folder, overrides
        self.running, self.waiting = True, False
        self.coming = NextMedium([folder], self._which)
        self.missing = ""
        self.watcher = Watcher(self.post_message)

    def body(self) -> ComposeResult:
        """The folder, the progress, the result."""
        yield Static(printable(str(self.folder)), markup=False)
        yield ProgressView()
        yield Static("", id="result", classes="gap", markup=False)

    def on_mount(self) -> None:
        """Import, and look for the next medium while one is missing."""
        self.set_interval(PAUSE, self._look)
        self._take([self.folder])

    def _take(self, media: Sequence[Path]) -> None:
        opened, watcher, chosen = self.desk.appliance, self.watcher, self.overrides
        self._wait(on=False)
        self.say("result", "")
        coming = self.coming

        def take() -> Message:
            coming.begin(media)
            appliance = opened()
            try:
                return ImportEnded(appliance.import_media(media, watcher, chosen))
            except ChampError as error:
                return ImportFailed(error, appliance.summary().waiting)

        self.start(take)

    def _which(self, media: Sequence[Path]) -> str:
        return str(self.desk.appliance().inspect(media, self.overrides).trusted.digest)

    def _look(self) -> None:
        """See whether the next medium has come."""
        if self.waiting:
            self.start(self._came)

    def _came(self) -> MediaCame:
        if not self.coming.changed():
            return MediaCame([])
        media = self.coming.at_hand()
        return MediaCame(media, not media, self.coming.refused)

    def on_media_came(self, message: MediaCame) -> None:
        """Go on with it, or say that it is not what is waited for."""
        if not self.waiting:
            return
        if message.media:
            self._take(message.media)
        elif message.strangers:
            none = _("! No part of this bundle is there. The import still waits.")
            self._still(*(sentences(error)[0] for error in message.refused), none)

    def action_folder(self) -> None:
        """Type where the next volumes are."""
        question = _("In which folder is the bundle, or the stick?")
        self.app.push_screen(TextDialog(question, str(self.desk.media or "")), self._typed)

    def _typed(self, text: str | None) -> None:
        if not text:
            return
        coming, path = self.coming, Path(text).expanduser()
        self.start(lambda: FolderNamed(path, coming.at_hand() if coming.also(path) else []))

    def on_folder_named(self, message: FolderNamed) -> None:
        """Go on with it, or say that it is not what is waited for."""
        if not self.waiting:
            return
        if message.media:
            self._take(message.media)
        else:
            none = _("! There is no part of this bundle in {path}. The import still waits.")
            self._still(none.format(path=message.path))

    def _still(self, *said: str) -> None:
        """Say it below what is missing."""
        self.say("result", "\n\n".join([self.missing, *map(printable, said)]))

    def on_happened(self, message: Happened) -> None:
        """Show an event."""
        self.query_one(ProgressView).take(message.event)

    def on_import_ended(self, message: ImportEnded) -> None:
        """Show what was new."""
        self._end()
        done = message.imported
        if not done.changed:
            text = _("The zone already holds {bundle} {version}. Nothing was changed.")
        elif done.restored and not done.new_blobs:
            text = _(
                "{bundle} {version} is current again. Only withdrawn keys had vouched for what"
                " these names led to: {names}."
            )
        else:
            text = _(
                "{bundle} {version} is in the zone: {new} in {blobs} new blobs, {known} blobs"
                " were already here. Every byte was checked."
            )
        said = text.format(
            bundle=done.bundle, version=done.version, new=size(done.new_bytes),
            blobs=done.new_blobs, known=done.known_blobs, names=", ".join(done.restored),
        )  # fmt: skip
        if done.displaced:
            gone = _("Clients had pushed to names of this bundle. That is gone: {names}.")
            names = ", ".join(label for one in done.displaced for label in one.labels)
            said += "\n\n" + gone.format(names=names)
        self.say("result", said)

    def on_import_failed(self, message: ImportFailed) -> None:
        """Say why, and what is kept."""
        self._stopped(message.error, message.kept)

    def failed(self, error: ChampError) -> None:
        """Something failed before or beside the import."""
        self._stopped(error, 0)

    def _stopped(self, error: ChampError, kept: int) -> None:
        """Say that the zone is as it was, and why; wait where only the next medium is missing."""
        if error.exit_code is ExitCode.MEDIUM_MISSING:
            self._wait(on=True)
            self.missing = "\n\n".join([printable(sentences(error)[0]), _(
                "What this medium holds is kept. Plug in the next one: the import goes on by"
                " itself. Press f if it is in a folder of another name. Esc ends it here, and it"
                " can be taken up again later."
            )])  # fmt: skip
            self.say("result", self.missing)
            return
        self._end()
        said = [_("Nothing was imported. The zone is as it was before."), sentences(error)[0]]
        if kept:
            more = _("{size} of the bundle are kept; the next import goes on with them.")
            said.append(more.format(size=size(kept)))
        self.say("result", "\n\n".join(map(printable, said)))
        self.app.push_screen(ErrorDialog(error))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Going on is for afterwards, stopping for before, another folder for a wait."""
        if action == "folder":
            return self.running and self.waiting
        if action in {"home", "catalog"}:
            return not self.running
        return action != "leave" or self.running

    def action_home(self) -> None:
        """Back to the overview."""
        self.post_message(GoHome())

    def action_catalog(self) -> None:
        """On to the apps that it brought."""
        self.post_message(GoHome())
        self.post_message(BrowseCatalog())

    def action_leave(self) -> None:
        """Stop at the next block; a wait ends at once."""
        if self.waiting:
            self.dismiss()
            return
        self.watcher.stop(ImportStopped())
        self.say("result", _("Stopping ..."))

    def _wait(self, *, on: bool) -> None:
        self.waiting = on
        self.query_one(ProgressView).rest()
        self.refresh_bindings()

    def _end(self) -> None:
        self.running = False
        self.query_one(ProgressView).end()
        self.refresh_bindings()
