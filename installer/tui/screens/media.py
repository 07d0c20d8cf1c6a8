"""Find the stick: bundles on mounted media, or in a folder that is typed in, and what they are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.errors import ChampError
from installer import media_facts
from installer.error_text import note, sentences
from installer.language import mark
from installer.language import translate as _
from installer.media_facts import Facts, facts
from installer.sticks import Found, Sight, bundles_at, bundles_on, places, sight
from installer.terminal_text import printable_lines
from installer.tui.routes import InspectBundle
from installer.tui.widgets.dialogs import TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows

# Seconds between looks, and after which a medium counts as not answering.
_LOOK, _PATIENCE = 2.0, 6.0


@dataclass(eq=False)
class MediaThere(Message):
    """Where bundles may be, each with its kind of file system."""

    places: Sequence[tuple[Path, str]]


@dataclass(eq=False)
class MediumSeen(Message):
    """The bundles on a medium, each with what is to be seen of it without reading it.

    `trouble` says why they cannot be told.
    """

    medium: Path
    found: Sequence[tuple[Found, Sight]]
    trouble: ChampError | None = None


@dataclass(eq=False)
class FactsKnown(Message):
    """What a bundle is, as `sight` had it."""

    sight: Sight
    facts: Facts


@dataclass(eq=False)
class FolderTyped(Message):
    """A folder that a person named holds bundles."""

    folder: Path


class MediaScreen(Page):
    """The bundles found, looked for every two seconds, each medium by itself.

    A bundle is read once, and again when something about it changed.
    """

    NAME = mark("Import: choose the bundle")
    PURPOSE = mark(
        "Bundles on the media that are plugged in, looked for again every two seconds, and whether"
        " each is accepted, what is new in it and whether it fits. Nothing is imported yet."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "folder", mark("Type a folder")),
        Binding("r", "look", mark("Look again")),
    ]

    found: Sequence[Found] = ()
    # The folders that were found when one was typed in that holds no bundle.
    _refused: Sequence[Path] | None = None
    # What the list shows, so that nothing is drawn for nothing.
    _shown: Sequence[object] | None = None
    # The folder that was typed, until its first bundle was marked.
    _typed_in: Path | None = None
    _told_before = ""
    _left = False

    def __init__(self) -> None:
        super().__init__()
        self._there: list[Path] = []
        self._seen: dict[Path, Sequence[tuple[Found, Sight]]] = {}
        self._troubles: dict[Path, ChampError] = {}
        # By folder; no sight where it is to be read again.
        self._known: dict[Path, tuple[Sight | None, Facts]] = {}
        # Media that are being read, since when.
        self._busy: dict[Path, float] = {}

    def body(self) -> ComposeResult:
        """The list, and below it what the marked one is."""
        yield Static(_("Looking for bundles ..."), id="said", markup=False)
        yield Rows(id="found", verb=mark("Show who signed it"))
        yield Static("", id="facts", classes="foot", markup=False)

    def on_mount(self) -> None:
        """A stick may be plugged in while this is on the screen."""
        self.say("facts", "")
        self._look()
        self.set_interval(_LOOK, self._look)

    def on_screen_resume(self) -> None:
        """What was new in a bundle may have been imported meanwhile."""
        if self._left:
            self._left = False
            self._read_again()

    def action_look(self) -> None:
        """Look at what is mounted now, read it anew, and show it in any case."""
        self._refused = None
        self._read_again()

    def _read_again(self) -> None:
        self._known = {folder: (None, known) for folder, (_s, known) in self._known.items()}
        self._shown = None
        self._look()

    def _look(self) -> None:
        if self.is_current:
            named = self.desk.media
            self.start_apart(lambda: MediaThere(places(named)))

    def on_media_there(self, message: MediaThere) -> None:
        """See what is on each that is not being read anyway."""
        self._there = [medium for medium, _kind in message.places]
        for medium, kind in message.places:
            if medium not in self._busy:
                self._busy[medium] = time.monotonic()
                self.start_apart(partial(see, medium, kind))
        self._show()

    def on_medium_seen(self, message: MediumSeen) -> None:
        """Read what is new on it."""
        self._seen[message.medium] = message.found
        self._troubles.pop(message.medium, None)
        if message.trouble is not None:
            self._troubles[message.medium] = message.trouble
        self._go_on(message.medium)

    def on_facts_known(self, message: FactsKnown) -> None:
        """Show them, and read the medium's next bundle."""
        found = message.facts.found
        self._known[found.folder] = (message.sight, message.facts)
        self._go_on(found.medium)

    def _go_on(self, medium: Path) -> None:
        """Read the next bundle of a medium, one at a time: sticks are slow enough."""
        self._busy.pop(medium, None)
        for found, seen in self._seen[medium]:
            if self._known.get(found.folder, (None, None))[0] != seen:
                self._busy[medium] = time.monotonic()
                self.start_apart(partial(read, self.desk.appliance, found, seen))
                break
        self._show()

    def _show(self) -> None:
        """Show what is known, if that is anything new; the marked bundle stays marked."""
        every = [one for medium in self._there for one, _seen in self._seen.get(medium, ())]
        found = list({one.folder: one for one in reversed(every)}.values())[::-1]
        folders = [one.folder for one in found]
        if self._refused == folders:
            return
        self._refused = None
        rows, list_of = [self._row(one) for one in found], self.query_one(Rows)
        self._say(found)
        shown = [rows, folders, [self._facts(one) for one in found]]
        if shown == self._shown:
            return
        marked = self.found[list_of.cursor].folder if list_of.cursor < len(self.found) else None
        self.found, self._shown = found, shown
        typed = [one for one in folders if self._typed_in and one.is_relative_to(self._typed_in)]
        if typed:
            marked, self._typed_in = typed[0], None
        list_of.cursor = folders.index(marked) if marked in folders else 0
        header = [_("BUNDLE"), _("STATE"), _("NEW HERE"), _("ROOM"), _("TIME"), _("WHERE")]
        list_of.show(header if rows else [], rows)
        if not rows:
            self.say("facts", "")

    def _say(self, found: Sequence[Found]) -> None:
        none = _("No bundle was found. Plug in the stick and wait, or press f to type its folder.")
        some = _("Bundles found: {count}. Nothing is imported yet.").format(count=len(found))
        silent = [
            _("! {medium} does not answer yet. Wait, or pull it out.").format(medium=medium)
            for medium, since in self._busy.items()
            if medium in self._there and time.monotonic() - since > _PATIENCE
        ]
        troubles = [note(self._troubles[one]) for one in self._there if one in self._troubles]
        unseen = not all(medium in self._seen for medium in self._there)
        first = some if found else _("Looking for bundles ...") if unseen else none
        told = printable_lines("\n".join([first, *silent, *troubles]))
        if told != self._told_before:
            self._told_before = told
            self.say("said", told)

    def _row(self, found: Found) -> list[str]:
        known = self._facts(found)
        name = known.name if known else found.folder.name
        parts = (media_facts.state, media_facts.new_here, media_facts.room, media_facts.time)
        return [name, *(part(known) for part in parts), str(found.medium)]

    def _facts(self, found: Found) -> Facts | None:
        return self._known[found.folder][1] if found.folder in self._known else None

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Say what the marked one is."""
        if message.index < len(self.found):  # it may be gone by now
            known = self._facts(self.found[message.index])
            self.say("facts", media_facts.told(known) if known else _("Reading it ..."))

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show who signed it."""
        if message.index < len(self.found):  # it may be gone by now
            self._left = True
            self.post_message(InspectBundle(self.found[message.index].folder))

    def action_folder(self) -> None:
        """Type where the bundle is."""
        question = _("In which folder is the bundle, or the stick?")
        self.app.push_screen(TextDialog(question, str(self.desk.media or "")), self._typed)

    def _typed(self, text: str | None) -> None:
        if text:
            self.start_apart(partial(typed, Path(text).expanduser()))

    def on_folder_typed(self, message: FolderTyped) -> None:
        """Remember the folder, for it holds bundles."""
        self.desk.media = self._typed_in = message.folder
        self.action_look()

    def failed(self, error: ChampError) -> None:
        """After a folder that holds no bundle nothing stays chosen, until something else comes."""
        super().failed(error)
        if self._refused is None:
            self._refused = [one.folder for one in self.found]
        self.found, self._shown, self._told_before = (), None, ""
        self.say("said", "! " + sentences(error)[0] + " " + _("Press r to look again."))
        self.say("facts", "")
        self.query_one(Rows).show([], [])


def see(medium: Path, kind: str) -> MediumSeen:
    """What is on a medium; apart, for a stick that was pulled may not answer."""
    try:
        found = bundles_on(medium, kind)
    except ChampError as error:
        return MediumSeen(medium, (), error)
    return MediumSeen(medium, [(one, sight(one.folder)) for one in found])


def read(opened: media_facts.Opened, found: Found, seen: Sight) -> FactsKnown:
    """What a bundle is; apart, as `see`."""
    return FactsKnown(seen, facts(opened, found))


def typed(folder: Path) -> FolderTyped:
    """Whether there are bundles in a folder; raises as `bundles_at`."""
    bundles_at(folder)
    return FolderTyped(folder)
