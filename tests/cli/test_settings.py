"""`champ settings`: who decided what; a damaged file stops nothing. And `champ media list`."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import loaded_champ
from tests.tui.sample_app import ZONE, Media, make_media
from tests.unit.trust.signing import Holder, first_root

Env = dict[str, str]
CHINESE = {"LANG": "zh_CN.UTF-8"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def own(home: Path) -> Path:
    return home / "champ-offline" / "settings.json"


def says(home: Path, *words: object, code: int = 0, environ: Env | None = None) -> str:
    given = {"XDG_CONFIG_HOME": str(home), "TERM": "xterm", **(environ or {})}
    done = loaded_champ(*map(str, words), **given)
    assert done.returncode == code, f"{words}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def told(home: Path, *words: object, **environment: str) -> Any:
    return json.loads(says(home, *words, "--json", environ=environment))


def chosen(home: Path, *words: str, **environment: str) -> tuple[str, str]:
    """The language in use, and who decided it."""
    row = told(home, *words, "settings", "list", **environment)[0]
    assert row["name"] == "language"
    return row["value"], row["source"]


def test_a_setting_is_kept_followed_and_forgotten(home: Path, own: Path) -> None:
    assert chosen(home) == ("en", "default")
    made = told(home, "settings", "set", "language", "zh")
    command = "champ settings set language"
    assert made == [{"name": "language", "value": "zh", "source": "own", "change": command}]
    assert "由谁决定" in says(home, "settings", "list")
    assert "用法" in says(home, "import", "--help")
    assert own.stat().st_mode & 0o777 == 0o600
    assert own.parent.stat().st_mode & 0o777 == 0o700
    assert told(home, "settings", "unset", "language")[0]["source"] == "default"
    assert chosen(home, **CHINESE) == ("zh", "locale")
    assert json.loads(own.read_text()) == {"format": 1}


def test_option_and_environment_come_before_it_and_the_locale_after(home: Path) -> None:
    says(home, "settings", "set", "language", "en")
    assert chosen(home, **CHINESE) == ("en", "own")
    assert chosen(home, CHAMP_LANG="zh") == ("zh", "environment")
    assert chosen(home, "--lang", "en", CHAMP_LANG="zh") == ("en", "option")
    row = told(home, "--lang", "zh", "settings", "set", "language", "en")[0]
    assert (row["value"], row["source"]) == ("zh", "option")


@pytest.mark.parametrize("term", ["linux", "vt220", "dumb", ""])
def test_chinese_is_not_spoken_to_a_console_that_may_not_show_it(home: Path, term: str) -> None:
    set_there = says(home, "settings", "set", "language", "zh", environ={"TERM": term})
    assert set_there.isascii()
    assert chosen(home, TERM=term) == ("en", "default")
    assert chosen(home, TERM=term, **CHINESE) == ("zh", "locale")
    assert chosen(home) == ("zh", "own")


def test_the_look_is_followed_by_every_verb(home: Path) -> None:
    refused = ("settings", "set", "look", "wide")
    assert "“wide”" in says(home, *refused, code=2)
    says(home, "settings", "set", "look", "ascii")
    assert '"wide"' in says(home, *refused, code=2)
    assert "“wide”" in says(home, "--look", "rich", *refused, code=2)
    rows = told(home, "settings", "list", CHAMP_LOOK="rich")
    assert (rows[1]["value"], rows[1]["source"]) == ("rich", "environment")
    assert told(home, "settings", "unset", "look")[0]["value"] is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("tongue", "zh", "settings.unknown"),
        ("retention.backups", "3", "settings.unknown"),
        ("language", "de", "settings.value-unknown"),
        ("look", "zh", "settings.value-unknown"),
    ],
)
def test_what_is_no_setting_is_refused(
    home: Path, own: Path, name: str, value: str, error: str
) -> None:
    assert f"[{error}]" in says(home, "settings", "set", name, value, code=2)
    assert not own.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        b'{"format": 2, "language": "zh"}',
        b'{"format": 1, "language": "de"}',
        b'{"format": 1, "language": ["zh"]}',
        b'{"format": 1, "language": null}',
        b'{"format": 1, "look": {}}',
        b'{"format": 1, "language": "zh", "language": "en"}',
        b'{"format": 1, "language": "zh"}' + b" " * 70_000,
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_told_and_stops_nothing(home: Path, own: Path, content: bytes) -> None:
    own.parent.mkdir(parents=True)
    own.write_bytes(content)
    said = says(home, "settings", "list", environ=CHINESE)
    assert str(own) in said
    assert "champ settings set" in said
    assert chosen(home, **CHINESE) == ("zh", "locale")  # and JSON alone was written
    assert not says(home, environ={"_CHAMP_COMPLETE": "none"}, code=1)
    told(home, "settings", "set", "language", "en")
    assert str(own) not in says(home, "settings", "list", environ=CHINESE)


def test_what_a_later_version_keeps_there_stays(home: Path, own: Path) -> None:
    own.parent.mkdir(parents=True)
    own.write_text('{"format": 1, "theme": {"dark": true}, "language": "zh"}')
    told(home, "settings", "set", "look", "ascii")
    kept = json.loads(own.read_text())
    assert kept == {"format": 1, "language": "zh", "look": "ascii", "theme": {"dark": True}}


def test_whatever_is_in_its_place_nobody_waits(home: Path, own: Path) -> None:
    own.parent.mkdir(parents=True)
    os.mkfifo(own)
    assert "settings list" not in says(home, "settings", "list")
    assert str(own) in says(home, "settings", "list")
    own.unlink()
    own.mkdir()
    assert str(own) in says(home, "settings", "list")
    assert "[settings.not-kept]" in says(home, "settings", "set", "look", "rich", code=4)


def test_a_home_that_takes_nothing_is_named(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    assert "[settings.not-kept]" in says(place, "settings", "set", "look", "rich", code=4)
    assert chosen(place) == ("en", "default")
    assert chosen(Path("relative"), HOME=str(tmp_path)) == ("en", "default")
    assert not Path("relative").exists()


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def zone(tmp_path: Path, home: Path, media: Media) -> Path:
    made = ("--zone", tmp_path / "zone", "zone", "init", "--name", ZONE, "--root", media.root)
    says(home, *made)
    return tmp_path / "zone"


def test_those_of_the_zone_are_told_with_the_verb_that_changes_them(home: Path, zone: Path) -> None:
    def found() -> dict[str, tuple[object, str, str]]:
        rows = told(home, "--zone", zone, "settings", "list")
        return {row["name"]: (row["value"], row["source"], row["change"]) for row in rows}

    before = found()
    assert list(before)[:2] == ["language", "look"]
    assert before["retention.revisions"] == (10, "default", "champ zone retention --revisions")
    assert before["registry"] == (None, "default", "champ registry external set")
    assert before["registry.anonymous"] == ("pull", "default", "champ registry access")
    assert before["clusters"] == ([], "default", "champ cluster add")
    assert before["policy"][:2] == (None, "default")
    says(home, "--zone", zone, "zone", "retention", "--backups", "5")
    says(home, "--zone", zone, "registry", "access", "--anonymous", "none")
    says(home, "--zone", zone, "registry", "external", "set", "harbor.zone:443/champ")
    after = found()
    assert after["retention.backups"][:2] == (5, "zone")
    assert after["registry.anonymous"][:2] == ("none", "zone")
    assert after["registry"][:2] == ("harbor.zone:443/champ", "zone")
    assert "harbor.zone:443/champ" in says(home, "--zone", zone, "settings", "list")


def test_media_are_listed_with_what_each_bundle_is(home: Path, zone: Path, media: Media) -> None:
    says(home, "--zone", zone, "import", media.stick / "champ/greeter-2.0")
    rows = told(home, "--zone", zone, "media", "list", media.stick)
    mine = {row["folder"]: row for row in rows if str(media.stick) in row["folder"]}
    older, newer = (mine[str(media.stick / f"champ/greeter-{n}")] for n in ("1.0", "2.0"))
    assert older["refusal"]["id"] == "trust.replayed"
    assert (older["bundle"], older["version"], older["fits"]) == ("greeter", "1.0", None)
    assert (newer["held"], newer["new"], newer["refusal"]) == (True, 0, None)
    assert newer["zones"] == [ZONE]
    assert {signer["holder"] for signer in newer["signers"]} == {"Release Engineering"}
    said = says(home, "--zone", zone, "media", "list", media.stick)
    assert "refused" in said
    assert "[trust.replayed]" in said
    assert "the zone holds all of it" in said
    nothing = says(home, "--zone", zone, "media", "list", zone, code=14)
    assert "[media." in nothing


def test_a_bundle_of_strangers_says_nothing_of_itself(
    home: Path, tmp_path: Path, media: Media
) -> None:
    (tmp_path / "other.json").write_bytes(first_root([Holder("Anna")], datetime.now(UTC)))
    other = ("--zone", tmp_path / "other")
    says(home, *other, "zone", "init", "--name", ZONE, "--root", tmp_path / "other.json")
    rows = told(home, *other, "media", "list", media.stick / "champ/greeter-1.0")
    row = next(row for row in rows if str(media.stick) in row["folder"])
    assert row["refusal"]["id"] == "trust.other-root"
    assert {row[name] for name in ("bundle", "version", "created", "digest", "new")} == {None}
    assert row["signers"] is None
