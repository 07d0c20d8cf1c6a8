"""Applying plans, killed everywhere: the appliance, its recovery, Helm alone, the API server.

Wherever it falls: the release is as it was or as planned, Helm is at rest, no volume is lost,
history, journal and audit chain say so, and the next change goes through.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.applies import (
    SCENARIOS,
    Fault,
    Killer,
    Scenario,
    helm_dies,
    server_goes,
    strike_everywhere,
)
from tests.crash.counts import check_count
from tests.crash.random_applies import Chance, kill


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_killed_before_every_step_and_so_its_recovery(tmp_path: Path, scenario: Scenario) -> None:
    killer = Killer(tmp_path, scenario)
    killer.everywhere()
    check_count(f"apply: {scenario.name}", killer.kills)


@pytest.mark.parametrize("fault", [helm_dies, server_goes])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_only_helm_or_the_api_server_is_killed(
    tmp_path: Path, scenario: Scenario, fault: Fault
) -> None:
    assert strike_everywhere(tmp_path, scenario, fault) >= 3


def test_killed_again_and_again_on_one_zone(tmp_path: Path) -> None:
    """tests/crash/random_applies.py makes many more."""
    chance = Chance(tmp_path, seed=6)
    kill(chance, 30)
    assert chance.kills.total() >= 30
