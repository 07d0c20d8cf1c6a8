"""The folder that `make dist` makes: a command without need of Python, tried on its own."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from champ_offline.catalog.values_child import CHILD_WORD
from champ_offline.helm.child import CHILD_VERB
from installer.one_file.build import FOLDER
from installer.worker_modules import MODULES
from tests.unit.sources.archives import Sample, unfold

ROOM = 250_000_000
RECIPE = """\
format: 1
name: demo
version: "1"
images:
  - name: champ.local/demo:1
    archive: {path: layout}
"""


@pytest.fixture(scope="session")
def dist(built: Path) -> Path:
    """The built folder."""
    return built.parent / FOLDER


def champ(
    dist: Path, *arguments: str, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the frozen command in a clean environment, so that nothing of this Python helps it."""
    return subprocess.run(
        [str(dist / "champ"), *arguments],
        cwd=dist,
        env={"PATH": "/usr/bin:/bin", "HOME": str(dist), **environment},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_starts_and_speaks_both_languages(dist: Path) -> None:
    assert champ(dist, "--version").stdout.startswith("champ ")
    assert "Usage: champ" in champ(dist, "--help").stdout
    assert "用法" in champ(dist, "--help", CHAMP_LANG="zh").stdout


def test_verbs_work(dist: Path, tmp_path: Path) -> None:
    keys, zone = str(tmp_path / "keys"), str(tmp_path / "zone")
    root = f"{keys}/root.json"
    assert champ(dist, "trust", "init", keys, "--holder", "Team", "--unencrypted").returncode == 0
    made = champ(dist, "--zone", zone, "zone", "init", "--name", "core", "--root", root, "--json")
    assert json.loads(made.stdout)["name"] == "core"
    assert champ(dist, "--zone", zone, "catalog", "--json").stdout == "[]\n"
    refused = champ(dist, "verify", str(tmp_path), "--root", root)
    assert "[media.no-bundle]" in refused.stderr
    assert refused.returncode == 14


def test_it_packs_without_lists_of_packages(dist: Path, tmp_path: Path) -> None:
    """Syft stays out of the folder for zones; `pack` says so before it does anything."""
    assert [path for path in dist.rglob("*") if "syft" in path.name.lower()] == []
    unfold(tmp_path / "layout", Sample().layout_files())
    recipe, keys, stick = tmp_path / "bundle.yaml", str(tmp_path / "keys"), tmp_path / "stick"
    recipe.write_text(RECIPE, encoding="utf-8")
    stick.mkdir()
    assert champ(dist, "trust", "init", keys, "--holder", "Team", "--unencrypted").returncode == 0
    assert champ(dist, "lock", str(recipe)).returncode == 0
    pack = ("pack", str(recipe), "--signing", keys, "--out", str(stick))
    refused = champ(dist, *pack)
    assert "[sbom.generator-missing]" in refused.stderr
    assert refused.returncode == 4
    assert list(stick.iterdir()) == []
    assert champ(dist, *pack, "--no-sbom").returncode == 0


def test_what_builds_it_is_not_carried(dist: Path) -> None:
    viewer = [sys.executable, "-m", "PyInstaller.utils.cliutils.archive_viewer", "-lrb"]
    done = subprocess.run(
        [*viewer, str(dist / "champ.pkg")], capture_output=True, text=True, check=True
    )
    assert "installer.cli.main" in done.stdout
    assert "installer.one_file" not in done.stdout


def test_every_verb_is_carried(dist: Path) -> None:
    for verb in ("lock", "pack", "import", "plan", "apply", "status", "history", "doctor"):
        assert champ(dist, verb, "--help").returncode == 0, verb


def test_the_helm_engine_runs_as_its_child(dist: Path) -> None:
    arguments = {"release": "x", "namespace": "y"}
    request = {"verb": "status", "kubeconfig": "/nowhere", "arguments": arguments}
    # Its input stays open while it works: the end of it would tell the child to end.
    with subprocess.Popen(
        [str(dist / "champ"), "helm-child"],
        cwd=dist,
        env={"PATH": "/usr/bin:/bin", "HOME": str(dist)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        reply = json.loads(child.stdout.readline())
        child.communicate()
    assert set(reply) == {"fault"}


def test_values_are_rendered_by_its_child(dist: Path) -> None:
    request = {"template": "a: {{ answers.a }}", "context": {"answers": {"a": 1}}}
    given = json.dumps(request)
    length = struct.pack(">Q", len(given)).decode("ascii")
    done = champ(dist, "values-child", given=length + given)
    reply, status = done.stdout.splitlines()
    assert (json.loads(reply), status) == ({"text": "a: 1"}, "0"), done.stderr


def test_the_words_for_children_are_those_of_the_library() -> None:
    assert set(MODULES) == {CHILD_VERB, CHILD_WORD}


def test_helms_library_is_carried_once(dist: Path) -> None:
    assert len(list(dist.rglob("libhelm_c*"))) == 1
    size = sum(file.stat().st_size for file in dist.rglob("*") if file.is_file())
    assert size < ROOM
