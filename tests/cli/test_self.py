"""`champ self` and `pack --installer` where there is no champ.sh, and in both languages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from installer.cli import services
from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ


def refusal(*words: str, code: int) -> str:
    done = loaded_champ(*words, "--json")
    assert done.returncode == code, done.stderr
    return str(json.loads(done.stderr)["id"])


def test_a_program_that_was_not_unpacked_cannot_install_itself(tmp_path: Path) -> None:
    assert refusal("self", "install", "--to", str(tmp_path), code=2) == "self.not-one-file"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["status", "rollback"])
def test_nothing_is_installed(tmp_path: Path, verb: str) -> None:
    assert refusal("self", verb, "--to", str(tmp_path), code=14) == "self.not-installed"


def test_an_update_wants_to_know_whom_to_trust(tmp_path: Path) -> None:
    assert refusal("self", "update", str(tmp_path), code=2) == "cli.zone-not-named"
    told = loaded_champ("self", "status", "--to", str(tmp_path), CHAMP_LANG="zh")
    assert "没有安装任何版本" in told.stderr


def test_what_is_no_champ_sh_is_not_packed(tmp_path: Path) -> None:
    recipe = tmp_path / "bundle.yaml"
    recipe.touch()
    words = ("pack", str(recipe), "--signing", str(tmp_path), "--out", str(tmp_path / "out"))
    given = (*words, "--installer", str(ROOT / "README.md"))
    assert refusal(*given, code=13) == "self.not-an-installer"
    absent = str(tmp_path / "none")
    assert refusal(*words, "--installer", absent, code=14) == "cli.not-there"


def test_units_name_a_path_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = tmp_path / "opt/versions/1.0-0123456789ab"
    version.mkdir(parents=True)
    (version / "champ").touch()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(version / "champ"))
    assert services.kept_program() == (str(version / "champ"),)
    (tmp_path / "opt/current").symlink_to("versions/1.0-0123456789ab")
    assert services.kept_program() == (str(tmp_path / "opt/current/champ"),)
