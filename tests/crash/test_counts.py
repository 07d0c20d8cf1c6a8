"""The kills of every run: 250 each of packing and importing, 300 of applying, and more."""

from __future__ import annotations

from tests.crash.counts import AT_LEAST


def kills_of(verb: str) -> int:
    return sum(count for what, count in AT_LEAST.items() if what.startswith(f"{verb}:"))


def test_at_least_500_processes_are_killed_in_every_run() -> None:
    assert kills_of("pack") >= 250
    assert kills_of("import") >= 250


def test_at_least_300_of_them_while_a_plan_is_applied() -> None:
    assert kills_of("apply") >= 300
