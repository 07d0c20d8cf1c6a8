"""docs/key-drill.md, command by command, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from champ_offline.durable.database import Database
from champ_offline.store.refs import Refs
from tests.architecture.source import ROOT
from tests.cli import loaded
from tests.cli.test_way_of_a_bundle import RECIPE, write_layout

DRILL = (ROOT / "docs" / "key-drill.md").read_text(encoding="utf-8")
REFUSED = re.compile(r"# refused: ([a-z.-]+)$")
FINDS = re.compile(r"# finds( no)?: ([a-z.-]+)$")


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", DRILL, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def champ(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    return loaded.run(words, folder, {**os.environ, **environment})


def prepare(folder: Path) -> None:
    (folder / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(folder / "layout")
    (folder / "stolen").mkdir()
    (folder / "stolen" / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(folder / "stolen" / "layout", bytes(20480))


def zone(folder: Path, *words: str) -> Any:
    return json.loads(champ(folder, ["--zone", "zone", *words, "--json"]).stdout)


def served(folder: Path) -> dict[str, str]:
    """Where the zone's names lead, but for those of signatures."""
    refs = Refs(Database(folder / "zone" / "champ.db")).all()
    return {str(r): str(r.descriptor.digest) for r in refs if not r.tag.endswith(".sig")}


def found(folder: Path) -> list[str]:
    return [one["id"] for one in zone(folder, "doctor") if one["id"]]


def run(folder: Path) -> Iterator[tuple[list[str], str | None]]:
    """Each command, done, and the refusal that it ended with as the drill says."""
    for line in commands():
        words = shlex.split(line, comments=True)
        assert words[0] == "champ", line
        done = champ(folder, words[1:])
        refused, finds = REFUSED.search(line), FINDS.search(line)
        if finds:
            assert (finds.group(2) in found(folder)) is (finds.group(1) is None), line
        elif refused is None:
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        else:
            assert done.returncode != 0, line
            assert f"[{refused.group(1)}]" in done.stderr, line
        yield words[1:], refused.group(1) if refused else None


def test_the_drill_goes_as_it_is_written(tmp_path: Path) -> None:
    prepare(tmp_path)
    refused = [error for _words, error in run(tmp_path) if error]
    assert refused == ["trust.revoked-key"] * 3 + ["trust.keys-missing"]
    shown = zone(tmp_path, "trust", "show")
    assert shown["version"] == 2
    holders = {key["holder"] for role in shown["roles"] for key in role["keys"]}
    assert holders == {"Anna", "Bo", "Dana"}
    states = [(one["stands"], one["current"]) for one in shown["accepted"]]
    assert states == [(True, False), (False, False), (True, True)]


def test_the_honest_bundle_is_served_again_after_the_thiefs_keys_were_withdrawn(
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    name, states = "champ.local/demo:1", []
    for words, _refused in run(tmp_path):
        if words[2:3] == ["doctor"]:
            break
        if words[2:3] == ["import"] or words[2:4] == ["trust", "update"]:
            states.append(served(tmp_path))
    honest, thief, updated = states
    assert honest.keys() == thief.keys() == {name}
    assert honest != thief == updated
    marked = champ(tmp_path, ["--zone", "zone", "zone", "show"]).stdout
    assert "its keys were withdrawn" in marked
    assert "current" in marked
    doctor = champ(tmp_path, ["--zone", "zone", "doctor"])
    assert doctor.returncode == 4
    assert name in doctor.stdout
    again = zone(tmp_path, "import", "stick-1")
    assert (again["changed"], again["restored"], again["new_blobs"]) == (True, [name], 0)
    assert served(tmp_path) == honest
    assert "doctor.content-withdrawn" not in found(tmp_path)
    assert zone(tmp_path, "import", "stick-1")["changed"] is False
