"""What a killed lab left is found and removed by its records, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import network, processes, resources
from tests.lab.commands import call
from tests.lab.errors import InUse, LeftBehind
from tests.lab.lab import Lab
from tests.lab.records import Records

ROOT = Path(__file__).parents[3]

# Makes one of each, then dies as by a power cut.
PREDECESSOR = """
import os, signal, subprocess, sys
from pathlib import Path
from tests.lab import cgroups, network, processes
from tests.lab.commands import call
from tests.lab.records import Records
state, name = Path(sys.argv[1]), sys.argv[2]
records = Records(state)
records.made("folder", path=str(state / "data"))
(state / "data").mkdir()
records.made("namespace", name=name)
network.make(name)
records.made("cgroup", name=name)
cgroups.make(name)
records.made("mount", path=str(state / "tree"))
(state / "tree").mkdir()
call("mount", "-t", "tmpfs", "none", state / "tree")
records.made("loop", image=str(state / "image"))
(state / "image").write_bytes(bytes(1 << 20))
call("losetup", "--find", state / "image")
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
plain, _ = processes.start(records, ["sleep", "300"], **quiet)
hidden = "setsid sleep 301 & echo $! > " + str(state / "hidden")
command = [*network.enter(name), "sh", "-c", hidden + "; wait"]
inside, _ = processes.start(records, command, **quiet)
processes.wait_until(lambda: (state / "hidden").exists() and (state / "hidden").read_text(), 5)
(state / "pids").write_text(f"{plain.pid} {inside.pid}")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[list[int]]:
    """The ids of the processes that a killed lab in `tmp_path` left."""
    name = f"champ-test-{os.getpid()}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PREDECESSOR, str(tmp_path), name]
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        yield [*pids, int((tmp_path / "hidden").read_text())]
    finally:
        Lab.clean(tmp_path)


def test_everything_it_left_goes(tmp_path: Path, killed: list[int]) -> None:
    name = f"champ-test-{os.getpid()}"
    assert all(processes.start_time(pid) for pid in killed)
    assert network.is_namespace(name)
    assert resources.loop_devices(tmp_path / "image")
    Lab.clean(tmp_path)
    assert not any(processes.start_time(pid) for pid in killed)
    assert not (network.FOLDER / name).exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{name}"))
    assert str(tmp_path / "tree") not in resources.mount_points()
    assert resources.loop_devices(tmp_path / "image") == []
    assert not (tmp_path / "data").exists()
    assert Records(tmp_path).outstanding() == []


def test_cleaning_twice_is_cleaning_once(tmp_path: Path, killed: list[int]) -> None:
    Lab.clean(tmp_path)
    Lab.clean(tmp_path)
    assert Records(tmp_path).outstanding() == []


def test_a_process_with_a_number_used_again_is_spared(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        Records(tmp_path).made("process", pid=bystander.pid, started=1)
        Lab.clean(tmp_path)
        assert bystander.poll() is None
        bystander.kill()


def test_the_records_of_a_living_lab_are_not_touched(tmp_path: Path) -> None:
    holder = "import sys, pathlib, tests.lab.lab as lab; x = lab._Lock(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", f"{holder}; print('held', flush=True); sys.stdin.read()",
               str(tmp_path)]  # fmt: skip
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as living:  # fmt: skip
        assert living.stdout is not None
        assert living.stdout.readline() == "held\n"
        with pytest.raises(InUse):
            Lab.clean(tmp_path)
        living.kill()
    Lab.clean(tmp_path)


def test_a_folder_that_never_was_is_clean(tmp_path: Path) -> None:
    Lab.clean(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_what_cannot_be_removed_keeps_its_record(tmp_path: Path) -> None:
    records = Records(tmp_path)
    (tmp_path / "stuck").mkdir()
    call("mount", "-t", "tmpfs", "none", tmp_path / "stuck")
    record = records.made("folder", path=str(tmp_path / "stuck"))
    try:
        with pytest.raises(LeftBehind, match="stuck"):
            resources.remove_all(records)
        assert records.outstanding() == [record]
    finally:
        call("umount", tmp_path / "stuck")
    resources.remove_all(records)
    assert records.outstanding() == []
