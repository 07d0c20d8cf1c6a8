"""`champ import --wait`, a process, while media come and go at one place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT
from tests.cli.test_way_of_a_bundle import Site


def test_another_bundle_neither_ends_nor_redirects_the_wait(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.gives("trust", "init", str(tmp_path / "keys"), "--holder", "Team", "--unencrypted")
    keys, slot = str(tmp_path / "keys"), tmp_path / "slot"
    site.gives("lock", str(site.recipe))
    site.gives("pack", str(site.recipe), "--signing", keys, "--out", str(site.stick))
    site.recipe.write_text(site.recipe.read_text().replace("name: demo", "name: other"))
    site.gives("lock", str(site.recipe))
    site.gives("pack", str(site.recipe), "--signing", keys, "--out", str(tmp_path / "other"))
    site.zone("zone", "init", "--name", "core", "--root", str(site.root))
    shutil.copytree(site.stick, slot, ignore=lambda _at, names: [n for n in names if ".tar" in n])
    words = [sys.executable, "-m", "installer", "--zone", str(tmp_path / "zone")]
    with subprocess.Popen(
        [*words, "import", str(slot), "--wait", "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        said = iter(process.stderr.readline, "")
        assert any("Waiting for the next medium" in line for line in said)
        shutil.rmtree(slot)
        shutil.copytree(tmp_path / "other", slot)
        assert any("No part of this bundle is there; still waiting" in line for line in said)
        shutil.rmtree(slot)
        shutil.copytree(site.stick, slot)
        done = json.loads(process.stdout.read())
        assert process.wait(60) == 0
    assert (done["bundle"], done["changed"]) == ("demo", True)
    bundles = site.zone("zone", "show")["bundles"]
    assert [bundle["document"]["name"] for bundle in bundles] == ["demo"]
