"""The app of the screens: which screen follows which, and how it ends.

Invariant: routing only. Whatever ends the screens, the terminal is as it was and no traceback is
shown; an error nobody foresaw is raised to the caller, who reports it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.scrollbar import ScrollBar
from textual.worker import WorkerFailed

from champ_offline.appliance import Appliance
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
from installer.tui.screens.answers import AnswersScreen
from installer.tui.screens.applying import ApplyScreen
from installer.tui.screens.audit import AuditScreen
from installer.tui.screens.bundle import BundleScreen
from installer.tui.screens.catalog import CatalogScreen
from installer.tui.screens.clients import ClientsScreen
from installer.tui.screens.findings import FindingsScreen
from installer.tui.screens.importing import ImportScreen
from installer.tui.screens.media import MediaScreen
from installer.tui.screens.overview import OverviewScreen
from installer.tui.screens.registry import RegistryScreen
from installer.tui.screens.release import ReleaseScreen
from installer.tui.screens.review import ReviewScreen
from installer.tui.screens.settings import SettingsScreen
from installer.tui.screens.target import TargetScreen
from installer.tui.screens.task import TaskScreen
from installer.tui.screens.tasks import TasksScreen
from installer.tui.screens.zone import ZoneScreen
from installer.tui.unbroken import keep_together
from installer.tui.widgets.commands import Command, CommandsDialog
from installer.tui.widgets.dialogs import ErrorDialog
from installer.tui.widgets.help import HelpDialog, explained
from installer.tui.widgets.scroll_bar import PlainScrollBar

# The steps that start at the overview, by the name `action_go` has for them.
_STEPS: dict[str, Callable[[], routes.Route]] = {
    "media": routes.LookForMedia,
    "catalog": routes.BrowseCatalog,
    "check": routes.ExamineZone,
    "registry": routes.ShowRegistry,
    "audit": routes.ReadAudit,
    "tasks": routes.BrowseTasks,
    "settings": routes.ShowSettings,
}
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
        """Open the zone that was named, or ask for one."""
        self.theme = "ansi-dark"
        self.set_class(not in_ascii(), "-rich")
        for number in _ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self.exit, 128 + number)
        self.push_screen(ZoneScreen())
        if self.desk.zone is not None:
            self._open_named(self.desk.zone)

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
        if place in _STEPS:
            self.post_message(_STEPS[place]())

    def action_speak(self, wanted: str) -> None:
        """Keep another language as the person's setting, and go on in it."""
        self.on_keep_setting(routes.KeepSetting(LANGUAGE, wanted))

    def on_keep_setting(self, message: routes.KeepSetting) -> None:
        """Keep it for the next time."""
        self.run_worker(partial(self._keep, message.name, message.value), thread=True)

    def _keep(self, name: str, value: str | None) -> None:
        trouble: ChampError | None = None
        try:
            own_settings.keep(name, value)
        except ChampError as error:
            trouble = error
        self.post_message(routes.SettingKept(name, value, trouble))

    async def on_setting_kept(self, message: routes.SettingKept) -> None:
        """Start over at the first screen, so that all is made anew; what was typed is lost."""
        settle(message.name, message.value, os.environ)
        self.set_class(not in_ascii(), "-rich")
        again = isinstance(self.screen, SettingsScreen)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(ZoneScreen())
        if self.desk.name:
            await self.push_screen(OverviewScreen())
        if again:
            await self.push_screen(SettingsScreen())
        if message.trouble is not None:
            await self.push_screen(ErrorDialog(message.trouble))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As Textual's own, then whatever the look asks for."""
        return [*super().get_line_filters(), self._ascii_lines]

    def on_zone_opened(self, message: routes.ZoneOpened) -> None:
        """Show the zone."""
        self.desk.zone = message.folder
        self.desk.name = self.desk.appliance().name
        self.push_screen(OverviewScreen())

    def on_look_for_media(self) -> None:
        """Find the stick."""
        self.push_screen(MediaScreen())

    def on_inspect_bundle(self, message: routes.InspectBundle) -> None:
        """Show who signed."""
        self.push_screen(BundleScreen(message.folder))

    def on_import_bundle(self, message: routes.ImportBundle) -> None:
        """Import."""
        self.push_screen(ImportScreen(message.folder, message.overrides))

    def on_browse_catalog(self, message: routes.BrowseCatalog) -> None:
        """List the apps."""
        self.push_screen(CatalogScreen(message))

    def on_choose_target(self, message: routes.ChooseTarget) -> None:
        """Ask for names and cluster."""
        self.push_screen(TargetScreen(message))

    def on_fill_form(self, message: routes.FillForm) -> None:
        """Fill in the form."""
        self.push_screen(AnswersScreen(message.wanted))

    def on_review_plan(self, message: routes.ReviewPlan) -> None:
        """Plan and review."""
        self.push_screen(ReviewScreen(message.proposal))

    def on_apply_plan(self, message: routes.ApplyPlan) -> None:
        """Apply."""
        self.push_screen(ApplyScreen(message))

    def on_show_release(self, message: routes.ShowRelease) -> None:
        """Open the release's page."""
        self.push_screen(ReleaseScreen(message))

    def on_examine_zone(self) -> None:
        """Check."""
        self.push_screen(FindingsScreen())

    def on_browse_tasks(self) -> None:
        """List the tasks."""
        self.push_screen(TasksScreen())

    def on_show_task(self, message: routes.ShowTask) -> None:
        """Look at a task."""
        self.push_screen(TaskScreen(message.task))

    def on_carry_out(self, message: routes.CarryOut) -> None:
        """Carry out a command, and look at it."""
        self.push_screen(TaskScreen(None, message.words))

    def on_show_registry(self) -> None:
        """Show the registry."""
        self.push_screen(RegistryScreen())

    def on_browse_clients(self) -> None:
        """List the registry's clients."""
        self.push_screen(ClientsScreen())

    def on_show_settings(self) -> None:
        """Show the settings."""
        self.push_screen(SettingsScreen())

    def on_read_audit(self) -> None:
        """Look through the audit chain."""
        self.push_screen(AuditScreen())

    async def on_go_home(self) -> None:
        """Leave everything above the overview."""
        while len(self.screen_stack) > 1 and not isinstance(self.screen, OverviewScreen):
            await self.pop_screen()

    def _open_named(self, folder: Path) -> None:
        try:
            self.desk.open_zone(folder)
        except ChampError as error:
            self.push_screen(ErrorDialog(error))
        else:
            self.on_zone_opened(routes.ZoneOpened(folder))

    def _handle_exception(self, error: Exception) -> None:
        inner = error.error if isinstance(error, WorkerFailed) else error
        self.unforeseen = self.unforeseen or inner
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """Print nothing: the caller reports what nobody foresaw, in one sentence."""
        self._exit_renderables.clear()


def run(zone: Path | None) -> int:
    """Run the screens on this terminal; gives the exit code, raises what nobody foresaw."""
    prepare(os.environ, own_settings.followed()[0])
    kubeconfig, media = os.environ.get("KUBECONFIG"), os.environ.get("CHAMP_MEDIA")
    app = Screens(
        Desk(
            zone=zone,
            kubeconfig=Path(kubeconfig) if kubeconfig else None,
            media=Path(media) if media else None,
            open_zone=Appliance.open,
        )
    )
    code = app.run()
    if app.unforeseen is not None:
        raise app.unforeseen
    return int(ExitCode.OK) if code is None else code
