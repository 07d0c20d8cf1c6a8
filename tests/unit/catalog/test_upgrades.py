"""Between which versions a release may go, and what is said where it may not."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from champ_offline.catalog.upgrades import (
    Move,
    NoWayBack,
    NoWayThere,
    Rule,
    StepsRequired,
    Upgrades,
    VersionNotComparable,
    check_move,
    no_return,
)
from champ_offline.catalog.versions import Order, Range

WHY = {"en": "The index changes", "zh": "索引会改变"}
OTHER = {"en": "The schema is another one", "zh": "数据库结构不同"}


def rule(to: str, sources: str = "", via: str = "", *, back: bool = True) -> Rule:
    return Rule(Range.parse(to), WHY, Range.parse(sources) if sources else None, via, back)


def semver(*rules: Rule) -> Upgrades:
    return Upgrades(Order.SEMVER, rules)


STOPS = semver(
    rule(">=1.12.0", ">=1.10.1", "1.10.1"),
    rule(">=2.0.0", ">=1.12.7", "1.12.7"),
    rule(">=2.0.0", back=False),
)


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ("1.9.0", "1.10.1", ["1.10.1"]),
        ("1.9.0", "1.11.0", ["1.11.0"]),
        ("1.10.1", "1.12.7", ["1.12.7"]),
        ("1.9.0", "1.12.7", ["1.10.1", "1.12.7"]),
        ("1.10.1", "2.0.0", ["1.12.7", "2.0.0"]),
        ("1.9.0", "2.1.0", ["1.10.1", "1.12.7", "2.1.0"]),
        ("1.12.7", "2.1.0", ["2.1.0"]),
        ("2.0.0", "2.1.0", ["2.1.0"]),
    ],
)
def test_the_way_goes_through_every_version_that_must_be_stepped_through(
    before: str, after: str, way: list[str]
) -> None:
    assert list(STOPS.way(before, after)) == way


def test_each_step_of_a_way_is_allowed_at_once() -> None:
    versions = ["1.8.0", "1.9.0", "1.10.1", "1.11.2", "1.12.0", "1.12.7", "2.0.0", "2.1.0"]
    for before, after in product(versions, versions):
        if STOPS.older(before, after):
            stops = (before, *STOPS.way(before, after))
            for one, next_ in pairwise(stops):
                assert STOPS.forbidding(one, next_) is None
                assert STOPS.older(one, next_)


@pytest.mark.parametrize(
    "rules",
    [
        [rule(">=2.0.0", ">=1.5.0")],
        [rule(">=2.0.0", ">=1.5.0", "2.0.0")],
        [rule(">=2.0.0", ">=1.5.0", "3.0.0")],
        [rule(">=2.0.0", ">=1.5.0", "0.9.0")],
        [rule(">=2.0.0", ">=1.5.0", "1.4.0")],
        [rule(">=2.0.0", ">=1.5.0", "1.5.0"), rule("1.5.0", ">=1.4.0")],
        [rule(">=2.0.0", ">=1.5.0", "1.5.0"), rule("1.5.0", "<1.0.0", "1.5.0")],
    ],
)
def test_a_table_that_leads_nowhere_gives_no_way_and_always_ends(rules: list[Rule]) -> None:
    assert semver(*rules).way("1.0.0", "2.0.0") == ()


def test_a_hundred_stops_are_one_way() -> None:
    rules = [rule(f">={n}.0.0", f">={n - 1}.0.0", f"{n - 1}.0.0") for n in range(2, 102)]
    way = semver(*rules).way("1.0.0", "101.0.0")
    assert list(way) == [f"{n}.0.0" for n in range(2, 102)]


def move(before: str, after: str) -> Move:
    return Move("pacs", "orthanc", before, after)


def test_a_forbidden_jump_names_the_way_and_what_the_zone_lacks() -> None:
    with pytest.raises(StepsRequired) as caught:
        check_move(STOPS, move("1.9.0", "2.1.0"), {"2.1.0", "1.12.7"})
    assert str(caught.value) == (
        "Release pacs cannot go from orthanc 1.9.0 to 2.1.0 at once: The index changes."
    )
    assert "1.9.0 -> 1.10.1 -> 1.12.7 -> 2.1.0" in caught.value.advice
    assert caught.value.fields["missing"] == "1.10.1"
    assert caught.value.fields["reason"].texts == WHY


def test_where_the_zone_holds_every_step_nothing_is_missing() -> None:
    with pytest.raises(StepsRequired) as caught:
        check_move(STOPS, move("1.10.1", "2.0.0"), {"1.12.7", "2.0.0"})
    assert caught.value.fields["missing"] == "—"


def test_a_jump_without_a_stop_has_no_way() -> None:
    with pytest.raises(NoWayThere, match="The index changes"):
        check_move(semver(rule("2.0.0", ">=1.5.0")), move("1.0.0", "2.0.0"), {"2.0.0"})


def test_going_back_out_of_a_range_that_is_left_no_more_names_what_is_possible() -> None:
    stood = [(1, "1.10.1"), (2, "1.12.7"), (3, "2.0.0"), (4, "2.1.0"), (5, "3.0.0")]
    with pytest.raises(NoWayBack) as caught:
        check_move(STOPS, move("2.1.0", "1.12.7"), set(), stood)
    assert caught.value.fields["possible"] == "3 (2.0.0), 4 (2.1.0)"
    with pytest.raises(NoWayBack) as caught:
        check_move(STOPS, move("2.1.0", "1.12.7"), set(), stood[:2])
    assert caught.value.fields["possible"] == "—"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "2.0.0"),  # an install
        ("1.9.0", "1.9.0"),  # other answers
        ("2.1.0", "2.0.0"),  # within the range
        ("1.12.7", "1.9.0"),  # nothing is said against it
        ("1.9.0", "1.11.0"),
    ],
)
def test_what_no_rule_speaks_of_is_allowed(before: str, after: str) -> None:
    check_move(STOPS, move(before, after), set())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("1.12.7", "2.0.0", True),
        ("2.0.0", "2.1.0", False),
        ("1.9.0", "1.10.1", False),
        ("2.1.0", "1.12.7", False),
        ("2.0.0", "2.0.0", False),
        ("", "2.0.0", False),
        ("who knows", "2.0.0", False),
    ],
)
def test_what_cannot_come_back_is_known_beforehand(before: str, after: str, told: bool) -> None:
    assert (no_return(STOPS, move(before, after)) is not None) is told


def test_without_rules_any_two_versions_will_do() -> None:
    check_move(Upgrades(Order.SEMVER), move("who knows", "1.0.0"), set())


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [("2024-01", "2.0.0", "2024-01"), ("1.0.0", "latest", "latest")],
)
def test_a_version_without_a_place_in_the_order_is_not_guessed_at(
    before: str, after: str, named: str
) -> None:
    with pytest.raises(VersionNotComparable) as caught:
        check_move(STOPS, move(before, after), {after})
    assert caught.value.fields["version"] == named


def test_versions_that_are_no_semantic_ones_have_the_catalogs_order() -> None:
    upgrades = Upgrades(Order.CATALOG, (rule(">=2024b", ">=2023", "2023.4"),))
    with pytest.raises(StepsRequired) as caught:
        check_move(upgrades, move("2021", "2024b"), {"2024b"})
    assert caught.value.fields["way"] == "2021 -> 2023.4 -> 2024b"


def test_the_first_rule_against_a_move_says_why() -> None:
    both = semver(rule(">=2.0.0", ">=1.5.0", "1.5.0"), Rule(Range.parse(">=2.0.0"), OTHER, None))
    found = both.forbidding("1.0.0", "2.0.0")
    assert found is not None
    assert found.reason == WHY
