"""How a release is, judged from the states of its objects."""

from __future__ import annotations

import pytest

from champ_offline.cluster.health import ENDING
from champ_offline.events import ObjectState
from champ_offline.oci.digest import Digest
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
