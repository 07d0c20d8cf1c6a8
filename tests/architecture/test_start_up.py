"""`champ --help` stays cheap: the modules it may not load, and whose `installer` it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import installer
from tests.architecture.source import ROOT

HEAVY = {
    "asyncio", "click.testing", "cryptography", "docker", "granian", "helm_python", "httpx",
    "jinja2", "jsonschema", "lightkube", "oras", "requests", "sqlite3", "textual", "tuf",
    "yaml", "zstandard",
}  # fmt: skip
PROBE = """
import json, sys
from installer.__main__ import main
code = main(sys.argv[1:])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--lang", "zh", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr)
    assert code == 0
    assert HEAVY & set(modules) == set()
    assert [name for name in modules if name.startswith("installer.cli.commands.")] == []


def test_installer_is_this_projects_folder() -> None:
    """Another project has the same import name; ours must win wherever `champ` is installed."""
    assert installer.__path__[0] == str(ROOT / "installer")


def test_the_first_screen_is_there_before_the_library() -> None:
    probe = "import json, sys, installer.tui.app; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert HEAVY & loaded == {"asyncio", "textual"}
    assert {"champ_offline.appliance", "installer.tui.ways"} & loaded == set()
