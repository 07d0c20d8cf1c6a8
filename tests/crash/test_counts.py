"""The kills of every run: 250 each of packing and importing, 300 of applying, and more."""

from __future__ import annotations

from tests.crash.counts import AT_LEAST, kills_of, told


def test_at_least_500_processes_are_killed_in_every_run() -> None:
    assert kills_of("pack") >= 250
    assert kills_of("import") >= 250


def test_at_least_300_of_them_while_a_plan_is_applied() -> None:
    assert kills_of("apply") >= 300


def test_the_sum_is_told_by_verb_and_in_all() -> None:
    lines = [line.split() for line in told(AT_LEAST).splitlines()]
    by_verb = {line[-1]: int(line[0]) for line in lines}
    assert by_verb["apply"] == kills_of("apply")
    assert by_verb.pop("all") == sum(by_verb.values()) == sum(AT_LEAST.values())
