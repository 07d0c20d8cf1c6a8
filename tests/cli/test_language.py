"""The language is chosen from the option, then the environment; what is missing stays English."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installer import language
from installer.words import about
from tests.architecture.messages import catalog, entries


@pytest.fixture(autouse=True)
def _english_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "en")
    yield
    language.activate("en")


@pytest.mark.parametrize(
    ("explicit", "environment", "chosen"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        (None, {"LANG": "en_GB", "CHAMP_LANG": "zh"}, "zh"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LANG": "zh_TW"}, "zh"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_choice(explicit: str | None, environment: dict[str, str], chosen: str) -> None:
    assert language.choose(explicit, environment) == chosen


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
