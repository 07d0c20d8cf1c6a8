"""Data of a release, killed everywhere: never lost, never half restored and served."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.data_applies import SCENARIOS, DataKiller, DataScenario

# Every third step of what has hundreds, at other steps in each scenario.
STRIDE = 3


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_killed_at_its_steps_and_so_its_recovery(tmp_path: Path, scenario: DataScenario) -> None:
    killer = DataKiller(tmp_path, scenario)
    killer.everywhere(STRIDE)
    assert killer.kills > killer.steps // STRIDE
