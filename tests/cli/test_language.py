"""The language is chosen from the option, then the environment; what is missing stays English."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installer import language


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
