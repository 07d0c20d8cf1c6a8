"""Versions in order, and conditions on them."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from champ_offline.catalog.versions import Order, Range, RangeInvalid, semver_key, version_key

ORDERED = [
    "", "alpha", "1.0~rc1", "1.0-rc1", "1.0-rc2", "1.0", "1.0a", "1.0-1", "1.0.0", "1.9", "1.10",
    "1.10.1", "1.12.7", "2", "2.0.11", "10", "9" * 5000,
]  # fmt: skip
# The example of Semantic Versioning 2.0.0, section 11, and what its text says besides.
SEMVER = [
    "0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-11", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
    "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0",
    "1.10.0", "2.0.0", "10.0.0",
]  # fmt: skip


def test_versions_are_ordered_by_their_numbers() -> None:
    mixed = list(ORDERED)
    Random(1).shuffle(mixed)
    assert sorted(mixed, key=version_key) == sorted(ORDERED, key=version_key)
    for lower, higher in (
        ("1.10.1", "1.12.7"), ("1.9", "1.10"), ("1.0-rc1", "1.0"), ("1.0~rc1", "1.0"),
        ("1.0", "1.0.1"), ("1.0", "1.0-1"), ("1.0a", "1.0.1"), ("9", "9" * 5000), ("007", "8"),
    ):  # fmt: skip
        assert version_key(lower) < version_key(higher)
    for odd in ("", "…", "١٢", "\x00", "v1", "-", "~~"):
        assert version_key(odd) == version_key(odd)
        assert sorted([odd, "1"], key=version_key)


def test_semantic_versions_have_the_precedence_of_their_specification() -> None:
    for lower, higher in pairwise(SEMVER):
        low, high = semver_key(lower), semver_key(higher)
        assert low is not None
        assert high is not None
        assert low < high, (lower, higher)


def test_build_metadata_does_not_count() -> None:
    assert semver_key("1.0.0+a") == semver_key("1.0.0+b.2") == semver_key("1.0.0")


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+",
     "1.0.0 ", "1.0.0\n", "١.0.0", "1.0.0-" + "a" * 200],
)  # fmt: skip
def test_what_is_no_semantic_version_has_no_place_in_their_order(text: str) -> None:
    assert semver_key(text) is None
    assert not Range.parse(">=0.0.1").admits(text, Order.SEMVER)


@pytest.mark.parametrize(
    ("condition", "inside", "outside"),
    [
        (">=1.10.1", ["1.10.1", "1.12.7", "2.0.0"], ["1.10.0", "1.9.9", "1.10.1-rc.1"]),
        (" >= 1.10.1 , < 2.0.0 ", ["1.10.1", "1.99.0"], ["2.0.0", "1.0.0"]),
        ("1.10.1", ["1.10.1", "1.10.1+x"], ["1.10.2"]),
        ("=1.10.1", ["1.10.1"], ["1.10.0"]),
        (">1.0.0,<=1.1.0", ["1.0.1", "1.1.0"], ["1.0.0", "1.1.1"]),
    ],
)
def test_a_condition_admits_what_meets_all_its_comparisons(
    condition: str, inside: list[str], outside: list[str]
) -> None:
    found = Range.parse(condition)
    assert [one for one in inside if not found.admits(one, Order.SEMVER)] == []
    assert [one for one in outside if found.admits(one, Order.SEMVER)] == []
    assert Range.parse(str(found)) == found


def test_in_the_catalogs_order_every_text_can_be_compared() -> None:
    assert Range.parse(">=15").admits("15.4-1", Order.CATALOG)
    assert not Range.parse(">=15").admits("9.6", Order.CATALOG)


@pytest.mark.parametrize("text", ["", ",", ">=", "=>1", "~1.2", "^1", "1 2", "1,", ">=1," * 9])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(RangeInvalid):
        Range.parse(text)
