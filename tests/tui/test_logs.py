"""Logs on the screens: read, followed, looked through, from the release and while it comes up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from champ_offline.events import ignore
from installer.language import translate as _
from installer.tui.proposals import Install
from installer.tui.routes import ApplyPlan
from installer.tui.screens.applying import ApplyScreen
from installer.tui.screens.logs import LogsScreen
from installer.tui.widgets.running_text import RunningText
from tests.tui.conftest import Opened
from tests.tui.sample_app import ZONE, Media
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World
from tests.tui.test_changes import ANSWERS, Site, in_the_middle

POD = "pacs-work-0"


@pytest.fixture
def site(opened: Opened, media: Media, tmp_path: Path) -> Site:
    """An app that runs in one pod."""
    world = World()
    screens = opened(media.stick, world)
    appliance, kubeconfig = screens.desk.appliance(), tmp_path / "kubeconfig"
    for version in ("1.0", "2.0"):
        appliance.import_media([media.stick / f"champ/greeter-{version}"], ignore)
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    wanted = Install("greeter", "1.0", "pacs", "pacs", kubeconfig, tmp_path / "answers.yaml")
    appliance.releases.apply(wanted.plan(appliance), kubeconfig, ignore)
    world.cluster.logs[POD, "work"] = "ready to serve\n"
    return Site(screens, world, kubeconfig)


def changed(site: Site, pod: str, restarts: int = 0, *, well: bool = True) -> None:
    """What kubelet tells of a pod, which may be another one beside the first."""
    found = site.world.cluster.get("v1", "Pod", "pacs", POD)
    assert found is not None
    found["metadata"]["name"] = pod
    [status] = found["status"]["containerStatuses"]
    status["restartCount"], status["ready"] = restarts, well
    found["status"]["conditions"][0]["status"] = str(well)
    site.world.cluster.edit(found, "kubelet")


async def opened_logs(site: Site, person: Person) -> None:
    await person.sees(ZONE, "pacs")
    await person.press("1")
    await person.sees(_("History, the newest first:"), _("Logs"))
    await person.press("l")
    await person.sees("ready to serve", _("it runs"))


async def test_a_log_is_followed_until_it_stands_still(site: Site, spoken: str) -> None:
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"logs-{spoken}")
        await opened_logs(site, person)
        site.world.cluster.logs[POD, "work"] += "\n\x1b[31mERROR\x1b[0m \x1b]0;owned\x07\n"
        await person.sees("ERROR \\x1b]0;owned\\x07")
        person.keep("followed")
        await person.press("f")
        await person.sees(_("it is not followed"))
        site.world.cluster.logs[POD, "work"] += "written meanwhile\n"
        asked = site.world.cluster.asked
        await asyncio.sleep(2.5)
        assert site.world.cluster.asked == asked
        assert "written meanwhile" not in person.text
        await person.press("f")
        await person.sees("written meanwhile")
        text = person.text
        assert text.index("ready to serve") < text.index("ERROR") < text.index("written meanwhile")


async def test_only_lines_with_a_text_are_shown(site: Site, spoken: str) -> None:
    lines = [f"line {number}" for number in range(100)]
    site.world.cluster.logs[POD, "work"] = "\n".join(["ready to serve", *lines, "ready to serve"])
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"logs-{spoken}")
        await opened_logs(site, person)
        assert "line 99" in person.text
        assert "line 9\n" not in person.text
        await person.press("slash")
        await person.sees(_("Which text must a line have in it? Without one all lines are shown."))
        await person.type("line 3")
        await person.press("enter")
        told = _("only lines with “{text}”: {count}").format(text="line 3", count=11)
        await person.sees(told, "line 3\n", "line 39")
        person.keep("narrowed")
        assert "line 99" not in person.text
        await person.press("slash", *["backspace"] * 6, "enter")
        await person.sees("line 99")


async def test_another_container_and_what_was_before_a_restart(site: Site, spoken: str) -> None:
    cluster = site.world.cluster
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"logs-{spoken}")
        await opened_logs(site, person)
        assert _("Another container") not in person.text
        cluster.logs["pacs-work-1", "work"] = "beside\n"
        changed(site, "pacs-work-1")
        await person.sees(_("Another container"))
        await person.press("c")
        await person.sees(_("Which container?"), f"{POD}/work", "pacs-work-1/work")
        person.keep("containers")
        await person.press("2")
        await person.sees("beside")
        assert "ready to serve" not in person.text
        assert _("Before the restart, or since") not in person.text
        cluster.logs.before["pacs-work-1", "work"] = "beside\nno database\n"
        cluster.logs["pacs-work-1", "work"] = "again\n"
        changed(site, "pacs-work-1", restarts=1)
        anew = _("--- {container} was started anew ---").format(container="pacs-work-1/work")
        await person.sees("no database", anew, "again", _("restarts: {count}").format(count=1))
        person.keep("started-anew")
        text = person.text
        assert text.index("no database") < text.index(anew) < text.index("again\n")
        await person.press("p")
        await person.reads(_("what it wrote before it was started anew"), "no database")
        assert "again\n" not in person.text
        await person.press("p")
        await person.sees("again")


async def test_a_cluster_that_is_away_is_told_and_come_back_to(site: Site, spoken: str) -> None:
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"logs-{spoken}")
        await opened_logs(site, person)
        site.world.cluster.reachable = False
        await person.sees("cluster.unreachable", "ready to serve")
        person.keep("away")
        site.world.cluster.reachable = True
        site.world.cluster.logs[POD, "work"] += "still here\n"
        await person.sees("still here")
        assert "cluster.unreachable" not in person.text


async def test_a_release_without_pods_has_no_logs(site: Site, spoken: str) -> None:
    async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(site.screens, pilot, f"logs-{spoken}")
        await person.sees(ZONE, "pacs")
        await person.press("1")
        await person.sees(_("Logs"))
        pod = site.world.cluster.get("v1", "Pod", "pacs", POD)
        assert pod is not None
        site.world.cluster.delete(pod, "pacs")
        await person.press("l")
        await person.sees("logs.no-containers")
        await person.press("enter")
        await person.sees(_("There is nothing to read."))
        person.keep("no-containers")


async def test_logs_of_what_does_not_come_up_are_read_while_it_is_applied(
    site: Site, spoken: str
) -> None:
    plan = site.upgrade().plan(site.appliance)
    changed(site, "pacs-work-1", well=False)
    site.world.cluster.logs["pacs-work-1", "work"] = "no database\n"
    with in_the_middle(site.world) as there:
        async with site.screens.run_test(size=(COLUMNS, LINES)) as pilot:
            person = Person(site.screens, pilot, f"logs-{spoken}")
            await person.sees(ZONE)
            applying = ApplyScreen(ApplyPlan(plan, site.upgrade()))
            site.screens.push_screen(applying)
            await person.sees(_("Stop and put back"))
            assert await asyncio.to_thread(there.wait, 20)
            await person.sees(f"[l] {_('Logs')}")
            person.keep("not-ready")
            await person.press("l")
            await person.sees("no database", "pacs-work-1")
            assert isinstance(site.screens.screen, LogsScreen)
            await person.press("escape")
            await person.sees(_("Stop and put back"))
            await person.press("s")
            await person.sees(_("Let it go on"))
            await person.press("2")
            await person.sees(_("Go on"))


class OneText(App[None]):
    """A running text alone."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def compose(self) -> ComposeResult:
        yield RunningText(self.most)


async def test_of_many_lines_the_newest_are_kept_and_broken_where_they_must() -> None:
    app = OneText(100)
    async with app.run_test(size=(40, 10)) as pilot:
        text = app.query_one(RunningText)
        text.add(f"number {n}" for n in range(10_000))
        await pilot.pause()
        assert [*text.lines] == [f"number {n}" for n in range(9_900, 10_000)]
        assert text.is_vertical_scroll_end
        text.show(["", "word " * 20])
        await pilot.pause()
        assert text.lines[0] == " "
        assert len(text.lines) > 3
        await pilot.resize_terminal(120, 10)
        await pilot.pause()
        assert len(text.lines) == 2


async def test_who_scrolled_up_is_left_there() -> None:
    app = OneText(1000)
    async with app.run_test(size=(40, 10)) as pilot:
        text = app.query_one(RunningText)
        text.show(f"number {n}" for n in range(100))
        while not text.scroll_offset.y:
            await pilot.pause(0.05)
        text.scroll_to(y=20, animate=False)
        await pilot.pause()
        text.add(["more"])
        await pilot.pause()
        assert text.scroll_offset.y == 20
        text.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        text.add(["and more"])
        await pilot.pause()
        assert text.is_vertical_scroll_end
