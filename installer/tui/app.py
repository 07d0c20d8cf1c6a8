"""The app of the screens: it goes from screen to screen, and ends.

Invariant: the first screen is shown before the library and the other screens are loaded. Whatever
ends the screens, the terminal is as it was and no traceback is shown; an error nobody foresaw is
raised to the caller, who reports it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.scrollbar import ScrollBar
from textual.worker import WorkerFailed

from champ_offline.errors import ExitCode
from installer import language
from installer.language import mark
from installer.look import in_ascii
from installer.tui import routes
from installer.tui.ascii_lines import AsciiLines
from installer.tui.desk import Desk
from installer.tui.offers import commands
from installer.tui.preparing import prepare
from installer.tui.screens.zone import ZoneScreen
from installer.tui.unbroken import keep_together
from installer.tui.widgets.commands import Command, CommandsDialog
from installer.tui.widgets.help import HelpDialog, explained
from installer.tui.widgets.page import is_home
from installer.tui.widgets.scroll_bar import PlainScrollBar

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Screens(App[int]):
    """All screens over one desk."""

    CSS_PATH = "champ.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", mark("Help"), key_display="?"),
        Binding("f1", "help", mark("Help"), key_display="F1"),
        Binding("ctrl+p", "commands", mark("Commands"), key_display="^P"),
        Binding("colon", "commands", show=False),
        Binding("ctrl+q", "finish", mark("Quit"), key_display="^Q", priority=True),
        Binding("ctrl+c", "finish", show=False, priority=True),
    ]

    def __init__(self, desk: Desk) -> None:
        ScrollBar.renderer = PlainScrollBar
        keep_together()
        super().__init__(ansi_color=True)
        self.desk = desk
        self.unforeseen: BaseException | None = None
        self._ascii_lines = AsciiLines()

    def on_mount(self) -> None:
        """Show the first screen, which opens the zone that was named or asks for one."""
        self.theme = "ansi-dark"
        self.set_class(not in_ascii(), "-rich")
        for number in _ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self.exit, 128 + number)
        self.push_screen(ZoneScreen())
        self.call_after_refresh(self.run_worker, _settle, thread=True)

    def action_finish(self) -> None:
        """Quit; tasks go on."""
        self.exit(int(ExitCode.OK))

    def action_help(self) -> None:
        """Say what this screen is for, and its keys."""
        self.push_screen(HelpDialog(*explained(self.screen)))

    def action_commands(self) -> None:
        """Offer everything that can be done now."""
        self.push_screen(CommandsDialog(commands(self)), self._command)

    async def _command(self, chosen: Command | None) -> None:
        if chosen is not None:
            await self.run_action(chosen.action, chosen.place)

    async def action_go(self, place: str) -> None:
        """Leave everything above the overview, then go on to a step that starts there."""
        await self.on_go_home()
        if place in routes.STARTS:
            self.post_message(routes.STARTS[place]())

    async def action_speak(self, wanted: str) -> None:
        """Start over at the first screen in another language; what was typed is lost."""
        language.activate(wanted, named=True)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(ZoneScreen())

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As Textual's own, then whatever the look asks for."""
        return [*super().get_line_filters(), self._ascii_lines]

    @on(routes.Step)
    async def take_step(self, step: routes.Step) -> None:
        """Show the screen of the step."""
        await asyncio.to_thread(_load)
        from installer.tui.ways import screen_of

        await self.push_screen(screen_of(step))

    async def on_go_home(self) -> None:
        """Leave everything above the overview."""
        while len(self.screen_stack) > 1 and not is_home(self.screen):
            await self.pop_screen()

    def _handle_exception(self, error: Exception) -> None:
        inner = error.error if isinstance(error, WorkerFailed) else error
        self.unforeseen = self.unforeseen or inner
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """Print nothing: the caller reports what nobody foresaw, in one sentence."""
        self._exit_renderables.clear()


def _load() -> None:
    """Load the library and the other screens."""
    import installer.tui.ways  # noqa: F401


def _settle() -> None:
    """Load what stays, while the first screen is looked at, and keep collections from walking it.

    A collection of everything takes longer than a screen that is opened.
    """
    _load()
    gc.freeze()


def run(zone: Path | None) -> int:
    """Run the screens on this terminal; gives the exit code, raises what nobody foresaw."""
    prepare(os.environ)
    kubeconfig, media = os.environ.get("KUBECONFIG"), os.environ.get("CHAMP_MEDIA")
    app = Screens(
        Desk(
            zone=zone,
            kubeconfig=Path(kubeconfig) if kubeconfig else None,
            media=Path(media) if media else None,
        )
    )
    code = app.run()
    if app.unforeseen is not None:
        raise app.unforeseen
    return int(ExitCode.OK) if code is None else code
