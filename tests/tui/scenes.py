"""Every screen as a scene: how a person at the stage gets there. One line adds a screen.

Invariant: a scene ends where nothing moves any more, so that it looks the same each time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult

from champ_offline.events import ObjectState, Progress, StepFinished, StepStarted
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backups, Reason, SavedPart, Subject
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import History
from installer.language import translate as _
from installer.tui.app import Screens
from installer.tui.proposals import Install, Remove
from installer.tui.routes import ApplyPlan, BrowseCatalog, ChooseTarget
from installer.tui.screens.applying import ApplyScreen
from installer.tui.screens.catalog import CatalogScreen
from installer.tui.screens.review import ReviewScreen
from installer.tui.screens.target import TargetScreen
from installer.tui.widgets.page import Page
from installer.tui.widgets.progress import ProgressView
from installer.words import word
from tests.tui.sample_app import ZONE
from tests.tui.screen import Person
from tests.tui.stage import ANSWERS, NOW, Stage
from tests.tui.test_review import Brought

Act = Callable[[Person, Stage], Awaitable[None]]
Opening = Callable[[Stage], Screens]
SITE = f"""\
format: 1
defaults:
  greeter: {{version: "2.0", answers: {{site: North, users: [{{name: admin}}]}}}}
zones:
  {ZONE}:
    clusters:
      main:
        apps:
          db: {{app: greeter, namespace: imaging}}
          pacs: {{app: greeter, namespace: imaging, needs: [db]}}
"""
_HEX = re.compile(r"[0-9a-f]{16,}")


@dataclass(frozen=True)
class Scene:
    """`act` leads there from what `opening` shows.

    `apart`: on a stage of its own, for it changes the zone, or shows what other scenes change.
    """

    act: Act
    opening: Opening = Stage.opened
    apart: bool = False


def keys(*steps: str | Callable[[], str]) -> Act:
    """Press the keys; what is callable gives a text that is waited for."""

    async def act(person: Person, _stage: Stage) -> None:
        for step in steps:
            if callable(step):
                await person.sees(step())
            else:
                await person.press(step)
            await settled(person)

    return act


def pushed(make: Callable[[Stage], Page], *steps: str | Callable[[], str]) -> Act:
    """Push a screen that the way by keys would take long to, then go on by keys."""

    async def act(person: Person, stage: Stage) -> None:
        await person.app.push_screen(make(stage))
        await settled(person)
        await keys(*steps)(person, stage)

    return act


class UnderWay(Page):
    """An operation in the midst of its work, which stands still."""

    def body(self) -> ComposeResult:
        """The progress of what happened so far."""
        yield ProgressView()

    def on_mount(self) -> None:
        """What the library would have told."""
        view = self.query_one(ProgressView)
        for event in (
            StepStarted("import", "greeter-1.0.0001.tar"),
            StepFinished("import", "greeter-1.0.0001.tar", 2.5),
            StepStarted("import", "greeter-1.0.0002.tar"),
            Progress("import", 300_000_000, 700_000_000, subject="greeter-1.0.0002.tar"),
            ObjectState("Deployment", "hello-work", True, "1 of 1 ready"),
            ObjectState("Pod", "hello-work-0", False, "ContainerCreating"),
        ):
            view.take(event, 0.0)


def _wanted(stage: Stage) -> Install:
    answers = Path("answers.yaml")
    answers.write_text(ANSWERS.replace("hello", "welcome"), encoding="utf-8")
    return Install("greeter", "2.0", "hello", "hello", stage.kubeconfig, answers)


def _apply(stage: Stage) -> ApplyScreen:
    wanted = _wanted(stage)
    plan: Plan = wanted.plan(stage.world.open(stage.used))
    return ApplyScreen(ApplyPlan(plan, wanted))


def _brought(stage: Stage) -> ReviewScreen:
    return ReviewScreen(Brought("pacs", "pacs", stage.kubeconfig))


def _target(_stage: Stage) -> TargetScreen:
    return TargetScreen(ChooseTarget("greeter", "2.0", "clinic", ""))


def saved(*steps: str | Callable[[], str]) -> Act:
    """A backup was made of the release; its app declares one part."""

    async def act(person: Person, stage: Stage) -> None:
        database = stage.world.open(stage.used)._database
        [revision] = History(database).standing("hello", "hello")
        subject = Subject(*revision.place, revision.number, revision.app, revision.version)
        when, backups = f"{NOW:%Y-%m-%dT%H:%M:%SZ}", Backups(database)
        with database.transaction() as connection:
            about = (subject, (), Reason.BEFORE_CHANGE, "engineer", when)
            number = backups.begin(connection, *about)
            backups.keep(connection, number, SavedPart("database", Digest.of(b""), 48_200_000))
            connection.execute("UPDATE backups SET state = 'whole', ended = ?", (when,))
        await keys(*steps)(person, stage)

    return act


def of_site(document: str, *steps: str | Callable[[], str]) -> Act:
    """The zone's cluster has a name, and the site's document lies in the folder."""

    async def act(person: Person, stage: Stage) -> None:
        stage.kubeconfig.write_text("{}", encoding="utf-8")
        stage.kubeconfig.chmod(0o600)
        stage.world.open(stage.used).releases.add_cluster("main", stage.kubeconfig)
        Path("site.yaml").write_text(document, encoding="utf-8")
        person.app.desk.site = Path("site.yaml")
        await keys("p", *steps)(person, stage)

    return act


_IMPORT: tuple[str | Callable[[], str], ...] = (
    "i", lambda: "greeter-1.0", "1", lambda: _("it fits"), "i", lambda: _("To the catalog"),
)  # fmt: skip

# A new screen is one more line.
SCENES: dict[str, Scene] = {
    "zone": Scene(keys(), Stage.closed),
    "zone-incomplete": Scene(keys("f2"), Stage.closed),
    "overview-empty": Scene(keys(lambda: ZONE), Stage.empty),
    "overview": Scene(keys(lambda: "hello")),
    "media": Scene(keys("i", lambda: _("accepted"), "down")),
    "media-new": Scene(keys("i", lambda: _("fits")), Stage.empty),
    "media-refused": Scene(keys("i", lambda: "trust.replayed", lambda: _("accepted"))),
    "media-folder": Scene(keys("i", lambda: "greeter-2.0", "f")),
    "bundle": Scene(keys("i", lambda: "greeter-1.0", "1", lambda: _("it fits")), Stage.empty),
    "bundle-refused": Scene(keys("i", lambda: "greeter-1.0", "1", "enter")),
    "imported": Scene(keys(*_IMPORT), Stage.empty, apart=True),
    "tasks": Scene(
        keys(*_IMPORT, "enter", lambda: ZONE, "t", lambda: "import"), Stage.empty, apart=True
    ),
    "task": Scene(
        keys(*_IMPORT, "enter", lambda: ZONE, "t", lambda: "import", "1"), Stage.empty, apart=True
    ),
    "error": Scene(keys("i", lambda: "greeter-1.0", "1", lambda: "trust.replayed")),
    "under-way": Scene(pushed(lambda _stage: UnderWay())),
    "catalog": Scene(keys("c", lambda: "greeter")),
    "catalog-empty": Scene(keys("c", lambda: _("none: import a bundle first")), Stage.empty),
    "catalog-search": Scene(keys("c", lambda: "greeter", "slash")),
    "catalog-nothing": Scene(
        keys("c", lambda: "greeter", "slash", "x", "enter", lambda: _("none of the apps here"))
    ),
    "catalog-category": Scene(keys("c", lambda: "greeter", "f")),
    "app": Scene(keys("c", lambda: "greeter", "1", lambda: _("In this zone"))),
    "app-below": Scene(keys("c", lambda: "greeter", "1", lambda: _("In this zone"), "end")),
    "versions": Scene(pushed(lambda _s: CatalogScreen(BrowseCatalog("greeter", "hello", "hello")))),
    "target": Scene(pushed(_target)),
    "form": Scene(pushed(_target, "f2", lambda: _("Go on to the plan"))),
    "form-problem": Scene(pushed(_target, "f2", lambda: _("Go on to the plan"), "f2")),
    "entries": Scene(
        pushed(_target, "f2", lambda: "hello", *["tab"] * 5, "enter", lambda: "admin")
    ),
    "entry": Scene(
        pushed(_target, "f2", lambda: "hello", *["tab"] * 5, "enter", lambda: "admin", "a")
    ),
    "keep-answers": Scene(keys("1", "u", "1", "enter", "f2")),
    "plan": Scene(pushed(lambda stage: ReviewScreen(_wanted(stage)), lambda: "sha256:")),
    "plan-remove": Scene(
        pushed(lambda s: ReviewScreen(Remove("hello", "hello", s.kubeconfig)), lambda: "sha256:")
    ),
    "plan-difference": Scene(
        pushed(lambda stage: ReviewScreen(_wanted(stage)), lambda: "sha256:", "enter")
    ),
    "plan-blocked": Scene(pushed(_brought, lambda: "sha256:")),
    "plan-whole": Scene(pushed(_brought, lambda: "sha256:", "w")),
    "concerns": Scene(pushed(_brought, lambda: "sha256:", "c")),
    "confirm": Scene(
        pushed(lambda s: ReviewScreen(_wanted(s)), lambda: "sha256:", "a", "x", "enter")
    ),
    "applied": Scene(pushed(_apply, lambda: _("Go on")), apart=True),
    "release": Scene(keys("1", lambda: _("History, the newest first:"))),
    "logs": Scene(keys("1", lambda: _("History, the newest first:"), "l", lambda: "8080")),
    "backups": Scene(
        saved("1", lambda: _("History, the newest first:"), "d", lambda: word("whole")), apart=True
    ),
    "site": Scene(of_site(SITE, lambda: "sha256:"), apart=True),
    "site-problems": Scene(
        of_site(SITE.replace("needs: [db]", "needs: [x]"), lambda: "yaml.wrong-value"), apart=True
    ),
    "revision": Scene(keys("1", lambda: _("History, the newest first:"), "enter")),
    "report": Scene(keys("h", lambda: f"champ-report-{ZONE}-2026-03-02.html")),
    "registry": Scene(keys("g", lambda: "champ.local")),
    "clients": Scene(keys("g", lambda: "champ.local", "n", lambda: "ci")),
    "audit": Scene(keys("a", lambda: "release.apply.end"), apart=True),
    "audit-row": Scene(keys("a", lambda: "release.apply.end", "end", "enter", lambda: "SHA-256")),
    "help": Scene(keys(lambda: "hello", "question_mark")),
    "help-of-a-form": Scene(pushed(_target, "f2", lambda: _("Go on to the plan"), "f1")),
    "commands": Scene(keys(lambda: "hello", "ctrl+p")),
    "settings": Scene(keys("s", lambda: _("Everybody may, in the registry"))),
    "findings": Scene(keys("d", lambda: _("Checks made: {count}").partition("{")[0]), apart=True),
}


async def settled(person: Person) -> None:
    """Wait until no worker works and nothing is left to be shown."""
    for _round in range(3):
        workers = person.app.workers
        await workers.wait_for_complete([one for one in workers if not one.is_finished])
        await person.pilot.pause()


@asynccontextmanager
async def played(
    scene: Scene, stage: Stage, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Person]:
    """The scene on a terminal of that size."""
    app = scene.opening(stage)
    async with app.run_test(size=size) as pilot:
        person = Person(app, pilot, "scenes")
        await settled(person)
        await scene.act(person, stage)
        await settled(person)
        yield person


def steady(text: str) -> str:
    """The text with every digest replaced by one of the same length: plans hold random salts."""
    return _HEX.sub(lambda found: ("0123456789abcdef" * 8)[: len(found[0])], text)


def lines(person: Person) -> Iterator[str]:
    """The screen line by line, without what differs from run to run."""
    for line in steady(person.text).split("\n"):
        yield line.rstrip()
