"""docs/key-drill.md, command by command, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT
from tests.cli.test_way_of_a_bundle import RECIPE, write_layout

DRILL = (ROOT / "docs" / "key-drill.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", DRILL, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def champ(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "installer", *words],
        cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")},
    )  # fmt: skip


def test_the_drill_goes_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(tmp_path / "layout")
    refused = []
    for line in commands():
        words = shlex.split(line, comments=True)
        assert words[0] == "champ", line
        done = champ(tmp_path, words[1:])
        expected = REFUSED.search(line)
        if expected is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{expected.group(1)}]" in done.stderr, line
            refused.append(expected.group(1))
    assert refused == ["trust.revoked-key"] * 3 + ["trust.keys-missing"]
    shown = json.loads(champ(tmp_path, ["--zone", "zone", "trust", "show", "--json"]).stdout)
    assert shown["version"] == 2
    holders = {key["holder"] for role in shown["roles"] for key in role["keys"]}
    assert holders == {"Anna", "Bo", "Dana"}
    assert [one["stands"] for one in shown["accepted"]] == [True, True]


def test_a_bundle_that_a_thief_brought_in_is_marked_later(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(tmp_path / "layout")
    for line in commands():
        words = shlex.split(line, comments=True)[1:]
        if "stick-2" in words and "export" in words:
            assert champ(tmp_path, ["--zone", "zone", "import", "thief"]).returncode == 0
        if REFUSED.search(line) is None and "stick-3" not in words:
            assert champ(tmp_path, words).returncode == 0, line
    shown = json.loads(champ(tmp_path, ["--zone", "zone", "trust", "show", "--json"]).stdout)
    assert [one["stands"] for one in shown["accepted"]] == [True, False]
    assert champ(tmp_path, ["--zone", "zone", "import", "stick-1"]).returncode == 0
