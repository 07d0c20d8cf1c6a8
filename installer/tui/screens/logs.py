"""What the containers of a release wrote, one container at a time, and what they go on writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.cluster.logs import Container
from champ_offline.errors import ChampError
from champ_offline.release.logs import MOST, Break, Read, ReleaseLogs, Wanted
from installer.error_text import note
from installer.language import mark
from installer.language import translate as _
from installer.log_text import broken, plain, standing
from installer.terminal_text import printable
from installer.tui.routes import ReadLogs
from installer.tui.widgets.dialogs import ChoiceDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.running_text import RunningText

# Seconds between two looks, and how many lines are looked at first.
_EVERY = 2.0
_LINES = 500


@dataclass(eq=False)
class Opened(Message):
    """The way to the logs, and the containers there are."""

    logs: ReleaseLogs
    containers: Sequence[Container]


@dataclass(eq=False)
class Written(Message):
    """What was read by `more`; `trouble` says why nothing could be."""

    more: Callable[[], Read]
    read: Read
    trouble: str = ""


class LogsScreen(Page):
    """Follows one container; the others are a key away."""

    NAME = mark("Logs")
    PURPOSE = mark(
        "What the containers of a release wrote, one container at a time, secrets hidden. While it"
        " is followed, what they write appears at the end."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "choose", mark("Another container")),
        Binding("f", "follow", mark("Follow, or stand still")),
        Binding("p", "before", mark("Before the restart, or since")),
        Binding("slash", "narrow", mark("Only lines with a text"), key_display="/"),
    ]

    logs: ReleaseLogs | None = None
    containers: Sequence[Container] = ()
    shown: Container | None = None
    more: Callable[[], Read] | None = None
    previous = False
    following = True
    fresh = True
    reading = False
    trouble = ""

    def __init__(self, wanted: ReadLogs) -> None:
        super().__init__()
        self.wanted = wanted

    def title_text(self) -> str:
        """Whose logs."""
        return f"{_(self.NAME)} {printable(self.wanted.release)}"

    def body(self) -> ComposeResult:
        """Which container and how it is, then its lines."""
        yield Static(_("Looking for containers ..."), id="facts", markup=False)
        yield Static("", id="trouble", classes="heading", markup=False)
        yield RunningText(MOST)

    def on_mount(self) -> None:
        """Look which containers there are, then read again and again."""
        self.say("trouble", "")
        opened, wanted = self.desk.appliance, self.wanted

        def look() -> Opened:
            logs = opened().releases.logs(wanted.release, wanted.space, wanted.kubeconfig)
            return Opened(logs, logs.containers())

        self.start(look)
        self.set_interval(_EVERY, self._look)

    def on_unmount(self) -> None:
        """Let go of the cluster; not here, for a reading may take its time."""
        if self.logs is not None:
            self.app.run_worker(self.logs.close, thread=True)

    def on_opened(self, message: Opened) -> None:
        """Show the container that needs it most."""
        self.logs, self.containers = message.logs, message.containers
        self._show(neediest(message.containers, self.wanted.pods), previous=False)

    def on_written(self, message: Written) -> None:
        """Show what was read, unless another container is shown by now."""
        if message.more is not self.more:
            return
        self.reading, self.trouble = False, message.trouble
        read = message.read
        if not message.trouble:
            self.containers = read.containers
            self.trouble = "\n".join(dict.fromkeys(map(note, read.trouble)))
        lines = [
            broken(one) if isinstance(one, Break) else plain(one.line) for one in read.in_order
        ]
        text = self.query_one(RunningText)
        (text.show if self.fresh else text.add)(lines)
        self.fresh = False
        self._tell()

    def _show(self, container: Container, *, previous: bool) -> None:
        if self.logs is None:
            return
        self.shown, self.previous, self.fresh = container, previous, True
        wanted = Wanted(container.pod, container.name, previous=previous, lines=_LINES)
        self.more = self.logs.follow(wanted)
        self.reading = False
        self._read()

    def _look(self) -> None:
        if self.following and not self.previous and self.is_current and not self.reading:
            self._read()

    def _read(self) -> None:
        if self.more is not None:
            self.reading = True
            more = self.more
            self.start(lambda: written(more))

    def _tell(self) -> None:
        """Say what is shown and how it stands."""
        text, shown = self.query_one(RunningText), self.shown
        if shown is None:
            return
        now = next((one for one in self.containers if one.label == shown.label), None)
        state = _("it is gone") if now is None else standing(now)
        parts = [_("Container {name} of pod {pod}: {state}")]
        if self.previous:
            parts.append(_("what it wrote before it was started anew"))
        elif not self.following:
            parts.append(_("it is not followed"))
        if text.only:
            parts.append(_("only lines with “{text}”: {count}"))
        told = "; ".join(parts).format(
            name=shown.name, pod=shown.pod, state=state, text=text.only, count=text.seen
        )
        self.say("facts", printable(told))
        self.say("trouble", self.trouble or ("" if text.seen else _("Nothing was written.")))
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Choosing is for several, looking back for what was started anew."""
        if action == "choose":
            return len(self.containers) > 1
        if action == "before":
            return self.shown is not None and self._now(self.shown).before
        if action == "follow":
            return self.shown is not None and not self.previous
        return action != "narrow" or self.shown is not None

    def _now(self, shown: Container) -> Container:
        return next((one for one in self.containers if one.label == shown.label), shown)

    def action_choose(self) -> None:
        """Offer all containers, each with its state."""
        offered = self.containers

        def take(choice: int | None) -> None:
            if choice is not None:
                self._show(offered[choice], previous=False)

        choices = [f"{one.label}  {standing(one)}" for one in offered]
        self.app.push_screen(ChoiceDialog(_("Which container?"), choices), take)

    def action_follow(self) -> None:
        """Look on, or leave it as it is to be read."""
        self.following = not self.following
        self._tell()
        self._look()

    def action_before(self) -> None:
        """What the container before wrote, or back."""
        if self.shown is not None:
            self._show(self.shown, previous=not self.previous)

    def action_narrow(self) -> None:
        """Ask what a line must have in it."""

        def take(answer: str | None) -> None:
            if answer is not None:
                self.query_one(RunningText).narrow(answer)
                self._tell()

        question = _("Which text must a line have in it? Without one all lines are shown.")
        only = self.query_one(RunningText).only
        self.app.push_screen(TextDialog(question, only), take)

    def failed(self, error: ChampError) -> None:
        """Without containers there is nothing to read."""
        self.say("facts", _("There is nothing to read."))
        super().failed(error)


def neediest(containers: Sequence[Container], pods: Sequence[str]) -> Container:
    """The first that is not well, of these pods if one of them is there."""
    named = [one for one in containers if one.pod in pods]
    every = named or containers
    return next((one for one in every if not one.well), every[0])


def written(more: Callable[[], Read]) -> Written:
    """What came; for a worker. A cluster that is away now may answer the next time."""
    try:
        return Written(more, more())
    except ChampError as error:
        return Written(more, Read((), ()), note(error))
