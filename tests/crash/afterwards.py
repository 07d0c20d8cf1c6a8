"""What must be so after a kill and its recovery, whatever was killed where.

Invariant: looks at Helm's records, the cluster and the zone's database, and changes none of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from champ_offline.journal.audit import Audit
from champ_offline.release.objects import items_of_manifest
from champ_offline.release.plan import Operation
from champ_offline.release.records.history import Outcome
from tests.unit.release.conftest import HERE, NAME, PLACE, World


@dataclass(frozen=True)
class Standing:
    """What must not get lost: Helm's newest manifest, and the claims with their volumes."""

    manifest: str
    claims: frozenset[tuple[str, str]]


def standing(world: World) -> Standing:
    found = world.helm.status(NAME, PLACE)
    bound = [(one.name, one.uid) for one in world.cluster.claims(PLACE) if one.bound]
    return Standing(found.manifest if found else "", frozenset(bound))


def check(world: World, operation: Operation, before: Standing) -> str:
    """Raise AssertionError unless the release is as it was or as planned, and all records agree.

    Gives what Helm's newest record holds.
    """
    assert world.journal.under_way() == ()
    after = standing(world)
    assert after.claims >= before.claims, "a volume was let go"
    _live_as_recorded(world)
    _history_agrees(world)
    _audit_agrees(world)
    if operation in {Operation.UPGRADE, Operation.ROLLBACK}:
        assert after.manifest, "a live release was lost"
    return after.manifest


def _live_as_recorded(world: World) -> None:
    """Helm is at rest, and the cluster holds the objects of its newest record and no others."""
    newest = world.helm.status(NAME, PLACE)
    wanted = items_of_manifest(newest.manifest, PLACE) if newest else ()
    for item in wanted:
        live = world.cluster.get(item.api_version, item.kind, PLACE, item.name)
        assert live is not None, f"{item.kind} is not there"
        if item.kind == "ConfigMap":
            assert live["data"] == item.content["data"]
    if newest is None:
        kinds = {key[1] for key in world.cluster._store if key[2] == PLACE}
        assert kinds <= {"PersistentVolumeClaim", "ConfigMap"}, kinds
        assert world.cluster.get("v1", "ConfigMap", PLACE, f"{NAME}-config") is None
        return
    assert newest.status == "deployed", newest
    assert [one.status for one in world.helm.history(NAME, PLACE)].count("deployed") == 1


def _history_agrees(world: World) -> None:
    newest = world.helm.status(NAME, PLACE)
    revisions = world.history.revisions(HERE, PLACE, NAME)
    assert Outcome.RUNNING not in {one.outcome for one in revisions}
    current = world.history.releases()
    if newest is None:
        assert current == ()
        return
    assert [one.helm_revision for one in current] == [newest.revision]
    now = world.history.current(HERE, PLACE, NAME)
    assert now is not None
    assert now.outcome is Outcome.DEPLOYED
    record = next(
        one
        for one in world.helm._records[(PLACE, NAME)]
        if one.release.revision == now.helm_revision
    )
    assert record.release.manifest == newest.manifest


def _audit_agrees(world: World) -> None:
    """Every application has one beginning and one end in the chain, which stands."""
    audit = Audit(world.database, world.journal._now)
    audit.check()
    told: dict[int, list[str]] = {}
    for row in audit.rows():
        told.setdefault(json.loads(row.detail)["operation"], []).append(row.act)
    ended = {record.number: record for record in world.journal.recent(10**6)}
    assert told.keys() == ended.keys()
    for number, acts in told.items():
        recovered = ended[number].outcome.startswith("recovered")
        assert acts[0] == "release.apply.begin"
        assert acts[-1] == ("release.recover" if recovered else "release.apply.end")
        assert set(acts[1:-1]) <= {"release.settle"}
