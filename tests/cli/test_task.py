"""What takes long is followed, left, stopped and cut off, each in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.cli.command import champ
from tests.cli.test_way_of_a_bundle import Site

PATIENCE = 30.0


class Slot(Site):
    """A zone, and a place for media with all of a bundle but its volume: an import waits there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        keys = str(folder / "keys")
        self.gives("trust", "init", keys, "--holder", "Team", "--unencrypted")
        self.gives("lock", str(self.recipe))
        self.gives("pack", str(self.recipe), "--signing", keys, "--out", str(self.stick))
        self.zone("zone", "init", "--name", "core", "--root", str(self.root))
        self.slot = folder / "slot"
        shutil.copytree(
            self.stick, self.slot, ignore=lambda _at, names: [n for n in names if ".tar" in n]
        )
        self.where = ("--zone", str(folder / "zone"))

    def fill(self) -> None:
        """Plug in what is missing."""
        for volume in self.stick.rglob("*.tar"):
            shutil.copy(volume, self.slot / volume.relative_to(self.stick))

    def begin(self) -> int:
        """Start an import that waits for its volume, as a task; gives its number."""
        started = champ(*self.where, "--json", "task", "start", "import", str(self.slot), "--wait")
        assert started.returncode == 0, started.stderr
        number: int = json.loads(started.stdout)["number"]
        self.until(lambda: sum("process" in line for line in self.lines(number)) == 2)
        return number

    def lines(self, number: int) -> list[dict[str, Any]]:
        path = self.folder / "zone" / "tasks" / f"{number:06}.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def process(self, number: int) -> int:
        pid: int = [one["process"]["pid"] for one in self.lines(number) if "process" in one][-1]
        return pid

    def until(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def task(self, number: int) -> dict[str, Any]:
        rows = self.gives(*self.where, "task", "list")
        found: dict[str, Any] = next(row for row in rows if row["number"] == number)
        return found

    def bundles(self) -> list[str]:
        shown = self.gives(*self.where, "zone", "show")
        return [one["document"]["name"] for one in shown["bundles"]]


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    made = Slot(tmp_path)
    yield made
    if not (made.folder / "zone" / "tasks").is_dir():
        return
    for task in made.gives(*made.where, "task", "list"):
        if task["state"] == "at work":
            os.kill(made.process(task["number"]), signal.SIGKILL)


def following(slot: Slot, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "installer", *slot.where, "task", "follow", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_task_outlives_who_began_it_and_is_followed_from_elsewhere(slot: Slot) -> None:
    number = slot.begin()
    assert slot.task(number)["state"] == "at work"
    assert slot.task(number)["words"] == ["import", str(slot.slot), "--wait"]
    with following(slot, "--json", "--progress", "ndjson") as follower:
        assert follower.stderr is not None
        assert follower.stdout is not None
        assert f"Task {number}, begun" in follower.stderr.readline()
        slot.fill()
        result = json.loads(follower.stdout.read())
        said = follower.stderr.read()
    assert follower.returncode == 0, said
    assert (result["bundle"], result["changed"]) == ("demo", True)
    told = [json.loads(line)["event"] for line in said.splitlines()]
    assert "StepFinished" in told
    assert slot.bundles() == ["demo"]
    ended = slot.task(number)
    assert (ended["state"], ended["exit_code"], ended["error"]) == ("ended", 0, None)


def test_the_command_of_a_person_is_a_task_too_and_its_error_is_said_in_the_readers_language(
    slot: Slot,
) -> None:
    done = champ(*slot.where, "import", str(slot.slot), LANG="en_US.UTF-8")
    assert done.returncode == 9, done.stderr
    followed = champ(*slot.where, "task", "follow", "1", CHAMP_LANG="zh")
    assert followed.returncode == 9
    assert "任务 1" in followed.stderr
    assert "[media.volume-missing]" in followed.stderr
    assert "缺少" in followed.stderr or "卷" in followed.stderr
    slot.fill()
    done = champ(*slot.where, "import", str(slot.slot))
    assert done.returncode == 0
    followed = champ(*slot.where, "task", "follow", "--json")
    assert followed.returncode == 0
    assert json.loads(followed.stdout)["bundle"] == "demo"


def test_a_stop_ends_it_as_an_interrupt_does(slot: Slot) -> None:
    number = slot.begin()
    stopped = champ(*slot.where, "task", "stop", str(number))
    assert stopped.returncode == 0, stopped.stderr
    followed = champ(*slot.where, "task", "follow", str(number))
    assert followed.returncode == 130
    assert slot.task(number)["exit_code"] == 130
    assert slot.bundles() == []
    again = champ(*slot.where, "task", "stop", str(number))
    assert again.returncode == 14
    assert "[task.over]" in again.stderr


def test_a_kill_is_seen_by_whoever_looks(slot: Slot) -> None:
    number = slot.begin()
    with following(slot) as follower:
        assert follower.stderr is not None
        follower.stderr.readline()
        os.kill(slot.process(number), signal.SIGKILL)
        said = follower.stderr.read()
    assert follower.returncode == 130
    assert "[task.cut-off]" in said
    assert slot.task(number)["state"] == "cut off"
    slot.fill()
    assert champ(*slot.where, "import", str(slot.slot)).returncode == 0


def test_a_connection_that_breaks_ends_the_looking_and_not_the_import(slot: Slot) -> None:
    """As sshd does it: the terminal hangs up, the shell's process group hears SIGHUP."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        words = [*slot.where, "import", str(slot.slot), "--wait"]
        os.execv(sys.executable, [sys.executable, "-m", "installer", *words])  # noqa: S606
    slot.until(lambda: b"Waiting" in os.read(terminal, 65536))
    os.close(terminal)
    time.sleep(0.5)
    slot.fill()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert slot.bundles() == ["demo"]
    assert slot.task(1)["exit_code"] == 0


def test_a_number_that_is_none_is_said(slot: Slot) -> None:
    refused = champ(*slot.where, "task", "follow", "99")
    assert refused.returncode == 14
    assert "[task.unknown]" in refused.stderr


def test_without_a_task_there_is_nothing_to_follow(slot: Slot) -> None:
    refused = champ(*slot.where, "task", "follow")
    assert refused.returncode == 14
    assert "[task.none]" in refused.stderr
    assert champ(*slot.where, "task", "list", "--json").stdout == "[]\n"


def test_where_no_task_can_be_kept_the_import_goes_on(slot: Slot) -> None:
    (slot.folder / "zone" / "tasks").write_text("in the way")
    slot.fill()
    done = champ(*slot.where, "import", str(slot.slot))
    assert done.returncode == 0, done.stderr
    assert "cannot be followed from elsewhere" in done.stderr
    assert slot.bundles() == ["demo"]
    started = champ(*slot.where, "task", "start", "import", str(slot.slot))
    assert "[task.not-started]" in started.stderr
    assert started.returncode == 4


def test_what_is_no_command_is_a_task_that_ended_so(slot: Slot) -> None:
    started = champ(*slot.where, "--json", "task", "start", "imprt")
    number = json.loads(started.stdout)["number"]
    followed = champ(*slot.where, "task", "follow", str(number))
    assert followed.returncode == 2, followed.stderr
    assert "imprt" in followed.stderr
