"""Where a screen wants to go next: messages that only the app answers.

Invariant: screens do not know each other; each leaves by one of these or by going back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from champ_offline.trust.overrides import NO_OVERRIDES, Overrides

if TYPE_CHECKING:
    from pathlib import Path

    from champ_offline.errors import ChampError
    from champ_offline.release.plan import Plan
    from champ_offline.tasks.task import Task
    from installer.tui.proposals import Install, Proposal


@dataclass(eq=False)
class Route(Message):
    """Goes up to the app."""


@dataclass(eq=False)
class Step(Route):
    """Leads to a screen."""


@dataclass(eq=False)
class LookAround(Step):
    """See the zone that is open at a glance."""


@dataclass(eq=False)
class LookForMedia(Step):
    """Look for bundles on media."""


@dataclass(eq=False)
class InspectBundle(Step):
    """Show who signed the bundle in `folder`."""

    folder: Path


@dataclass(eq=False)
class ImportBundle(Step):
    """Import the bundle in `folder`, dates overridden as a person decided."""

    folder: Path
    overrides: Overrides = NO_OVERRIDES


@dataclass(eq=False)
class BrowseCatalog(Step):
    """List the apps; with `release`, the versions of `app` that it can be changed to."""

    app: str = ""
    release: str = ""
    space: str = ""


@dataclass(eq=False)
class ShowApp(Step):
    """Show all that is known of an app's version, which `release` may be changed to."""

    app: str
    version: str
    release: str = ""
    space: str = ""


@dataclass(eq=False)
class ChooseTarget(Step):
    """Ask under which names an app's version shall run, and where."""

    app: str
    version: str
    release: str = ""
    space: str = ""


@dataclass(eq=False)
class FillForm(Step):
    """Fill in the app's form."""

    wanted: Install


@dataclass(eq=False)
class ReviewPlan(Step):
    """Work out and show what a proposal would change."""

    proposal: Proposal


@dataclass(eq=False)
class ApplyPlan(Step):
    """Carry out a plan that was confirmed."""

    plan: Plan
    proposal: Proposal


@dataclass(eq=False)
class ShowRelease(Step):
    """Open the page of a release."""

    release: str
    space: str


@dataclass(eq=False)
class ReadLogs(Step):
    """Read what a release's containers wrote; `pods` are those to begin with, if there are any."""

    release: str
    space: str
    kubeconfig: Path | None
    pods: tuple[str, ...] = ()


@dataclass(eq=False)
class ShowBackups(Step):
    """List what was saved of a release's data."""

    release: str
    space: str


@dataclass(eq=False)
class ExamineZone(Step):
    """Look for what would stand in the way."""


@dataclass(eq=False)
class BrowseTasks(Step):
    """List what is at work, and what was."""


@dataclass(eq=False)
class ShowTask(Step):
    """Look at a task."""

    task: Task


@dataclass(eq=False)
class CarryOut(Step):
    """Carry out a command as a task, and look at it."""

    words: tuple[str, ...]


@dataclass(eq=False)
class ShowRegistry(Step):
    """Show the registry that nodes pull from."""


@dataclass(eq=False)
class BrowseClients(Step):
    """List the registry's clients."""


@dataclass(eq=False)
class ReadAudit(Step):
    """Look through the audit chain."""


@dataclass(eq=False)
class ShowSettings(Step):
    """Show what is set."""


@dataclass(eq=False)
class KeepSetting(Route):
    """Keep another value of a person's setting, None for none, and start over with it.

    `after` is where to go on.
    """

    name: str
    value: str | None
    after: Step | None = None


@dataclass(eq=False)
class SettingKept(Route):
    """It was kept; or not, and `trouble` says why: then it holds until the screens end."""

    wanted: KeepSetting
    trouble: ChampError | None = None


@dataclass(eq=False)
class WriteReport(Step):
    """Write the hand-over report."""


@dataclass(eq=False)
class PlanSite(Step):
    """Work out and show what a site's document would change in this zone."""


@dataclass(eq=False)
class GoHome(Route):
    """Back to the overview."""


# The steps that start at the overview, by the name `action_go` has for them.
STARTS: dict[str, Callable[[], Step]] = {
    "media": LookForMedia,
    "catalog": BrowseCatalog,
    "check": ExamineZone,
    "registry": ShowRegistry,
    "audit": ReadAudit,
    "tasks": BrowseTasks,
    "report": WriteReport,
    "site": PlanSite,
    "settings": ShowSettings,
}
