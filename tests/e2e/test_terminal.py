"""The installed program in a real terminal against the real cluster: the journey by keys.

Built on the zone of tests/e2e/test_bare_zones.py, whose own release is gone by then; without it,
the zone is made here.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from champ_offline.paths import ZonePaths
from installer import language
from installer.language import translate as _
from installer.words import word
from tests.e2e.bare_ground import BareGround
from tests.e2e.bare_zones import INSTALLED
from tests.e2e.commands import PROJECT
from tests.e2e.ground import LabGround
from tests.e2e.journey import NEWER, OLDER, PACKED, STEPS, Journey
from tests.e2e.terminal import Terminal

UP = 8
SETTLED = 240.0


@dataclass
class Wanted:
    """One language's release."""

    language: str
    release: str
    dicom_port: int
    http_port: int


WANTED = (Wanted("en", "pacs-en", 31243, 31843), Wanted("zh", "pacs-zh", 31244, 31844))


@pytest.fixture(scope="module")
def zone(installed: Journey) -> Journey:
    """The journey with both bundles imported, and its cluster up."""
    if not (installed.build / "kubeconfig").exists():
        for _title, step in STEPS[PACKED:UP]:
            step(installed)
    shelf = installed.stick.plug() / "champ"
    installed.zone("import", shelf / f"orthanc-{NEWER}")
    reclaim(installed)
    return installed


@pytest.fixture(params=WANTED, ids=lambda wanted: wanted.language)
def wanted(request: pytest.FixtureRequest) -> Iterator[Wanted]:
    language.activate(request.param.language)
    yield request.param
    language.activate("en")


def test_the_journey_by_keys(zone: Journey, wanted: Wanted, tmp_path: Path) -> None:
    assert isinstance(zone.ground, BareGround)
    extra = {
        "CHAMP_LANG": wanted.language,
        "KUBECONFIG": str(zone.ground.kubeconfig),
        "NO_COLOR": "1",
        "TERM": "xterm",
    }
    words = zone.ground.on_host([*INSTALLED, "--zone", zone.zone_folder], extra)
    start = tmp_path / "start.sh"
    start.write_text(f"exec {shlex.join(zone.ground.enter(words))}\n")
    folder = PROJECT / "build" / "screens" / f"tmux-{wanted.language}"
    with Terminal(wanted.language, ["sh", str(start)], {}, folder) as terminal:
        find_the_stick(terminal)
        choose_the_app(terminal, wanted)
        fill_in(terminal, wanted)
        apply(terminal, wanted, "install")
        upgrade(terminal, wanted)
        roll_back(terminal, wanted)
        repeat_by_command(zone, wanted)
        remove(terminal, wanted)
        leave(terminal)
    reclaim(zone)


def reclaim(zone: Journey) -> None:
    """Offer the volumes of removed releases anew; the node has a handful of them."""
    assert isinstance(zone.ground, LabGround)
    zone.ground.reclaim()


def find_the_stick(terminal: Terminal) -> None:
    terminal.sees(_("Overview"), f"orthanc {NEWER}")
    terminal.keep("overview")
    terminal.press("i")
    choose_the_bundle(terminal, "1")
    terminal.sees(_("This did not work"), "trust.replayed")
    terminal.keep("replayed")
    terminal.press("Enter")
    terminal.sees(_("This bundle is refused. Nothing was changed."))
    terminal.press("Escape")
    choose_the_bundle(terminal, "2")
    terminal.sees("release engineering", _("nothing; the zone holds all of it"), f"orthanc {NEWER}")
    terminal.keep("bundle")
    terminal.press("i")
    held = _("The zone already holds {bundle} {version}. Nothing was changed.")
    terminal.sees(held.format(bundle="orthanc", version=NEWER))
    terminal.keep("imported")
    terminal.press("c")


def choose_the_bundle(terminal: Terminal, key: str) -> None:
    terminal.sees(f"orthanc-{OLDER}", f"orthanc-{NEWER}")
    terminal.keep("media")
    terminal.press(key)


def choose_the_app(terminal: Terminal, wanted: Wanted) -> None:
    terminal.sees(_("Which app shall be installed?"), "DICOM")
    terminal.keep("catalog")
    terminal.press("2")
    terminal.sees(f"orthanc {OLDER}", _("No release runs it."))
    terminal.keep("app")
    terminal.press("Enter")
    terminal.sees(_("Release name"), f"orthanc {OLDER}")
    terminal.clear_line()
    terminal.type(wanted.release)
    terminal.keep("target")
    terminal.press("F2")


def fill_in(terminal: Terminal, wanted: Wanted) -> None:
    terminal.sees(_("Go on to the plan"), "[ORTHANC")
    terminal.keep("form")
    for _field in ("name", "encoding", "users", "dicomNodePort"):
        terminal.press("Tab")
    terminal.type("80")
    terminal.sees("30000", "32767", "! ")
    terminal.keep("form-problem")
    terminal.clear_line()
    terminal.type(str(wanted.dicom_port))
    terminal.press("Tab")
    terminal.type(str(wanted.http_port))
    terminal.press("Tab", "Tab", "Tab")
    for size in ("1Gi", "1Gi"):
        terminal.clear_line()
        terminal.type(size)
        terminal.press("Tab")
    terminal.sees(str(wanted.http_port))
    terminal.keep("form-done")
    terminal.press("F2")


def apply(terminal: Terminal, wanted: Wanted, operation: str) -> None:
    terminal.sees("sha256:", wanted.release, f"[a] {_('Apply')}", seconds=60)
    terminal.keep(f"plan-{operation}")
    terminal.press("a")
    terminal.sees(_("Type the release name to confirm:"))
    terminal.type(wanted.release)
    terminal.press("Enter")
    terminal.sees(_("Time so far: {time}").partition("{")[0])
    terminal.keep(f"applying-{operation}")
    terminal.sees(f"[Enter] {_('Go on')}", word(operation), seconds=SETTLED)
    shown = terminal.keep(f"applied-{operation}")
    assert _("This did not work") not in shown
    assert word("removed" if operation == "remove" else "deployed") in shown
    terminal.press("Enter")


def upgrade(terminal: Terminal, wanted: Wanted) -> None:
    terminal.sees(_("History, the newest first:"), word("healthy"), f"orthanc {OLDER}")
    terminal.keep("release")
    terminal.press("u")
    terminal.sees(NEWER, OLDER, _("TITLE"))
    terminal.press("1")
    terminal.sees(f"orthanc {NEWER}", wanted.release)
    terminal.press("Enter")
    terminal.sees(_("Kubeconfig file"), f"orthanc {NEWER}")
    terminal.press("F2")
    terminal.sees(_("keep its present answers"))
    terminal.keep("keep-answers")
    terminal.press("1")
    apply(terminal, wanted, "upgrade")


def roll_back(terminal: Terminal, wanted: Wanted) -> None:
    terminal.sees(_("History, the newest first:"), word("healthy"), f"orthanc {NEWER}")
    terminal.press("Down", "b")
    apply(terminal, wanted, "rollback")


def repeat_by_command(zone: Journey, wanted: Wanted) -> None:
    """The answers file that was left gives the command line the release as it is."""
    answers = ZonePaths(zone.zone_folder).answers(wanted.release, wanted.release)
    written = yaml.safe_load(answers.read_text(encoding="utf-8"))
    assert written["dicomNodePort"] == wanted.dicom_port
    assert written["imageStorage"] == "1Gi"
    plan = zone.zone.json(
        "plan", "orthanc", "--version", OLDER, "--release", wanted.release, "--answers", answers,
        "--kubeconfig", zone.ground.kubeconfig,
    )  # fmt: skip
    changes = [a for a in plan["actions"] if a["change"] != "unchanged" and not a["hook"]]
    assert changes == []


def remove(terminal: Terminal, wanted: Wanted) -> None:
    terminal.sees(_("History, the newest first:"), word("healthy"), f"orthanc {OLDER}")
    terminal.keep("history")
    terminal.press("x")
    apply(terminal, wanted, "remove")
    terminal.sees(_("Releases: {count}").format(count=0))
    terminal.keep("overview-end")


def leave(terminal: Terminal) -> None:
    terminal.press("C-q")
    terminal.sees("ended with 0")
    terminal.type("echo back")
    terminal.press("Enter")
    terminal.sees("back")
