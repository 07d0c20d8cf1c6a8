"""`champ catalog` and `champ form`; one of the apps is of a later release's format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import loaded_champ
from tests.simulators.charts import PAUSE
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
        assert len(heading.split()) == 7
        assert "605\N{NO-BREAK SPACE}kB" in usable
        assert usable.split()[:2] == ["greeter", "1.0"]
        assert TITLE[language] in usable
        assert unusable.split()[:2] == ["greeter", "2.0"]
        assert words in unusable
        assert unusable.endswith(f"[{NEWER}]")


def test_json_has_the_reason_as_a_field(zone: Path) -> None:
    usable, unusable = json.loads(says(zone, "catalog", "--json"))
    assert (usable["version"], usable["unusable"], usable["title"]) == ("1.0", None, TITLE)
    assert usable["releases"] == []
    assert 600_000 < usable["size"]["own"] <= usable["size"]["whole"]
    assert unusable["size"] is None
    assert (unusable["name"], unusable["version"]) == ("greeter", "2.0")
    assert unusable["unusable"]["id"] == NEWER
    assert "format 2" in unusable["unusable"]["message"]
    assert "newer installer" in unusable["unusable"]["remedy"]


@pytest.mark.parametrize(
    "chosen",
    [
        ("--search", "GREETING"),
        ("--search", "影像 polite"),
        ("--category", "Imaging"),
        ("--category", "医学影像", "--search", "来访者"),
    ],
)
def test_apps_are_found_by_text_and_category(zone: Path, chosen: tuple[str, ...]) -> None:
    found = json.loads(says(zone, "catalog", *chosen, "--json"))
    assert [(one["name"], one["version"]) for one in found if not one["unusable"]] == [
        ("greeter", "1.0")
    ]


def test_what_cannot_be_used_is_found_by_its_name_alone(zone: Path) -> None:
    found = json.loads(says(zone, "catalog", "--search", "greeter", "--json"))
    assert [one["version"] for one in found] == ["1.0", "2.0"]
    for other in ("--category", "imaging"), ("--search", "politely"):
        found = json.loads(says(zone, "catalog", *other, "--json"))
        assert [one["version"] for one in found] == ["1.0"]


def test_nothing_found_ends_with_14_and_says_what_there_is(zone: Path) -> None:
    told = says(zone, "catalog", "--search", "radiology", code=14)
    assert "“radiology”" in told
    assert "[catalog.nothing-found]" in told
    told = says(zone, "catalog", "--category", "radiology", code=14)
    assert "It has these categories: imaging." in told
    assert "[catalog.category-unknown]" in told
    told = says(zone, "catalog", "--category", "放射", "--lang", "zh", code=14)
    assert "现有类别：imaging。" in told
    assert "[catalog.app-unknown]" in says(zone, "catalog", "orthanc", code=14)
    unknown = says(zone, "catalog", "greeter", "--version", "3", code=14)
    assert "It has: greeter 1.0." in unknown


def test_one_app_is_told_whole(zone: Path) -> None:
    for language, words in (("en", "In this zone"), ("zh", "在本网区")):
        text = says(zone, "catalog", "greeter", "--version", "1.0", "--lang", language)
        assert text.startswith(TITLE[language])
        for part in (words, "605\N{NO-BREAK SPACE}kB", PAUSE, "one-clinic", "Pod Security"):
            assert part in text
    found = json.loads(says(zone, "catalog", "greeter", "--version", "1.0", "--json"))
    assert (found["name"], found["version"], found["versions"]) == ("greeter", "1.0", ["1.0"])
    assert found["contents"]["unlisted"] == [PAUSE]
    assert found["asks"]["answers"] == "one-clinic"
    assert found["asks"]["requests"] == {}
    assert found["asks"]["pods"][0]["subject"] == "Deployment greeter-work"
    assert (found["untold"], found["releases"]) == (None, [])
    assert found["readme_text"].startswith("# Greeter")


def test_what_does_not_go_together_is_refused(zone: Path) -> None:
    told = says(zone, "catalog", "--version", "1.0", code=2)
    assert "--version is about one app" in told
    for other in ("--search", "--category"):
        told = says(zone, "catalog", "greeter", other, "imaging", code=2)
        assert "leave out --search and --category" in told
    assert "An empty text names nothing." in says(zone, "catalog", "--search", "", code=2)


def test_a_form_says_where_its_values_come_from(zone: Path) -> None:
    table = says(zone, "form", "greeter", "--version", "1.0")
    rows = {line.split()[0]: line for line in table.splitlines()[1:]}
    assert "the app's default" in rows["greeting"]
    assert "nobody yet" in rows["site"]
    assert "made for you" in rows["databasePassword"]
    assert "10Gi" in rows["storage.size"]
    assert "应用默认值" in says(zone, "form", "greeter", "--version", "1.0", "--lang", "zh")
    fields = json.loads(says(zone, "form", "greeter", "--version", "1.0", "--json"))
    told = {one["path"]: one for one in fields}
    assert (told["greeting"]["value"], told["greeting"]["source"]) == ("hello", "default")
    assert (told["databasePassword"]["value"], told["databasePassword"]["source"]) == (None, "made")
    assert told["storage"]["items"][0]["source"] == "default"
    assert (told["certificate"]["value"], told["certificate"]["source"]) == (None, None)


def test_a_form_of_a_release_that_never_was_is_refused(zone: Path) -> None:
    arguments = ("form", "greeter", "--version", "1.0", "--release")
    assert "[helm.release-unknown]" in says(zone, *arguments, "pacs", code=14)
    assert "[release.invalid-name]" in says(zone, *arguments, "../x", code=2)


def test_the_other_apps_can_be_asked_for(zone: Path) -> None:
    assert "databasePassword" in says(zone, "form", "greeter", "--version", "1.0", "--json")
    assert "catalog.example-unknown" in says(
        zone, "form", "greeter", "--version", "1.0", "--example", "x", code=14
    )
    assert "[sbom.package-not-listed]" in says(zone, "sbom", "find", "openssl", code=14)


def test_that_app_itself_is_refused_with_its_own_reason(zone: Path) -> None:
    for verb in ("form", "plan", "catalog"):
        for version in (["--version", "2.0"], []):
            assert f"[{NEWER}]" in says(zone, verb, "greeter", *version, code=4)
