"""No zone is open yet: open a folder, or make one from the public root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from champ_offline.errors import ChampError
from champ_offline.trust.errors import RootExpired
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from installer.language import mark
from installer.language import translate as _
from installer.tui.routes import LookAround
from installer.tui.widgets.dialogs import ReasonDialog
from installer.tui.widgets.input_line import InputLine
from installer.tui.widgets.page import Page

# Field name, label, whether it may stay empty.
_FIELDS = (
    ("folder", mark("Zone folder")),
    ("name", mark("Name of a new zone")),
    ("root", mark("Public root file")),
    ("fingerprint", mark("Its fingerprint")),
)


@dataclass(eq=False)
class ZoneOpened(Message):
    """A zone's folder was opened or made."""

    folder: Path
    name: str


class FolderLine(InputLine):
    """The line of the folder, in which Enter opens the zone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", mark("Open the folder"), key_display="Enter"),
    ]


class ZoneScreen(Page):
    """Four lines: the folder alone opens a zone, all of them make one.

    Where only the root's date speaks against it a person can accept it, with a reason.
    """

    NAME = mark("Open or make a zone")
    PURPOSE = mark(
        "A zone is the folder in which one closed network keeps everything. Open it, or make"
        " one from the public root, whose fingerprint somebody reads out to you."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "make", mark("Make a new zone"), key_display="F2"),
        Binding("f3", "accept", mark("Accept with a reason"), key_display="F3"),
        Binding("escape", "leave", mark("Quit"), key_display="Esc"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    # What was typed when a root was refused for its date alone; else empty.
    _expired: tuple[str, ...] = ()
    _asked: tuple[str, ...] = ()

    def body(self) -> ComposeResult:
        """What a zone is, and the lines."""
        text = _(
            "A zone is one closed network. Its folder keeps the verified bundles, the releases and"
            " the key that decides whom this zone trusts."
        )
        yield Static(text, markup=False)
        for number, (name, label) in enumerate(_FIELDS):
            if number == 1:
                more = _("Only to make a new zone (read the fingerprint out by telephone):")
                yield Static(more, classes="gap", markup=False)
            with Horizontal(classes="row"):
                yield Static(f"  {_(label)}", classes="short-label", markup=False)
                yield Static("[", classes="bracket", markup=False)
                start = str(self.desk.zone or "") if name == "folder" else ""
                kind = FolderLine if name == "folder" else InputLine
                yield kind(start, id=name, compact=True, select_on_focus=False)
                yield Static("]", classes="bracket", markup=False)
        yield Static("", id="problem", classes="gap", markup=False)

    def on_mount(self) -> None:
        """Open the zone that was named, if one was."""
        self.say("problem", "")
        if self.desk.zone is not None:
            self.action_open()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter opens the folder; in the lines of a new zone it goes on to the next."""
        message.stop()
        if message.input.id == "folder":
            self.action_open()
        else:
            self.focus_next()

    def action_open(self) -> None:
        """Open the zone in the folder."""
        folder, opened = Path(self._typed("folder")), self.desk.open_zone
        if not self._typed("folder"):
            self.say("problem", "! " + _("Type the zone's folder."))
            return

        self.say("problem", _("Opening the zone ..."))
        self.start(lambda: ZoneOpened(folder, opened(folder).name))

    def on_zone_opened(self, message: ZoneOpened) -> None:
        """Show it."""
        self.desk.zone, self.desk.name = message.folder, message.name
        self.say("problem", "")
        self.post_message(LookAround())

    def action_make(self) -> None:
        """Make a new zone that trusts the root, if its fingerprint is the one that was typed."""
        typed = tuple(self._typed(name) for name, _label in _FIELDS)
        if not all(typed):
            text = _("To make a zone, fill in all four lines.")
            self.say("problem", f"! {text}")
            return
        self._make(typed, NO_OVERRIDES)

    def action_accept(self) -> None:
        """Ask why the very root that was refused shall be trusted although its time is over."""
        refused = self._expired

        def accept(reason: str | None) -> None:
            if reason is not None:
                self._make(refused, Overrides(expired=reason))

        self.app.push_screen(ReasonDialog(), accept)

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Only an expired root can be accepted."""
        return action != "accept" or bool(self._expired)

    def failed(self, error: ChampError) -> None:
        """Show the error; an expired root can be accepted afterwards."""
        self._expired = self._asked if isinstance(error, RootExpired) else ()
        self.refresh_bindings()
        self.say("problem", "")
        super().failed(error)

    def _make(self, typed: tuple[str, ...], overrides: Overrides) -> None:
        folder, name, root, fingerprint = typed
        self._asked = typed

        def act() -> ZoneOpened:
            from champ_offline.appliance import Appliance

            Appliance.create(Path(folder), name, Path(root), fingerprint, overrides)
            return ZoneOpened(Path(folder), name)

        self.start(act)

    def action_leave(self) -> None:
        """Without a zone there is nothing behind this screen."""
        self.app.exit(0)

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()
