"""The settings: the person's own ones are kept and followed, those of the zone recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.journal.acts import Act
from champ_offline.release.records.retention import Retention
from installer import language, look, own_settings
from installer.decided import DecidedBy
from installer.language import translate as _
from installer.look import Look
from installer.own_settings import OwnSettings
from installer.tui.app import Screens
from installer.tui.preparing import prepare
from installer.tui.screens.settings import SettingsScreen
from tests.simulators.cluster import SimulatedCluster
from tests.tui.sample_app import ZONE
from tests.tui.scenes import settled
from tests.tui.screen import COLUMNS, LINES, Person
from tests.tui.simulated import World


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the person's settings are kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in language.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
    yield tmp_path / "config" / "champ-offline" / "settings.json"
    language.activate("en")


def screens(zone: Path) -> Screens:
    return Screens(World().desk(zone, None, None))


async def opened(person: Person) -> None:
    await person.sees(ZONE)
    await person.press("s")
    await person.sees(_("Everybody may, in the registry"))


async def test_the_language_is_kept_and_spoken_at_once(zone: Path, own: Path, spoken: str) -> None:
    other, number = {"en": ("zh", "3"), "zh": ("en", "2")}[spoken]
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        person.keep("settings")
        before = _("Everybody may, in the registry")
        await person.press("1")
        await person.sees(_("as the system's locale says"), "English", "中文")
        person.keep("language")
        await person.press(number)
        for _attempt in range(200):
            if language.active() == other:
                break
            await pilot.pause(0.05)
        await person.sees(_("Everybody may, in the registry"), _("your setting"))
        assert before not in person.text
        assert isinstance(app.screen, SettingsScreen)
        assert json.loads(own.read_text()) == {"format": 1, "language": other}
        assert own.stat().st_mode & 0o777 == 0o600
        await person.press("1", "1")
        await person.sees("Language", "built in")
    assert (language.active(), language.decided_by()) == ("en", DecidedBy.DEFAULT)
    assert json.loads(own.read_text()) == {"format": 1}


async def test_the_look_is_kept_and_drawn_as_far_as_the_terminal_can(
    zone: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, "settings-look")
        await opened(person)
        await person.press("2", "3")
        await person.sees("all characters", "your setting")
        assert look.active() is Look.RICH
        assert "─" in person.text
        monkeypatch.setenv("TERM", "linux")
        await person.press("2", "3")
        await person.sees("plain characters", "terminal")
        person.keep("look")
        assert look.active() is Look.ASCII
    assert json.loads(own.read_text())["look"] == "rich"


async def test_what_cannot_be_kept_holds_until_the_end_and_is_told(
    zone: Path, own: Path, tmp_path: Path, spoken: str
) -> None:
    (tmp_path / "config").write_text("a file")
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.press("1", "3")
        await person.sees("settings.not-kept")
        person.keep("not-kept")
        await person.press("enter")
        await person.sees("每个部署保留的备份数")
    assert not own.exists()


async def test_settings_that_are_damaged_are_told_and_stop_nothing(
    zone: Path, own: Path, spoken: str
) -> None:
    own.parent.mkdir(parents=True)
    own.write_text('{"format": 1, "language": "de"}')
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.reads("[settings.unreadable]", "en, zh")
        person.keep("damaged")
        await person.press("1", "2" if spoken == "en" else "3")
        await person.sees(_("your setting"))
        assert "settings.unreadable" not in person.text


async def test_what_is_kept_of_the_past_is_changed_and_recorded(zone: Path, spoken: str) -> None:
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.press("4")
        await person.sees(_("How many whole backups of each release's data are kept?"))
        await person.press("backspace")
        await person.type("0")
        await person.press("enter")
        await person.sees(_("A whole number from 1 to {most}, please.").format(most=1000))
        person.keep("retention")
        await person.press("backspace")
        await person.type("7")
        await person.press("enter")
        appliance = Appliance.open(zone)
        for _attempt in range(200):
            if appliance.upkeep.records.retained:
                break
            await pilot.pause(0.05)
        await settled(person)
        person.keep("retained")
    assert appliance.upkeep.records.retention() == Retention(10, 7)
    row = appliance.audit.last(Act.RETENTION)
    assert row is not None
    assert json.loads(row.detail) == {"revisions": 10, "backups": 7}


async def test_a_cluster_is_added_by_its_file_minded_and_let_go_of(
    zone: Path, tmp_path: Path, spoken: str
) -> None:
    kubeconfig = tmp_path / "main.conf"
    kubeconfig.write_text("{}")
    kubeconfig.chmod(0o644)
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.press("n")
        await person.sees(_("What shall the cluster be called here, for example main?"))
        await person.press("enter")
        await person.sees(_("An empty text names nothing."))
        await person.type("main")
        await person.press("enter")
        await person.sees("main", "kubeconfig")
        await person.type(str(kubeconfig))
        person.keep("kubeconfig")
        await person.press("enter")
        await person.sees("cluster.kubeconfig-open")
        await person.press("enter")
        await person.sees(World().cluster.address)
        await person.press(*["down"] * 5)
        await person.sees(_("Let go of the cluster's name"), "champ cluster remove main")
        person.keep("cluster")
        await person.press("enter")
        await person.sees("chmod 600")
        await person.press("escape", "x")
        await person.sees(_("Keep it"))
        await person.press("2")
        await person.sees(_("Clusters"))
        for _attempt in range(100):
            await pilot.pause(0.05)
            if World().cluster.address not in person.text:
                break
        assert _("Let go of the cluster's name") not in person.text
    acts = [row.act for row in Appliance.open(zone).audit.rows()][-2:]
    assert acts == [Act.CLUSTER_ADD, Act.CLUSTER_REMOVE]
    assert Appliance.open(zone).settings().clusters == ()


async def test_a_name_that_another_cluster_has_is_refused_as_by_the_verb(
    zone: Path, spoken: str
) -> None:
    clusters = Appliance.open(zone).releases.clusters
    clusters.add("main", SimulatedCluster(9), Path("/srv/main.conf"), "bo")
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.press("5")
        await person.type("main")
        await person.press("enter")
        await person.type("/srv/other.conf")
        await person.press("enter")
        await person.sees("cluster.name-taken")
    assert [one.name for one in clusters.all()] == ["main"]


async def test_the_rest_leads_to_where_it_is_changed(zone: Path, spoken: str) -> None:
    app = screens(zone)
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        person = Person(app, pilot, f"settings-{spoken}")
        await opened(person)
        await person.press("6")
        await person.sees(_("Clients"))
        await person.press("escape", "8")
        await person.sees(_("No run changed anything in this zone yet."), "champ policy check FILE")
        person.keep("policy")


@pytest.mark.parametrize(
    ("own_language", "answered", "spoken_then"), [("zh", True, "zh"), ("zh", False, "en")]
)
def test_a_bare_terminal_is_asked_about_what_was_set(
    own_language: str, answered: bool, spoken_then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look.activate(None)
    asked = []

    def ask(*_streams: object) -> bool:
        asked.append(True)
        return answered

    monkeypatch.setattr("installer.tui.preparing.wants_chinese", ask)
    monkeypatch.setattr("installer.tui.preparing._columns", lambda: 6)
    environ = {"TERM": "linux", "LC_CTYPE": "C.UTF-8"}
    monkeypatch.setenv("TERM", "linux")
    own_settings.follow(OwnSettings(own_language))
    assert language.active() == "en"  # what verbs speak there
    prepare(environ, OwnSettings(own_language))
    assert (asked, language.active()) == ([True], spoken_then)
    assert language.decided_by() is DecidedBy.ANSWER
    assert look.active() is Look.ASCII


def test_what_was_said_in_this_session_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = OwnSettings("zh", Look.RICH)
    monkeypatch.setenv("CHAMP_LANG", "en")
    look.activate(Look.ASCII, DecidedBy.OPTION)
    own_settings.follow(chosen)
    prepare({"TERM": "xterm"}, chosen)
    assert (language.active(), look.active()) == ("en", Look.ASCII)
    own_settings.follow(chosen, "zh")
    assert (language.active(), language.decided_by()) == ("zh", DecidedBy.OPTION)
