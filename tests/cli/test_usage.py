"""The command's frame: help, usage errors, the zone, exit codes, both languages."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from installer.cli.verbs import SECTIONS, VERBS, load
from tests.cli.command import champ

LEAVES = [
    ("trust", "init"), ("trust", "key", "new"), ("trust", "key", "images"),
    ("trust", "rotate"), ("trust", "sign"),
    ("trust", "export"), ("trust", "update"), ("trust", "show"), ("lock",),
    ("pack",), ("verify",), ("zone", "init"), ("import",),
    ("registry", "serve"), ("doctor",), ("catalog",), ("form",), ("plan",), ("show",), ("apply",),
    ("status",),
    ("history",), ("rollback",), ("remove",),
]  # fmt: skip
ZONE_VERBS = [
    ("import", "."), ("registry", "serve"), ("catalog",), ("form", "x"), ("plan", "x"),
    ("status",), ("history", "x"), ("rollback", "x"), ("remove", "x"), ("doctor",),
]  # fmt: skip


def test_help_lists_every_verb_once() -> None:
    done = champ("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name, entry in VERBS.items():
        assert done.stdout.count(entry.summary) == 1, name
    assert sum(len(entries) for entries in SECTIONS.values()) == len(VERBS)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_verb_explains_itself(path: tuple[str, ...]) -> None:
    verb = load(path[0])
    assert verb is not None
    assert verb.name == path[0]
    for name in path[1:]:
        assert isinstance(verb, click.Group)
        verb = verb.commands[name]
    assert not isinstance(verb, click.Group)
    assert len(verb.help or "") > 20


def test_without_a_terminal_no_verb_is_a_usage_error() -> None:
    done = champ()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: champ")


def test_an_unknown_verb_is_met_with_the_nearest() -> None:
    done = champ("verfy")
    assert done.returncode == 2
    assert "Did you mean 'verify'?" in done.stderr


def test_an_unknown_verb_in_chinese() -> None:
    done = champ("--lang", "zh", "verfy")
    assert done.returncode == 2
    assert "没有 'verfy' 这个命令" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("verify",), ("verify", ".", "--rot", "x"), ("--output", "xml", "catalog"), ("--zone",)],
)
def test_usage_errors_end_with_2_and_leave_stdout_alone(arguments: tuple[str, ...]) -> None:
    done = champ(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "champ: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_group_without_a_verb_shows_its_help() -> None:
    done = champ("zone")
    assert (done.returncode, done.stdout) == (2, "")
    assert "init" in done.stderr
    assert done.stderr.count("Usage:") == 1


@pytest.mark.parametrize("arguments", ZONE_VERBS, ids=lambda arguments: arguments[0])
def test_verbs_of_a_zone_want_one(arguments: tuple[str, ...]) -> None:
    done = champ(*arguments)
    assert done.returncode == 2
    assert "[cli.zone-not-named]" in done.stderr


@pytest.mark.parametrize("where", ["before", "after", "variable"])
def test_the_zone_may_be_named_in_three_places(where: str, tmp_path: Path) -> None:
    zone = str(tmp_path)
    done = {
        "before": lambda: champ("--zone", zone, "catalog"),
        "after": lambda: champ("catalog", "--zone", zone),
        "variable": lambda: champ("catalog", CHAMP_ZONE=zone),
    }[where]()
    assert done.returncode == 2
    assert f"{zone} is not a zone." in done.stderr
    assert "[zone.not-a-zone]" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_errors_are_json_where_progress_is() -> None:
    done = champ("catalog", "--progress", "ndjson")
    assert done.returncode == 2
    assert '"id": "cli.zone-not-named"' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("variable", ["CHAMP_LANG", "LC_ALL", "LANG"])
def test_the_locale_chooses_the_language(variable: str) -> None:
    assert "用法" in champ("--help", **{variable: "zh_CN.UTF-8"}).stdout
    assert "Usage" in champ("--lang", "en", "--help", **{variable: "zh_CN.UTF-8"}).stdout


def test_a_plan_file_that_is_none_is_named(tmp_path: Path) -> None:
    done = champ("--zone", str(tmp_path), "apply", str(tmp_path / "absent"))
    assert done.returncode == 14
    assert "[cli.not-there]" in done.stderr


@pytest.mark.parametrize("form", [("-o", "json"), ("--json",)])
def test_errors_are_json_where_results_are(form: tuple[str, ...]) -> None:
    done = champ("catalog", *form)
    assert (done.returncode, done.stdout) == (2, "")
    told = json.loads(done.stderr)
    assert told["id"] == "cli.zone-not-named"
    assert told["exit_code"] == 2
    assert told["message"] == "No zone was named."
    assert told["remedy"].startswith("Give --zone DIR")
    assert told["fields"] == {}


def test_a_command_line_that_is_not_understood_is_json_too() -> None:
    done = champ("--json", "lock")
    assert (done.returncode, done.stdout) == (2, "")
    told = json.loads(done.stderr)
    assert told["id"] == "cli.usage"
    assert told["message"] == "This command line is not understood (Missing argument 'RECIPE')"
    assert told["remedy"] == "Try 'champ lock --help' for help."


@pytest.mark.parametrize(
    "arguments", [("--zone", "", "zone", "show"), ("--zone", ".", "import", ""), ("lock", "")]
)
def test_an_empty_path_is_not_the_present_folder(arguments: tuple[str, ...]) -> None:
    done = champ(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "An empty text names nothing." in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "x", "--release", ""), ("audit", "verify", "--head", ""), ("status", ""),
        ("site", "set", "pyproject.toml", "a=1", "--apps", ""), ("plan", "x", "--version", ""),
    ],
)  # fmt: skip
def test_an_empty_text_is_not_taken_for_one_that_was_left_out(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "site.yaml").touch()
    words = tuple(str(tmp_path / word) if word == "site.yaml" else word for word in words)
    done = champ("--zone", "/nowhere", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "An empty text names nothing." in done.stderr


def test_what_click_says_is_chinese_to_the_full_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "[必填]" in champ("zone", "init", "--help", "--lang", "zh").stdout
    assert champ("lock", "--lang", "zh").stderr.endswith("缺少参数 'RECIPE'。\n")
    named = champ("--lang", "zh", "--zone", str(tmp_path / "file"), "zone", "show").stderr
    assert f"目录 '{tmp_path}/file' 是文件。" in named


def test_a_zone_is_not_made_among_other_things(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    root = tmp_path / "signing" / "root.json"
    assert (
        champ("trust", "init", str(root.parent), "--holder", "T", "--unencrypted").returncode == 0
    )
    made = ("zone", "init", "--name", "core", "--root", str(root))
    refused = champ("--zone", str(tmp_path), *made, "--json")
    assert json.loads(refused.stderr)["id"] == "zone.folder-taken"
    assert {path.name for path in tmp_path.iterdir()} == {"letter.txt", "signing"}
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    assert champ("--zone", str(tmp_path / "disk"), *made).returncode == 0
    again = champ("--zone", str(tmp_path / "disk"), *made)
    assert "[zone.exists]" in again.stderr
