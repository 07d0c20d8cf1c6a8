"""Plans that were carried: the value, and the review that is made of it."""

from __future__ import annotations

from champ_offline.release.plan import Plan
from installer.plan_text import COLUMNS, review
from installer.terminal_text import printable_lines, width
from tests.cli.test_plan_review import BLOCKED
from tests.fuzz.mutation import json_mutator
from tests.fuzz.target import Target


def read_plan(data: bytes) -> None:
    plan = Plan.from_bytes(data)
    assert plan.to_bytes() == data
    text = review(plan)
    assert all(width(line) <= COLUMNS for line in text.splitlines())
    assert printable_lines(text) == text
    whole = review(plan, differences=True)
    assert printable_lines(whole) == whole


TARGETS = (Target("plan", read_plan, lambda: {"upgrade": BLOCKED.to_bytes()}, json_mutator()),)
