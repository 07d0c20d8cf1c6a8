"""How a release is, judged from the states of its objects."""

from __future__ import annotations

import pytest

from champ_offline.cluster.health import ENDING
from champ_offline.events import ObjectState
from champ_offline.oci.digest import Digest
from champ_offline.release.drift.values import Drift, FieldDrift, ObjectDrift, Standing
from champ_offline.release.plan import Operation
from champ_offline.release.records.history import Outcome, Revision
from champ_offline.release.status import Health, ReleaseStatus

WELL = ObjectState("Pod", "a", ready=True)
STARTING = ObjectState("Pod", "b", ready=False, reason="starting")
GOING = ObjectState("Pod", "c", ready=False, reason=ENDING)
REVISION = Revision(
    cluster="c", namespace="n", release="r", number=2, helm_revision=3,
    operation=Operation.UPGRADE, app="a", version="1", plan=Digest.of(b""), sealed=None,
    inputs=None, actor="x", started="", seconds=1.0, outcome=Outcome.DEPLOYED, error="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "health"),
    [
        (None, Health.UNKNOWN),
        ((), Health.TROUBLED),
        ((WELL,), Health.HEALTHY),
        ((WELL, STARTING), Health.TROUBLED),
        ((WELL, GOING), Health.HEALTHY),
        ((GOING,), Health.TROUBLED),
    ],
)
def test_health(objects: tuple[ObjectState, ...] | None, health: Health) -> None:
    found = ReleaseStatus.of(REVISION, 3, objects, None)
    assert (found.health, found.number, found.version) == (health, 2, "1")
    assert found.objects == (objects or ())


@pytest.mark.parametrize(
    ("sealed", "live", "others", "health"),
    [
        ("1", "0", (WELL,), Health.STOPPED),
        ("3", "0", (), Health.STOPPED),
        ("1", "0", (STARTING,), Health.TROUBLED),
        ("1", "0", (GOING,), Health.STOPPED),
        ("3", "1", (WELL,), Health.HEALTHY),
        ("0", "1", (WELL,), Health.HEALTHY),
    ],
)
def test_what_was_scaled_to_nothing_serves_nobody(
    sealed: str, live: str, others: tuple[ObjectState, ...], health: Health
) -> None:
    field = FieldDrift("spec.replicas", sealed, live, ())
    moved = ObjectDrift(Standing.CHANGED, "apps/v1", "Deployment", "n", "web", (field,))
    objects = (ObjectState("Deployment", "web", ready=True), *others)
    found = ReleaseStatus.of(REVISION, 3, objects, Drift(objects=(moved,)))
    assert found.health is health
    assert found.objects[0].reason == ("scaled to 0" if live == "0" else "")
    assert found.health.ails == (health is not Health.HEALTHY)
