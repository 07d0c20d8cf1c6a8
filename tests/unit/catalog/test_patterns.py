from __future__ import annotations

import re
from random import Random

import pytest

from champ_offline.catalog.patterns import LONGEST_TEXT, NotAPattern, Pattern

ATOMS = (
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    r"\d",
    r"\W",
    r"\x61",
    "(?:a|bc)",
    "(b|)",
    "^",
    "$",
    "[a-c0]",
)
TIMES = ("", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "+?")


def some_pattern(random: Random) -> str:
    rows = [
        "".join(one if one in "^$" else one + random.choice(TIMES) for one in atoms)
        for atoms in (random.choices(ATOMS, k=random.randrange(1, 4)) for _ in range(2))
    ]
    return random.choice((rows[0], f"({rows[0]}|{rows[1]})", f"({rows[0]})*{rows[1]}"))


@pytest.mark.parametrize("seed", range(20))
def test_the_answer_is_that_of_another_engine(seed: int) -> None:
    random = Random(seed)
    for _ in range(50):
        pattern = some_pattern(random)
        other = re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern), re.ASCII)
        for _ in range(20):
            text = "".join(random.choices("abc0-", k=random.randrange(7)))
            assert Pattern(pattern).is_in(text) == bool(other.search(text)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "match", "other"),
    [
        ("^(a+)+$", "a" * 5000, "a" * 5000 + "!"),
        ("^(a|a)*$", "a" * 5000, "a" * 5000 + "!"),
        ("^(a?){400}a{400}$", "a" * 400, "a" * 399),
        ("a*a*a*a*a*a*b", "a" * 5000 + "b", "a" * 5000),
        ("^(()*)*x$", "x", "y"),
        ("^((){1000}){1000}$", "", "y"),
    ],
)
def test_no_pattern_takes_for_ever(pattern: str, match: str, other: str) -> None:
    assert Pattern(pattern).is_in(match)
    assert not Pattern(pattern).is_in(other)


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("^[!-\\[\\]-~]$", "!~[]", " \\"),
        ("^[^\\]a-]$", "b", "]a-"),
        ("^[]$", "", "]a"),
        ("^[^]$", "]a\n", ""),
        ("^.$", "aé演\U0001f600", "\n\r\u2028"),
        ("^\\u6f14\\x41\\u{1F600}$", ["演A\U0001f600"], ["演A"]),
        ("^\\d$", "09", "٣"),
        ("^\\s\\S$", ["\ta"], ["a\t"]),
        ("a$", ["ba"], ["a\n"]),
    ],
)
def test_the_meaning_is_that_of_ecma_262(
    pattern: str, matches: str | list[str], others: str | list[str]
) -> None:
    assert [text for text in matches if not Pattern(pattern).is_in(text)] == []
    assert [text for text in others if Pattern(pattern).is_in(text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "(", ")", "(a", "[a", "[b-a]", "[\\d-a]", "a{2,1}", "*", "a**", "^*", "{a}", "a]", "\\",
        "\\b", "\\1", "\\p{L}", "(?=a)", "(?!a)", "(?<n>a)", "\\-", "(" * 99 + ")" * 99, "a" * 2001,
        "((a{99}){99}){99}", "((a?){99}){99}",
    ],
)  # fmt: skip
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(NotAPattern):
        Pattern(pattern)


def test_very_long_texts_match_nothing() -> None:
    assert Pattern("a").is_in("a" * LONGEST_TEXT)
    assert not Pattern("a").is_in("a" * (LONGEST_TEXT + 1))
