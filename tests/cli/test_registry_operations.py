"""docs/registry-operations.md, command by command; the units that `champ registry unit` makes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ

PAGE = (ROOT / "docs" / "registry-operations.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
SERVICE, SOCKET = "champ-registry.service", "champ-registry.socket"


def lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    done = champ(tmp_path, ["trust", "init", "shared", "--holder", "Anna", "--unencrypted"])
    assert done.returncode == 0, done.stderr
    shutil.copy(tmp_path / "shared" / "root.json", tmp_path)
    return tmp_path


def test_the_page_goes_as_it_is_written(folder: Path) -> None:
    for line in lines():
        done = champ(folder, shlex.split(line, comments=True)[1:])
        expected = REFUSED.search(line)
        if expected is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode == 2, line
            assert f"[{expected.group(1)}]" in done.stderr, line
    units = sorted((folder / "units").iterdir())
    assert [unit.name for unit in units] == [SERVICE, SOCKET]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "champ-registry" not in done.stdout + done.stderr
    assert done.returncode == 0


def test_a_unit_says_what_was_asked(folder: Path) -> None:
    made = ["--zone", "zone", "zone", "init", "--name", "core", "--root", "root.json"]
    assert champ(folder, made).returncode == 0
    options = [
        "--host", "::1", "--port", "6000", "--name", "a b", "--drain", "30", "--no-hand-over",
        "--log", "logs/registry.log", "--log-count", "3", "--user", "champ",
    ]  # fmt: skip
    shown = champ(folder, ["--zone", "zone", "registry", "unit", *options, "--json"])
    assert shown.returncode == 0, shown.stderr
    units = json.loads(shown.stdout)
    assert sorted(units) == [SERVICE, SOCKET]
    start = next(line for line in units[SERVICE].splitlines() if line.startswith("ExecStart="))
    words = shlex.split(start.removeprefix("ExecStart="))
    assert words[words.index("--zone") :] == [
        "--zone", str(folder / "zone"), "registry", "serve", "--host", "::1", "--port", "6000",
        "--name", "a b", "--drain", "30", "--no-hand-over",
        "--log", str(folder / "logs" / "registry.log"), "--log-size", "64", "--log-count", "3",
    ]  # fmt: skip
    assert f"ReadWritePaths={folder}/zone {folder}/logs\n" in units[SERVICE]
    assert "User=champ\n" in units[SERVICE]
    assert "TimeoutStopSec=60\n" in units[SERVICE]
    assert "ListenStream=[::1]:6000\n" in units[SOCKET]
    helped = champ(folder, [*words[3 : words.index("--host")], "--help"])
    assert helped.returncode == 0
