"""Why something does not come up, in its place on the screens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from champ_offline.cluster.causes.words import CrashLoop
from champ_offline.events import Cause, ObjectState, StepStarted, ignore
from champ_offline.release.hiding import HIDDEN
from champ_offline.release.records.vault import Vault
from champ_offline.release.status import Health
from installer.tui.screens.release import facts
from installer.tui.widgets.progress import ProgressView
from tests.tui.conftest import Opened
from tests.tui.sample_app import Media
from tests.tui.simulated import SimulatedAppliance, World
from tests.unit.cluster.documents import ended, waiting

LINES = tuple(f"line {number}" for number in range(8))
ERROR = CrashLoop(
    kind="Pod", name="greeter-work-0", container="work", code=3, restarts=2, said="no database"
)
CAUSE = Cause(ERROR, "Pod", "greeter-work-0", log=LINES)


class OneView(App[None]):
    """A progress view alone."""

    def compose(self) -> ComposeResult:
        yield ProgressView()


async def shown(*events: Cause | ObjectState | StepStarted) -> list[str]:
    app = OneView()
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.query_one(ProgressView)
        for event in events:
            view.take(event, time.monotonic())
        await pilot.pause()
        return str(view.content).splitlines()


async def test_a_cause_stands_above_the_objects_with_the_last_lines_of_the_log() -> None:
    state = ObjectState("Pod", "greeter-work-0", ready=False, reason="work: CrashLoopBackOff")
    lines = await shown(StepStarted("install", "greeter"), state, CAUSE)
    [first] = [number for number, line in enumerate(lines) if line.startswith("! Pod greeter")]
    told = " ".join(" ".join(lines[first : first + 3]).split())
    assert "ended with exit code 3, restarts: 2; its last words: no database." in told
    assert [line.strip() for line in lines if "| line" in line] == [
        f"| {one}" for one in LINES[-5:]
    ]
    assert lines.index("    | line 7") < lines.index("Objects ready: 0 of 1")
    assert all(len(line) <= 80 for line in lines)


async def test_a_cause_that_is_over_is_gone() -> None:
    lines = await shown(StepStarted("install", "greeter"), CAUSE, replace(CAUSE, over=True))
    assert not [line for line in lines if "greeter-work-0" in line]


async def test_of_a_thousand_objects_those_that_are_not_ready_come_first() -> None:
    states = [ObjectState("Pod", f"pod-{n}", ready=n % 100 != 99, reason="") for n in range(1000)]
    causes = [replace(CAUSE, name=f"greeter-work-{n}", log=()) for n in range(30)]
    lines = await shown(StepStarted("apply", "site"), *states, *causes)
    pods = [line for line in lines if "Pod pod-" in line]
    assert "Objects ready: 990 of 1000" in lines
    assert [line.strip()[0] for line in pods] == ["-"] * 10 + ["+"] * 40
    assert [line for line in lines if "more" in line] == ["  20 more", "  950 more"]
    assert len(lines) < 120


@pytest.fixture
def running(opened: Opened, media: Media, tmp_path: Path) -> Callable[[], SimulatedAppliance]:
    """A zone that runs the app on a simulated cluster."""

    def make() -> SimulatedAppliance:
        screens = opened(media.stick, World())
        appliance = screens.desk.appliance()
        assert isinstance(appliance, SimulatedAppliance)
        appliance.import_media([media.stick / "champ/greeter-1.0"], ignore)
        answers = tmp_path / "answers.yaml"
        answers.write_text("site: Harbour\nusers: [{name: admin, password: correct-horse-1}]\n")
        where = ("greeter", "1.0", "greeter", "greeter", answers, tmp_path / "kubeconfig")
        appliance.releases.apply(appliance.releases.plan_install(*where), where[-1], ignore)
        return appliance

    return make


def test_the_status_of_a_release_says_why_it_is_troubled(
    running: Callable[[], SimulatedAppliance], tmp_path: Path
) -> None:
    appliance = running()
    cluster, kubeconfig = appliance.world.cluster, tmp_path / "kubeconfig"
    [well] = appliance.releases.status("greeter", None, kubeconfig)
    assert (well.health, well.causes) == (Health.HEALTHY, ())
    pod = cluster.get("v1", "Pod", "greeter", "greeter-work-0")
    secret = cluster.get("v1", "Secret", "greeter", "greeter-secret")
    assert pod is not None
    assert secret is not None
    cluster.delete(pod, "greeter")
    crashed = waiting("CrashLoopBackOff", "", 2, **ended(3))
    crashed["containerStatuses"][0]["name"] = "work"
    cluster.apply({**pod, "status": {"phase": "Running", **crashed}}, "greeter")
    inputs = appliance.releases.history("greeter", "greeter")[-1].inputs
    assert inputs is not None
    password = Vault(appliance._database, str).inputs(inputs).answers["databasePassword"]
    cluster.logs["greeter-work-0", "work"] = f"no login with {password}\n"
    [found] = appliance.releases.status("greeter", None, kubeconfig)
    [cause] = found.causes
    assert (found.health, cause.error.id) == (Health.TROUBLED, "cause.crash-loop")
    assert cause.log == (f"no login with {HIDDEN}",)
    assert "! Pod greeter-work-0: container work ended with exit code 3" in facts(found, "greeter")
