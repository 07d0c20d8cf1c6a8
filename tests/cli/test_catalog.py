"""`champ catalog` and the verbs that ask it, where one app is of a later release's format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import loaded_champ
from tests.tui.sample_app import TITLE, ZONE, make_media

NEWER = "catalog.app-format-newer"


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    media = make_media(folder, newer=("2.0",))
    says(folder / "zone", "zone", "init", "--name", ZONE, "--root", str(media.root))
    for version in ("1.0", "2.0"):
        says(folder / "zone", "import", str(media.stick / "champ" / f"greeter-{version}"))
    return folder / "zone"


def says(zone: Path, *arguments: str, code: int = 0) -> str:
    done = loaded_champ("--zone", str(zone), *arguments)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_the_table_names_what_cannot_be_used_and_why(zone: Path) -> None:
    for language, words in (("en", "needs a newer champ"), ("zh", "需要更新版本的 champ")):
        heading, usable, unusable = says(zone, "catalog", "--lang", language).splitlines()
        assert len(heading.split()) == 4
        assert usable.split()[:2] == ["greeter", "1.0"]
        assert TITLE[language] in usable
        assert unusable.split()[:2] == ["greeter", "2.0"]
        assert words in unusable
        assert unusable.endswith(f"[{NEWER}]")


def test_json_has_the_reason_as_a_field(zone: Path) -> None:
    usable, unusable = json.loads(says(zone, "catalog", "--json"))
    assert (usable["version"], usable["unusable"], usable["title"]) == ("1.0", None, TITLE)
    assert (unusable["name"], unusable["version"]) == ("greeter", "2.0")
    assert unusable["unusable"]["id"] == NEWER
    assert "format 2" in unusable["unusable"]["message"]
    assert "newer installer" in unusable["unusable"]["remedy"]


def test_the_other_apps_can_be_asked_for(zone: Path) -> None:
    assert "databasePassword" in says(zone, "form", "greeter", "--version", "1.0", "--json")
    assert "catalog.example-unknown" in says(
        zone, "form", "greeter", "--version", "1.0", "--example", "x", code=14
    )
    assert "[sbom.package-not-listed]" in says(zone, "sbom", "find", "openssl", code=14)


def test_that_app_itself_is_refused_with_its_own_reason(zone: Path) -> None:
    for verb in ("form", "plan"):
        for version in (["--version", "2.0"], []):
            assert f"[{NEWER}]" in says(zone, verb, "greeter", *version, code=4)
