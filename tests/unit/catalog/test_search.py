"""Apps found by texts and categories, as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.catalog.index import Listing, UnusableApp
from champ_offline.catalog.search import CategoryUnknown, categories, in_category, with_text
from champ_offline.errors import ExitCode
from tests.unit.catalog.conftest import Zone

NAMES = {"imaging": ("imaging", "医学影像"), "laboratory": ("laboratory", "检验")}


def called(category: str) -> tuple[str, ...]:
    return NAMES[category]


@pytest.fixture
def listing(zone: Zone, app_yaml: Path) -> Listing:
    text = app_yaml.read_text(encoding="utf-8")
    zone.app(app_yaml, "1.10.1")
    zone.app(app_yaml, "1.12.7")
    other = text.replace("name: demo", "name: lis").replace("imaging", "laboratory")
    other = other.replace("en: Demo, zh: 演示", "en: Results, zh: 检验报告")
    app_yaml.write_text(other, encoding="utf-8")
    zone.app(app_yaml, "1.10.1", "champ.local/apps/lis")
    found = zone.catalog.listing()
    broken = UnusableApp("demo-next", "2", CategoryUnknown(wanted="x", known="y"))
    return Listing(found.apps, (broken,))


def names(listing: Listing) -> list[str]:
    told = [f"{app.name} {app.version}" for app in listing.apps]
    return [*told, *(f"{app.name} {app.version}?" for app in listing.unusable)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DEMO", ["demo 1.12.7", "demo 1.10.1", "lis 1.10.1", "demo-next 2?"]),
        ("演示", ["demo 1.12.7", "demo 1.10.1", "lis 1.10.1"]),
        ("results", ["lis 1.10.1"]),
        ("检验", ["lis 1.10.1"]),
        ("医学", ["demo 1.12.7", "demo 1.10.1"]),
        ("app LABor", ["lis 1.10.1"]),
        ("app imaging results", []),
        ("  ", ["demo 1.12.7", "demo 1.10.1", "lis 1.10.1", "demo-next 2?"]),
    ],
)
def test_every_word_is_looked_for_in_both_languages(
    listing: Listing, text: str, expected: list[str]
) -> None:
    assert names(with_text(listing, text, called)) == expected


@pytest.mark.parametrize("wanted", ["laboratory", "LABORATORY", "检验", " laboratory "])
def test_a_category_goes_by_all_its_names(listing: Listing, wanted: str) -> None:
    assert names(in_category(listing, wanted, called)) == ["lis 1.10.1"]


def test_a_category_that_nothing_is_of_is_refused_and_the_others_named(listing: Listing) -> None:
    assert categories(listing) == ("imaging", "laboratory")
    for wanted in ("lab", "", "检"):
        with pytest.raises(CategoryUnknown) as caught:
            in_category(listing, wanted, called)
        assert caught.value.exit_code == ExitCode.NOT_FOUND
        assert caught.value.fields["known"] == "imaging, laboratory"
    with pytest.raises(CategoryUnknown) as caught:
        in_category(Listing((), ()), "imaging")
    assert caught.value.fields["known"] == "—"
