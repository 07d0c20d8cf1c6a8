"""Which screen each step leads to. It loads every screen, and with them the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from installer.tui import routes
from installer.tui.screens.answers import AnswersScreen
from installer.tui.screens.app import AppScreen
from installer.tui.screens.applying import ApplyScreen
from installer.tui.screens.audit import AuditScreen
from installer.tui.screens.backups import BackupsScreen
from installer.tui.screens.bundle import BundleScreen
from installer.tui.screens.catalog import CatalogScreen
from installer.tui.screens.clients import ClientsScreen
from installer.tui.screens.findings import FindingsScreen
from installer.tui.screens.importing import ImportScreen
from installer.tui.screens.logs import LogsScreen
from installer.tui.screens.media import MediaScreen
from installer.tui.screens.overview import OverviewScreen
from installer.tui.screens.registry import RegistryScreen
from installer.tui.screens.release import ReleaseScreen
from installer.tui.screens.report import ReportScreen
from installer.tui.screens.review import ReviewScreen
from installer.tui.screens.settings import SettingsScreen
from installer.tui.screens.site import SiteScreen
from installer.tui.screens.target import TargetScreen
from installer.tui.screens.task import TaskScreen
from installer.tui.screens.tasks import TasksScreen
from installer.tui.widgets.page import Page

# A new screen is one more line.
_SCREENS: dict[type[routes.Step], Callable[[Any], Page]] = {
    routes.LookAround: lambda _step: OverviewScreen(),
    routes.LookForMedia: lambda _step: MediaScreen(),
    routes.InspectBundle: lambda step: BundleScreen(step.folder),
    routes.ImportBundle: lambda step: ImportScreen(step.folder, step.overrides),
    routes.BrowseCatalog: CatalogScreen,
    routes.ShowApp: AppScreen,
    routes.ChooseTarget: TargetScreen,
    routes.FillForm: lambda step: AnswersScreen(step.wanted),
    routes.ReviewPlan: lambda step: ReviewScreen(step.proposal),
    routes.ApplyPlan: ApplyScreen,
    routes.ShowRelease: ReleaseScreen,
    routes.ExamineZone: lambda _step: FindingsScreen(),
    routes.BrowseTasks: lambda _step: TasksScreen(),
    routes.ShowTask: lambda step: TaskScreen(step.task),
    routes.CarryOut: lambda step: TaskScreen(None, step.words),
    routes.ShowRegistry: lambda _step: RegistryScreen(),
    routes.BrowseClients: lambda _step: ClientsScreen(),
    routes.ReadLogs: LogsScreen,
    routes.ShowBackups: BackupsScreen,
    routes.WriteReport: lambda _step: ReportScreen(),
    routes.PlanSite: lambda _step: SiteScreen(),
    routes.ReadAudit: lambda _step: AuditScreen(),
    routes.ShowSettings: lambda _step: SettingsScreen(),
}


def screen_of(step: routes.Step) -> Page:
    """The screen to go on with."""
    return _SCREENS[type(step)](step)
