"""Find the stick: bundles on mounted media, or in a folder that is typed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.errors import ChampError
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.sticks import Found, bundles_at, search
from installer.tui.routes import InspectBundle
from installer.tui.widgets.dialogs import TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows


@dataclass(eq=False)
class MediaFound(Message):
    """The bundles that were found; `typed` is the folder a person named."""

    found: list[Found]
    typed: Path | None = None


@dataclass(frozen=True)
class _Refused:
    """A folder that was typed in holds no bundle; `before` it these were found."""

    before: list[Found]


class MediaScreen(Page):
    """The bundles found, looked for again every two seconds."""

    NAME = mark("Import: choose the bundle")
    PURPOSE = mark(
        "Bundles on the media that are plugged in, looked for again every two seconds."
        " Nothing is imported yet: the next step shows who signed the bundle."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "folder", mark("Type a folder")),
        Binding("r", "look", mark("Look again")),
    ]

    found: Sequence[Found] = ()
    _refused: _Refused | None = None

    def body(self) -> ComposeResult:
        """The list."""
        yield Static(_("Looking for bundles ..."), id="said", markup=False)
        yield Rows(id="found", verb=mark("Show who signed it"))

    def on_mount(self) -> None:
        """A stick may be plugged in while this is on the screen."""
        self.action_look()
        self.set_interval(2, self._look)

    def action_look(self) -> None:
        """Look at what is mounted now, and show it in any case."""
        self._refused = None
        self._look()

    def _look(self) -> None:
        named = self.desk.media
        self.start(lambda: MediaFound(search(named)))

    def on_media_found(self, message: MediaFound) -> None:
        """Show them; a folder that was typed in is remembered, for it holds bundles."""
        if message.typed is not None:
            self.desk.media = message.typed
        elif self._refused and list(message.found) == self._refused.before:
            return
        self._refused = None
        self.found = message.found
        none = _("No bundle was found. Plug in the stick and wait, or press f to type its folder.")
        some = _("Bundles found: {count}. Nothing is imported yet.").format(count=len(self.found))
        self.say("said", some if self.found else none)
        rows = [[found.folder.name, str(found.medium), found.kind] for found in self.found]
        header = [_("BUNDLE"), _("WHERE"), _("KIND")]
        self.query_one(Rows).show(header if rows else [], rows)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show who signed it."""
        self.post_message(InspectBundle(self.found[message.index].folder))

    def action_folder(self) -> None:
        """Type where the bundle is."""
        question = _("In which folder is the bundle, or the stick?")
        self.app.push_screen(TextDialog(question, str(self.desk.media or "")), self._typed)

    def _typed(self, text: str | None) -> None:
        if text:
            path = Path(text).expanduser()
            self.start(lambda: MediaFound(bundles_at(path), path))

    def failed(self, error: ChampError) -> None:
        """After a folder that holds no bundle nothing stays chosen, until something else comes."""
        super().failed(error)
        self._refused = self._refused or _Refused(list(self.found))
        self.found = ()
        self.say("said", "! " + sentences(error)[0] + " " + _("Press r to look again."))
        self.query_one(Rows).show([], [])
