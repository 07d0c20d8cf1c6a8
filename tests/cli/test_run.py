"""`champ run` as a program starts it: one result on stdout, its code, words in both languages."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.media import DOCUMENT
from champ_offline.policy.document import Policy
from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ
from tests.tui.sample_app import ZONE, Media, make_media

DOCUMENT_TEXT = (ROOT / "docs" / "scripted-upgrades.md").read_text(encoding="utf-8")
COMMANDS = [line for line in DOCUMENT_TEXT.splitlines() if line.startswith("champ ")]
TAKE = "format: 1\nbundles: [greeter]\nhours: always\n"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"), volume=300 * 1024)


@pytest.fixture
def zone(tmp_path: Path, media: Media) -> Path:
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    return tmp_path / "zone"


def stick(media: Media, version: str) -> str:
    return str(next(one.parent for one in media.stick.rglob(DOCUMENT) if version in str(one)))


def policy(folder: Path, text: str = TAKE) -> str:
    (folder / "policy.yaml").write_text(text)
    return str(folder / "policy.yaml")


def test_one_object_on_stdout_and_events_on_stderr(
    zone: Path, media: Media, tmp_path: Path
) -> None:
    words = ["--zone", str(zone), "-o", "json", "--progress", "ndjson", "run", stick(media, "1.0"),
             "--policy", policy(tmp_path)]  # fmt: skip
    done = loaded_champ(*words)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["zone"], found["exit_code"], found["dry_run"]) == (ZONE, 0, False)
    (bundle,) = found["bundles"]
    assert (bundle["bundle"], bundle["verdict"], bundle["reasons"]) == ("greeter", "done", [])
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert "StepFinished" in events
    again = json.loads(loaded_champ(*words).stdout)
    assert (again["exit_code"], again["bundles"][0]["verdict"]) == (0, "as it is")


def test_a_rehearsal_takes_nothing_in(zone: Path, media: Media, tmp_path: Path) -> None:
    words = ["--zone", str(zone), "run", stick(media, "1.0"), "--policy", policy(tmp_path)]
    done = loaded_champ(*words, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split() == ["greeter", "1.0", "would", "be", "done"]
    assert json.loads(loaded_champ("--zone", str(zone), "--json", "catalog").stdout) == []


def test_what_is_forbidden_is_told_in_the_users_language(
    zone: Path, media: Media, tmp_path: Path
) -> None:
    rules = policy(tmp_path, TAKE.replace("greeter", "orthanc"))
    words = ["--zone", str(zone), "run", stick(media, "1.0"), "--policy", rules]
    done = loaded_champ(*words)
    assert done.returncode == 7
    assert done.stderr.startswith("greeter: The policy takes in no bundle called greeter.")
    assert "[policy.bundle-not-named]" in done.stderr
    chinese = loaded_champ("--lang", "zh", *words)
    assert chinese.returncode == 7
    assert "策略不允许导入名为 greeter 的包。" in chinese.stderr
    assert "策略禁止" in chinese.stdout


def test_a_policy_that_is_not_understood_changes_nothing(
    zone: Path, media: Media, tmp_path: Path
) -> None:
    rules = policy(tmp_path, TAKE + "install: true\n")
    done = loaded_champ("--zone", str(zone), "run", stick(media, "1.0"), "--policy", rules)
    assert done.returncode == 2
    assert f"{rules}, line 4: “install” is not known here." in done.stderr


def test_missing_volumes_end_with_nine_and_the_next_medium_goes_on(
    zone: Path, media: Media, tmp_path: Path
) -> None:
    whole = Path(stick(media, "1.0"))
    volumes = sorted(whole.glob("*.tar"))
    assert len(volumes) > 1
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, left_out in ((first, volumes[-1]), (second, volumes[0])):
        shutil.copytree(whole, folder / whole.name)
        (folder / whole.name / left_out.name).unlink()
    words = ["--zone", str(zone), "-o", "json", "run", "--policy", policy(tmp_path)]
    done = loaded_champ(*words, str(first))
    assert done.returncode == 9, done.stderr
    (row,) = json.loads(done.stdout)["bundles"]
    assert [one["id"] for one in row["reasons"]] == ["media.volume-missing"]
    assert loaded_champ(*words, str(second)).returncode == 0


def test_rules_about_releases_want_a_cluster(zone: Path, media: Media, tmp_path: Path) -> None:
    rules = policy(tmp_path, TAKE + "rules: [{apps: [greeter], steps: [patch]}]\n")
    done = loaded_champ("--zone", str(zone), "run", stick(media, "1.0"), "--policy", rules)
    assert done.returncode == 2
    assert "[zone.cluster-not-named]" in done.stderr


def test_a_folder_that_is_not_there(zone: Path, tmp_path: Path) -> None:
    words = ["--zone", str(zone), "run", str(tmp_path / "absent"), "--policy", policy(tmp_path)]
    done = loaded_champ(*words)
    assert (done.returncode, done.stdout) == (14, "")
    assert str(tmp_path / "absent") in done.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_the_documented_commands_are_understood(line: str) -> None:
    done = loaded_champ(*shlex.split(line, comments=True)[1:], "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: champ ")


def test_the_documented_policies_are_read() -> None:
    found = [block for block in DOCUMENT_TEXT.split("```") if block.startswith("yaml\n")]
    assert len(found) == 2
    for block in found:
        Policy.from_bytes(block.removeprefix("yaml\n").encode(), "policy.yaml")
    assert len(COMMANDS) >= 5
