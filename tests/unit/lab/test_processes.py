"""Recorded processes: nothing runs before its record, and only the recorded one is ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import processes, resources
from tests.lab.records import Record, Records

# What a process has open beyond its three channels and the folder it lists.
LINKS = (
    "import os; from pathlib import Path; "
    "links = [str(f.readlink()) for f in Path('/proc/self/fd').iterdir()"
    " if int(f.name) > 2 and os.path.lexists(f)]"
)


def test_the_record_names_the_process_that_runs(tmp_path: Path) -> None:
    records = Records(tmp_path)
    process, record = processes.start(records, ["sleep", "60"])
    assert record.integer("pid") == process.pid
    assert record.integer("started") == processes.start_time(process.pid)
    assert records.outstanding() == [record]
    resources.remove_all(records)
    assert process.returncode == -9
    assert processes.start_time(process.pid) is None


def test_the_gate_stays_shut_when_the_starter_dies(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    command = ["bash", "-c", processes.GATE, "gate", str(reader), "touch", str(tmp_path / "ran")]
    with subprocess.Popen(command, pass_fds=(reader,)) as gate:
        os.close(reader)
        os.close(writer)
        assert gate.wait(10) == 125
    assert not (tmp_path / "ran").exists()


def test_a_command_sees_no_gate_and_no_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    look = f"{LINKS}; print('HTTPS_PROXY' in os.environ, links)"
    process, record = processes.start(
        Records(tmp_path), [sys.executable, "-c", look], stdout=subprocess.PIPE
    )
    output, _ = process.communicate(timeout=20)
    processes.ended(Records(tmp_path), record)
    assert output.startswith("False")
    assert "pipe:" not in output


def test_a_process_that_only_has_the_same_number_lives_on(tmp_path: Path) -> None:
    process, record = processes.start(Records(tmp_path), ["sleep", "60"])
    facts = {"pid": process.pid, "started": record.integer("started") - 1}
    processes.end(Record(99, "process", facts))
    assert process.poll() is None
    processes.end(record)


def test_its_children_end_with_it(tmp_path: Path) -> None:
    script = "sleep 61 & echo $!; wait"
    process, record = processes.start(
        Records(tmp_path), ["sh", "-c", script], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert processes.start_time(child) is not None
    processes.end(record)
    assert processes.wait_until(lambda: processes.start_time(child) is None, 5)
    process.stdout.close()


def test_who_is_asked_may_take_leave(tmp_path: Path) -> None:
    script = f"trap 'touch {tmp_path}/said; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    process, record = processes.start(
        Records(tmp_path), ["bash", "-c", script], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    processes.end(record, grace=5)
    assert (tmp_path / "said").exists()
    process.stdout.close()


def test_start_time_tells_this_process_from_none() -> None:
    assert processes.start_time(os.getpid())
    assert processes.start_time(2**22 + 1) is None
