"""Whatever ends a command, the user gets words and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

from champ_offline.bundle.errors import NoSpace
from champ_offline.errors import Bytes, ChampError, ExitCode
from installer.cli.confirm import confirm
from installer.cli.diagnostics import Guard, Terminated
from installer.cli.errors import ConfirmationDiffers, ConfirmationMissing, ZoneNotNamed
from installer.cli.output import OutputClosed
from tests.architecture.source import ROOT

HANGS = """
import sys, time
from installer.cli import main, session
def screens(zone): return 0
def hang(self):
    print("ready", flush=True)
    time.sleep(60)
session.Session.appliance = hang
sys.exit(main.run(["--zone", ".", *sys.argv[1:], "catalog"], screens))
"""


def ended_by(error: BaseException, *, as_json: bool = False) -> int:
    with Guard(["verify", "x"], as_json=lambda: as_json) as guard:
        raise error
    return guard.exit_code


def test_an_error_is_a_sentence_a_remedy_and_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(ZoneNotNamed()) == ExitCode.USAGE
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "champ: No zone was named."
    assert lines[1].startswith("  Give --zone DIR")
    assert lines[2] == "  [cli.zone-not-named]"


def test_fields_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ended_by(ConfirmationDiffers(given="\x1b[31mred", name="{evil}"))
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "{evil}" in told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (Terminated(), ExitCode.TERMINATED),
        (SystemExit(9), ExitCode.MEDIUM_MISSING),
    ],
)
def test_other_ends(error: BaseException, code: ExitCode) -> None:
    assert ended_by(error) == code


def test_the_unforeseen_is_reported_to_a_private_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert ended_by(ZeroDivisionError("by nought")) == ExitCode.INTERNAL
    told = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert told.count("\n") == 3
    assert str(report) in told.splitlines()[0]
    assert "[cli.internal-error]" in told
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert "ZeroDivisionError: by nought" in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyboardInterrupt(), ("cli.interrupted", 130, "Interrupted.")),
        (click.Abort(), ("cli.interrupted", 130, "Interrupted.")),
        (Terminated(), ("cli.ended", 143, "Ended by a signal.")),
    ],
)
def test_whoever_asked_for_json_gets_every_end_as_json(
    capsys: pytest.CaptureFixture[str], error: BaseException, told: tuple[str, int, str]
) -> None:
    assert ended_by(error, as_json=True) == told[1]
    found = json.loads(capsys.readouterr().err)
    assert (found["event"], found["id"], found["exit_code"], found["message"]) == ("Error", *told)
    assert ended_by(error) == told[1]
    assert capsys.readouterr().err == f"{told[2]}\n"


def test_an_internal_error_is_json_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert ended_by(ZeroDivisionError("by nought"), as_json=True) == ExitCode.INTERNAL
    found = json.loads(capsys.readouterr().err)
    assert (found["id"], found["exit_code"]) == ("cli.internal-error", 1)
    assert Path(found["fields"]["report"]).parent == tmp_path
    assert "ZeroDivisionError" not in json.dumps(found)


def test_json_has_plain_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    room = NoSpace(path="/s", free=Bytes(5 * 10**6), needed=Bytes(10**9), reserve=Bytes(1))
    ended_by(room, as_json=True)
    assert "/s has 5.00 MB free" in json.loads(capsys.readouterr().err)["message"]


def test_a_reader_that_left_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(OutputClosed()) == ExitCode.OK
    assert capsys.readouterr().err == ""


def test_head_does_not_hurt() -> None:
    script = f"{sys.executable} -m installer --help | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "U", "")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_signals_end_with_their_codes(
    number: signal.Signals, code: ExitCode, *, as_json: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, *(["-o", "json"] if as_json else [])],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CHAMP_LANG": "en"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in told
    if as_json:
        assert json.loads(told)["exit_code"] == code


def test_severe_acts_want_exactly_the_name() -> None:
    confirm("{name}?", "orthanc", "orthanc")
    with pytest.raises(ConfirmationDiffers):
        confirm("{name}?", "orthanc", "yes")


def test_without_a_terminal_nobody_is_asked() -> None:
    with pytest.raises(ConfirmationMissing) as caught:
        confirm("{name}?", "orthanc", None)
    assert isinstance(caught.value, ChampError)
    assert caught.value.exit_code == ExitCode.APPROVAL_MISSING
    assert "--confirm orthanc" in caught.value.advice
