"""What applying leaves in the vault, and which of it a policy lets go."""

from __future__ import annotations

from datetime import UTC, datetime

from champ_offline.release.records.retention import PLANS_LIVE, Retention, dispensable
from tests.unit.release.conftest import NAME, PLACE, World


def test_the_vault_keeps_what_history_needs(world: World) -> None:
    first = world.apply(world.plan("1.0"))
    world.apply(world.plan("1.1", greeting="x"))
    world.vault.put(world.plan("1.2", greeting="never applied").to_bytes())
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert dispensable(world.history, world.vault, Retention(1), now).keys() == {
        first.sealed,
        first.inputs,
    }
    assert not dispensable(world.history, world.vault, Retention(2), now)
    gone = dispensable(world.history, world.vault, Retention(2), now + PLANS_LIVE)
    assert world.vault.forget(gone) == len(gone) == 3
    assert first.sealed is not None
    assert world.planner.rollback(NAME, PLACE, 1).sealed == first.sealed
