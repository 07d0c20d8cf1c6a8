"""Concerns in plans: kept with the plan, blocking its application unless they were accepted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.index import Catalog
from champ_offline.cluster.interface import ClusterForbidden, ObjectRefused
from champ_offline.errors import Quoted
from champ_offline.journal.audit import Audit
from champ_offline.paths import ZonePaths
from champ_offline.preflight.change import Planned
from champ_offline.preflight.checks import examine
from champ_offline.preflight.concern import Concern, Weight
from champ_offline.preflight.reading import Reading
from champ_offline.release.plan import Plan
from champ_offline.release.planner import Planner
from champ_offline.release.prospect import ConcernUnknown, PlanBlocked, accept
from champ_offline.release.records.vault import VaultMissing
from champ_offline.releases import Releases
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Refs
from tests.simulators.charts import SAMPLE, chart, small
from tests.unit.release.conftest import NAME, PLACE, World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HUGE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-work}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
      - {name: work, image: "registry.k8s.io/pause:3.10", resources: {requests: {cpu: "9"}}}
"""
BUDGET = """\
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: {{ .Release.Name }}-budget}
spec: {minAvailable: 1}
"""


def node() -> dict[str, Any]:
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "one", "labels": {}},
        "spec": {}, "status": status,
    }  # fmt: skip


@pytest.fixture
def careful(world: World) -> World:
    """The world with a planner that looks, and one node of four cores."""
    world.cluster.apply(node(), "")
    reading = Reading(world.cluster, lambda: NOW, lambda: None)
    world.planner = Planner(
        world.helm, world.cluster, world.history, world.vault, zone="core", now=lambda: NOW,
        size=lambda digest: len(digest.hex),
        preflight=lambda made: examine(made, reading.facts(made.namespace), NOW),
    )  # fmt: skip
    return world


def told(plan: Plan) -> list[tuple[str, str, str]]:
    return [(one.weight.value, one.id, one.subject) for one in plan.concerns]


def test_a_plan_keeps_what_preflight_found(careful: World) -> None:
    plan = careful.plan(replicas=1)
    assert told(plan) == [("warning", "registry.unproven", NAME)]
    assert not plan.blocked
    assert Plan.from_bytes(plan.to_bytes()) == plan
    assert careful.apply(plan).number == 1


def test_a_blocked_plan_is_shown_and_not_applied(careful: World) -> None:
    huge = chart({**SAMPLE, "templates/work.yaml": HUGE, "crds/definition.yaml": ""})
    plan = careful.plan(chart=huge, replicas=1)
    assert told(plan)[:2] == [
        ("blocking", "capacity.no-room", f"Deployment {NAME}-work"),
        ("blocking", "security.refused", f"Deployment {NAME}-work"),
    ]
    assert plan.blocked
    with pytest.raises(PlanBlocked, match=r"capacity\.no-room"):
        careful.apply(plan)
    assert not careful.cluster.has_namespace(PLACE)
    assert careful.history.revisions(careful.cluster.identity(), PLACE, NAME) == ()


def test_accepted_concerns_let_a_plan_through_under_another_digest(careful: World) -> None:
    huge = chart({**SAMPLE, "templates/work.yaml": HUGE, "crds/definition.yaml": ""})
    plan = careful.plan(chart=huge, replicas=1)
    half = accept(plan, ["capacity.no-room"])
    assert half.blocked
    whole = accept(half, ["security.refused", "quota.exceeded"])
    assert not whole.blocked
    assert len({plan.digest, half.digest, whole.digest}) == 3
    assert Plan.from_bytes(whole.to_bytes()) == whole
    assert careful.apply(whole).number == 1


def test_the_zone_keeps_a_plan_that_was_accepted(careful: World, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "store")
    catalog = Catalog(Refs(careful.database), blobs)
    releases = Releases(
        "core", ZonePaths(tmp_path), careful.database, blobs, catalog, lambda: None, lambda: NOW
    )
    huge = chart({**SAMPLE, "templates/work.yaml": HUGE, "crds/definition.yaml": ""})
    plan = careful.plan(chart=huge, replicas=1)
    with pytest.raises(VaultMissing):
        releases.accept(plan, ["capacity.no-room"])
    careful.vault.put(plan.to_bytes())
    accepted = releases.accept(plan, ["capacity.no-room"])
    assert careful.vault.get(accepted.digest) == accepted.to_bytes()
    assert [one.accepted for one in accepted.concerns][:2] == [True, False]
    assert releases.accept(accepted, ["capacity.no-room"]) == accepted
    [row] = Audit(careful.database, lambda: NOW).rows()
    told = json.loads(row.detail)
    assert (row.act, told["plan"]) == ("release.plan", str(accepted.digest))
    assert (told["blocking"], told["accepted"]) == (["security.refused"], ["capacity.no-room"])


@pytest.mark.parametrize("wrong", ["registry.unproven", "nothing.such", ""])
def test_only_what_blocks_can_be_accepted(careful: World, wrong: str) -> None:
    with pytest.raises(ConcernUnknown):
        accept(careful.plan(), [wrong])


def test_a_plan_without_changes_is_not_blocked(careful: World) -> None:
    careful.apply(careful.plan(replicas=1))
    careful.cluster.delete(node(), "")
    tiny = node()
    tiny["status"]["allocatable"]["pods"] = "0"
    careful.cluster.apply(tiny, "")
    again = careful.plan(replicas=1)
    assert not again.has_changes
    assert not again.blocked


def test_a_kind_that_is_gone_is_a_plan_with_a_concern(careful: World) -> None:
    files = {**SAMPLE, "templates/budget.yaml": BUDGET, "crds/definition.yaml": ""}
    plan = careful.plan(chart=chart(files))
    assert ("blocking", "api.removed", f"PodDisruptionBudget {NAME}-budget") in told(plan)
    assert f"{NAME}-budget" in {one.name for one in plan.actions}


def test_a_refusal_that_was_foretold_is_told_once(careful: World) -> None:
    careful.apply(careful.plan(replicas=1))

    def refused(*_: object) -> None:
        raise ObjectRefused(kind="Deployment", name=f"{NAME}-work", reason=Quoted("of the quota"))

    careful.cluster.preview = refused  # type: ignore[method-assign,assignment]
    with pytest.raises(ObjectRefused):
        careful.plan(replicas=2)
    about: list[Concern] = []
    careful.planner._preflight = lambda _planned: tuple(about)
    about.append(Concern("quota.exceeded", Weight.BLOCKING, "ResourceQuota team"))
    plan = careful.plan(replicas=2)
    [work] = [one for one in plan.actions if one.name == f"{NAME}-work"]
    assert work.change.value == "changed"

    def forbidden(*_: object) -> None:
        raise ClusterForbidden(
            address="https://simulated:6443", reason=Quoted('User "a" cannot patch')
        )

    about[:] = [Concern("capacity.no-room", Weight.BLOCKING, "Deployment another")]
    with pytest.raises(ObjectRefused):
        careful.plan(replicas=2)
    about[:] = [Concern("quota.exceeded", Weight.BLOCKING, "ResourceQuota team")]
    careful.cluster.preview = forbidden  # type: ignore[method-assign,assignment]
    with pytest.raises(ClusterForbidden):
        careful.plan(replicas=2)


def test_concerns_hold_no_secrets(careful: World) -> None:
    secret = Concern(
        "storage.class-unknown", Weight.BLOCKING, "Claim s3cret-word", {"class_": "as3cret-wordb"}
    )

    def found(_planned: Planned) -> tuple[Concern, ...]:
        return (secret,)

    careful.planner._preflight = found
    text = careful.plan().to_bytes().decode()
    assert "s3cret-word" not in text
    assert '"class_":"a(hidden)b"' in text


def test_a_rollback_is_looked_at_like_any_change(careful: World) -> None:
    careful.apply(careful.plan(replicas=1))
    careful.apply(careful.plan(version="1.1", chart=small(), replicas=2))
    plan = careful.planner.rollback(NAME, PLACE, 1)
    assert told(plan) == [("warning", "registry.unproven", NAME)]
    removal = careful.planner.remove(NAME, PLACE)
    assert removal.concerns == ()
