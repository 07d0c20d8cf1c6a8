"""Option, environment, setting, locale choose the language; what is missing stays English."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installer import language
from installer.decided import DecidedBy
from installer.words import about
from tests.architecture.messages import catalog, entries


@pytest.fixture(autouse=True)
def _english_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "en")
    yield
    language.activate("en")


ZH = {"LANG": "zh_CN.UTF-8"}


@pytest.mark.parametrize(
    ("explicit", "environment", "own", "chosen", "by"),
    [
        (None, {}, None, "en", DecidedBy.DEFAULT),
        (None, ZH, None, "zh", DecidedBy.LOCALE),
        (None, {**ZH, "LC_ALL": "C.UTF-8"}, None, "en", DecidedBy.LOCALE),
        (None, {"LANG": "en_GB", "CHAMP_LANG": "zh"}, None, "zh", DecidedBy.ENVIRONMENT),
        ("en", ZH, None, "en", DecidedBy.OPTION),
        (None, {"LC_ALL": "", "LANG": "zh_TW"}, None, "zh", DecidedBy.LOCALE),
        (None, {"LANG": "de_DE.UTF-8"}, None, "en", DecidedBy.LOCALE),
        (None, ZH, "en", "en", DecidedBy.OWN),
        (None, {"LC_ALL": "C"}, "zh", "zh", DecidedBy.OWN),
        (None, {"CHAMP_LANG": "en"}, "zh", "en", DecidedBy.ENVIRONMENT),
        ("zh", {"CHAMP_LANG": "en"}, "en", "zh", DecidedBy.OPTION),
    ],
)
def test_choice(
    explicit: str | None,
    environment: dict[str, str],
    own: str | None,
    chosen: str,
    by: DecidedBy,
) -> None:
    assert language.choose(explicit, environment, own) == (chosen, by)


def test_texts_follow_the_language() -> None:
    language.activate("zh")
    assert language.translate("Importing") == "正在导入"
    assert language.translate("nobody translated this") == "nobody translated this"
    language.activate("en")
    assert language.translate("Importing") == "Importing"
    assert language.translate("") == ""


def test_a_release_and_a_zone_have_one_name_in_chinese() -> None:
    others = ("发布工程师", "发布者", "已发布", "发布密钥", "系统区域设置")
    for english, chinese in entries(catalog()).items():
        text = str(chinese)
        for word in others:
            text = text.replace(word, "")
        assert "发布" not in text, english
        assert "应用实例" not in text, english
        assert "区域" not in text, english


def test_what_an_override_was_about_follows_the_language() -> None:
    told = ["clock 2026-01-01 10:00 UTC, accepted 2026-05-01 10:00 UTC", "targets 2026-03-01"]
    assert about(told) == (
        "clock 2026-01-01 10:00 UTC, accepted before 2026-05-01 10:00 UTC; targets 2026-03-01"
    )
    language.activate("zh")
    assert about(["clock A, packed B"]) == "本机时间 A，打包于 B"
