"""Importing: how far, how fast, how long still, and what it brought.

Invariant: the import is a task; only where it ended for want of the next medium does this screen
begin another one, as long as somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.errors import ChampError, ExitCode
from champ_offline.tasks.task import Ending
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from installer import task_text
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.next_medium import PAUSE, NextMedium
from installer.quantities import size
from installer.terminal_text import printable, printable_lines
from installer.tui.proposals import folded, typed
from installer.tui.routes import BrowseCatalog, GoHome
from installer.tui.screens.task import TaskPage
from installer.tui.widgets.dialogs import ErrorDialog, TextDialog
from installer.tui.widgets.progress import ProgressView


@dataclass(eq=False)
class ImportEnded(Message):
    """The task has ended; `kept` are the bytes that wait for the next one."""

    ending: Ending
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


class ImportScreen(TaskPage):
    """A task that goes on when it is left; stopped, it leaves the zone as it was."""

    NAME = mark("Import")
    PURPOSE = mark(
        "Every byte of the bundle is checked on its way into the zone. Until the end the zone"
        " is as it was; what was read is kept for the next try."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "home", mark("To the overview"), key_display="Enter"),
        Binding("c", "catalog", mark("To the catalog")),
        Binding("f", "folder", mark("Name another folder")),
    ]

    def __init__(self, folder: Path, overrides: Overrides = NO_OVERRIDES) -> None:
        super().__init__()
        self.folder, self.overrides = folder, overrides
        self.waiting = False
        self.coming = NextMedium([folder], self._which)
        self.missing = ""
        self.command: list[str] = []

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
        self._wait(on=False)
        self.say("result", "")
        coming, self.command = self.coming, words(media, self.overrides)
        wherever = words([path.absolute() for path in media], self.overrides)
        self.carry_out(wherever, lambda: coming.begin(media))

    def question(self) -> str:
        """What stopping means here."""
        return _("Stop the import? The zone stays as it is.")

    def ended(self, ending: Ending) -> Message:
        """How much is kept is asked when it is known how it ended."""
        failed = ending.error is not None
        return ImportEnded(ending, self.desk.appliance().summary().waiting if failed else 0)

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

    def on_import_ended(self, message: ImportEnded) -> None:
        """Show what was new; or say why nothing is, and what is kept."""
        error = message.ending.error
        if error is None:
            self.over()
            again = folded(typed(self.desk.zone_folder(), *self.command))
            told = [task_text.ended(message.ending), _("The same without these screens:")]
            self.say("result", "\n\n".join(told) + f"\n{printable_lines(again)}")
        else:
            self._stopped(error, message.kept)

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
        self.over()
        stopped = error.exit_code is ExitCode.INTERRUPTED
        said = [_("Nothing was imported. The zone is as it was before.")]
        said += [] if stopped else [sentences(error)[0]]
        if kept:
            more = _("{size} of the bundle are kept; the next import goes on with them.")
            said.append(more.format(size=size(kept)))
        self.say("result", "\n\n".join(map(printable, said)))
        if not stopped:
            self.app.push_screen(ErrorDialog(error))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Going on is for afterwards, stopping for before, another folder for a wait."""
        if action == "folder":
            return self.running and self.waiting
        if action in {"home", "catalog"}:
            return not self.running
        if action == "stop" and self.waiting:
            return False
        return super().check_action(action, parameters)

    def action_home(self) -> None:
        """Back to the overview."""
        self.post_message(GoHome())

    def action_catalog(self) -> None:
        """On to the apps that it brought."""
        self.post_message(GoHome())
        self.post_message(BrowseCatalog())

    def action_leave(self) -> None:
        """A wait ends at once, what is at work goes on."""
        if self.waiting:
            self.dismiss()
        else:
            super().action_leave()

    def _wait(self, *, on: bool) -> None:
        self.waiting = on
        self.query_one(ProgressView).rest()
        self.refresh_bindings()


def words(media: Sequence[Path], overrides: Overrides) -> list[str]:
    """The command that imports the bundle on the media."""
    reasons = {"--accept-expired": overrides.expired, "--accept-clock": overrides.clock}
    given = [word for option, why in reasons.items() if why for word in (option, why)]
    return ["import", *given, *map(str, media)]
