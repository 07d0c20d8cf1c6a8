"""docs/registry-operations.md, command by command; the units that `champ registry unit` makes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.registry.pki import ensure_certificates
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
        "--host", "::1", "--port", "6000", "--name", "ab", "--drain", "30", "--no-hand-over",
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
        "--name", "ab", "--drain", "30", "--no-hand-over",
        "--log", str(folder / "logs" / "registry.log"), "--log-size", "64", "--log-count", "3",
    ]  # fmt: skip
    assert f"ReadWritePaths={folder}/zone {folder}/logs\n" in units[SERVICE]
    assert "User=champ\n" in units[SERVICE]
    assert "TimeoutStopSec=60\n" in units[SERVICE]
    assert "ListenStream=[::1]:6000\n" in units[SOCKET]
    helped = champ(folder, [*words[3 : words.index("--host")], "--help"])
    assert helped.returncode == 0


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield str(other.getsockname()[1])


def test_a_start_that_fails_leaves_the_certificate(folder: Path, taken: str) -> None:
    made = ["--zone", "zone", "zone", "init", "--name", "core", "--root", "root.json"]
    assert champ(folder, made).returncode == 0
    pki = folder / "zone" / "pki"
    ensure_certificates(pki, ["registry.zone", "10.0.0.5"], now_utc())
    before = {path.name: path.read_bytes() for path in pki.iterdir()}
    for options, code, error in (
        (["--port", taken], 4, "registry.cannot-listen"),
        (["--host", "192.0.2.7", "--port", "5999"], 4, "registry.cannot-listen"),
        (["--host", "no-such-host.invalid"], 4, "registry.cannot-listen"),
        (["--host", "0.0.0.0", "--port", "5999"], 2, "registry.names-missing"),  # noqa: S104
        (["--host", "::", "--port", "5999"], 2, "registry.names-missing"),
        (["--name", "a b", "--port", "5999"], 2, "registry.invalid-host"),
    ):
        done = champ(folder, ["--zone", "zone", "registry", "serve", *options])
        assert done.returncode == code, done.stderr
        assert f"[{error}]" in done.stderr
        assert {path.name: path.read_bytes() for path in pki.iterdir()} == before


def test_a_unit_is_for_what_can_be_served(folder: Path) -> None:
    made = ["--zone", "zone", "zone", "init", "--name", "core", "--root", "root.json"]
    assert champ(folder, made).returncode == 0
    unit = ["--zone", "zone", "registry", "unit"]
    for options, error in (
        (["--host", "0.0.0.0"], "registry.names-missing"),  # noqa: S104
        (["--host", "::"], "registry.names-missing"),
        (["--name", "a b"], "registry.invalid-host"),
    ):
        done = champ(folder, [*unit, *options, "--write", "units"])
        assert done.returncode == 2
        assert f"[{error}]" in done.stderr
        assert not (folder / "units").exists()
    done = champ(folder, [*unit, "--user", "nosuchuser"])
    assert done.returncode == 0
    assert "“nosuchuser”" in done.stderr
    assert champ(folder, [*unit, "--user", "root"]).stderr == ""


def test_what_comes_after_writing_units(folder: Path) -> None:
    made = ["--zone", "zone", "zone", "init", "--name", "core", "--root", "root.json"]
    assert champ(folder, made).returncode == 0
    zone = f"../{folder.name}/zone"
    done = champ(folder, ["--zone", zone, "registry", "unit", "--write", "units"])
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Next, as root:",
        f"  cp units/{SOCKET} units/{SERVICE} /etc/systemd/system/",
        "  systemctl daemon-reload",
        f"  systemctl enable --now {SOCKET} {SERVICE}",
    ]
    written = (folder / "units" / SERVICE).read_text()
    assert f"ReadWritePaths={folder}/zone\n" in written
    assert "PrivateTmp=no\n" in written
