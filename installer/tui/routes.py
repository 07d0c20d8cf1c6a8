"""Where a screen wants to go next: messages that only the app answers.

Invariant: screens do not know each other; each leaves by one of these or by going back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from champ_offline.errors import ChampError
from champ_offline.release.plan import Plan
from champ_offline.tasks.task import Task
from champ_offline.trust.dates import NO_OVERRIDES, Overrides
from installer.tui.proposals import Install, Proposal


@dataclass(eq=False)
class Route(Message):
    """Goes up to the app."""


@dataclass(eq=False)
class ZoneOpened(Route):
    """A zone's folder was opened or made."""

    folder: Path


@dataclass(eq=False)
class LookForMedia(Route):
    """Look for bundles on media."""


@dataclass(eq=False)
class InspectBundle(Route):
    """Show who signed the bundle in `folder`."""

    folder: Path


@dataclass(eq=False)
class ImportBundle(Route):
    """Import the bundle in `folder`, dates overridden as a person decided."""

    folder: Path
    overrides: Overrides = NO_OVERRIDES


@dataclass(eq=False)
class BrowseCatalog(Route):
    """List the apps; with `release`, the versions of `app` that it can be changed to."""

    app: str = ""
    release: str = ""
    space: str = ""


@dataclass(eq=False)
class ChooseTarget(Route):
    """Ask under which names an app's version shall run, and where."""

    app: str
    version: str
    release: str = ""
    space: str = ""


@dataclass(eq=False)
class FillForm(Route):
    """Fill in the app's form."""

    wanted: Install


@dataclass(eq=False)
class ReviewPlan(Route):
    """Work out and show what a proposal would change."""

    proposal: Proposal


@dataclass(eq=False)
class ApplyPlan(Route):
    """Carry out a plan that was confirmed."""

    plan: Plan
    proposal: Proposal


@dataclass(eq=False)
class ShowRelease(Route):
    """Open the page of a release."""

    release: str
    space: str


@dataclass(eq=False)
class ExamineZone(Route):
    """Look for what would stand in the way."""


@dataclass(eq=False)
class BrowseTasks(Route):
    """List what is at work, and what was."""


@dataclass(eq=False)
class ShowTask(Route):
    """Look at a task."""

    task: Task


@dataclass(eq=False)
class CarryOut(Route):
    """Carry out a command as a task, and look at it."""

    words: tuple[str, ...]


@dataclass(eq=False)
class ShowRegistry(Route):
    """Show the registry that nodes pull from."""


@dataclass(eq=False)
class BrowseClients(Route):
    """List the registry's clients."""


@dataclass(eq=False)
class ReadAudit(Route):
    """Look through the audit chain."""


@dataclass(eq=False)
class ShowSettings(Route):
    """Show what is set."""


@dataclass(eq=False)
class KeepSetting(Route):
    """Keep another value of a person's setting, None for none, and start over with it."""

    name: str
    value: str | None


@dataclass(eq=False)
class SettingKept(Route):
    """It was kept; or not, and `trouble` says why: it holds until the screens end."""

    name: str
    value: str | None
    trouble: ChampError | None = None


@dataclass(eq=False)
class GoHome(Route):
    """Back to the overview."""
