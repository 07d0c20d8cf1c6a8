"""Kept inputs are read again, without the engine; then each target is fuzzed for a moment."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.fuzz.campaign import Outcome, run_all
from tests.fuzz.registry import MODULES, target
from tests.fuzz.target import CORPUS, CRASHES

SECONDS = 60
MOST_BYTES = 300 * 1024


@pytest.mark.parametrize("name", MODULES)
def test_what_was_found_once_stays_put_right(name: str) -> None:
    chosen = target(name)
    assert chosen.kept
    for path in chosen.kept:
        chosen.attempt(path.read_bytes())


@pytest.mark.parametrize("name", MODULES)
def test_seeds_fit_to_what_is_packed_now(name: str) -> None:
    stale = [
        seed
        for seed, data in target(name).seeds().items()
        if (CORPUS / name / seed).read_bytes() != data
    ]
    assert stale == [], "python -m tests.fuzz --seeds"


def test_the_kept_inputs_are_few_and_have_a_target() -> None:
    kept = [path for folder in (CORPUS, CRASHES) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) < MOST_BYTES
    assert {path.parent.name for path in kept} == set(MODULES)


def test_a_minute_of_fuzzing_finds_nothing(tmp_path: Path) -> None:
    outcomes = run_all(MODULES, SECONDS // len(MODULES), 2, tmp_path, print, seed=1)
    for outcome in outcomes:
        assert outcome.sound, _told(outcome)
        assert outcome.executions > 0, outcome.log


def _told(outcome: Outcome) -> str:
    """All that is needed to keep a crash: its name, its bytes, and what the engine said."""
    inputs = [f"{path.name} {base64.b64encode(path.read_bytes())!r}" for path in outcome.crashes]
    return "\n".join([str(outcome), *inputs, outcome.log])
