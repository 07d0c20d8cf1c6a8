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
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.scrollbar import ScrollBar
from textual.worker import WorkerFailed

from champ_offline.errors import ChampError, ExitCode
from installer import own_settings
from installer.language import mark
from installer.look import in_ascii
from installer.own_settings import LANGUAGE
from installer.tui import routes
from installer.tui.ascii_lines import AsciiLines
from installer.tui.desk import Desk
from installer.tui.offers import commands
from installer.tui.preparing import prepare, settle
from installer.tui.screens.zone import ZoneScreen
from installer.tui.unbroken import keep_together
from installer.tui.widgets.commands import Command, CommandsDialog
from installer.tui.widgets.dialogs import ErrorDialog
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
        self._after: routes.Step | None = None

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

    def action_speak(self, wanted: str) -> None:
        """Keep another language as the person's setting, and go on in it."""
        self.on_keep_setting(routes.KeepSetting(LANGUAGE, wanted))

    def on_keep_setting(self, message: routes.KeepSetting) -> None:
        """Keep it for the next time."""
        self.run_worker(partial(self._keep, message), thread=True)

    def _keep(self, wanted: routes.KeepSetting) -> None:
        trouble: ChampError | None = None
        try:
            own_settings.keep(wanted.name, wanted.value)
        except ChampError as error:
            trouble = error
        self.post_message(routes.SettingKept(wanted, trouble))

    async def on_setting_kept(self, message: routes.SettingKept) -> None:
        """Follow it; where it was not kept, that is read first."""
        follow = partial(self._start_over, message.wanted)
        if message.trouble is None:
            await follow()
            return

        def read(_answer: None) -> None:
            self.call_later(follow)

        await self.push_screen(ErrorDialog(message.trouble), read)

    async def _start_over(self, wanted: routes.KeepSetting) -> None:
        """Begin at the first screen, so that all is made anew; what was typed is lost."""
        settle(wanted.name, wanted.value, os.environ)
        self.set_class(not in_ascii(), "-rich")
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        self._after = wanted.after
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
        after, self._after = self._after, None
        if after is not None:
            await self.push_screen(screen_of(after))

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

    A collection of everything takes longer than a screen that is opened. Once in a process: what is
    frozen is never collected, garbage neither.
    """
    _load()
    if not gc.get_freeze_count():
        gc.freeze()


def run(zone: Path | None) -> int:
    """Run the screens on this terminal; gives the exit code, raises what nobody foresaw."""
    prepare(os.environ, own_settings.followed()[0])
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
