"""What a policy sees of a plan: every severe effect once, by the object it befalls."""

from __future__ import annotations

from champ_offline.events import ObjectState
from champ_offline.oci.digest import Digest
from champ_offline.policy.decide import Effect, Severe
from champ_offline.policy.facts import plan_facts
from champ_offline.preflight.concern import Concern, Weight
from champ_offline.release.plan import Action, Change, Operation, Plan
from champ_offline.release.records.history import Outcome
from champ_offline.release.review.effects import Effect as Happening
from champ_offline.release.review.effects import Happens
from champ_offline.release.review.irreversible import Irreversible, Why
from champ_offline.release.review.restarts import Cause, Restart, Way
from champ_offline.release.status import Health, ReleaseStatus
from tests.cli.test_plan_review import BLOCKED

CLAIM = "PersistentVolumeClaim"


def action(change: Change, kind: str, name: str, way: Way | None = None, hook: str = "") -> Action:
    gone = (Restart(1, way, (Cause.IMAGE,)),) if way else ()
    return Action(change, "v1", kind, "pacs", name, "because", hook=hook, restarts=gone)


def plan(
    *actions: Action,
    irreversible: tuple[Irreversible, ...] = (),
    concerns: tuple[Concern, ...] = (),
    happening: tuple[Happening, ...] = (),
) -> Plan:
    return Plan(
        operation=Operation.UPGRADE, zone="core", cluster="8f0f", release="pacs", namespace="pacs",
        new_namespace=False, app="orthanc", from_version="1", to_version="2", base_revision=1,
        base_manifest=Digest.of(b""), target=0, actions=actions, images=(), sealed=None,
        values=None, created="2026-08-01T00:00:00+00:00", irreversible=irreversible,
        concerns=concerns, effects=happening,
    )  # fmt: skip


def severe(*actions: Action) -> list[Severe]:
    return list(plan_facts(plan(*actions), "main", None).severe)


def test_what_is_harmless() -> None:
    assert severe(
        action(Change.CREATED, "Service", "a"),
        action(Change.CHANGED, "Deployment", "b", Way.ROLLING),
        action(Change.UNCHANGED, CLAIM, "c"),
        action(Change.CREATED, CLAIM, "d"),
        action(Change.REPLACED, "Job", "e", hook="pre-upgrade"),
    ) == []  # fmt: skip


def test_what_is_severe() -> None:
    assert severe(
        action(Change.DELETED, "Service", "a"),
        action(Change.REPLACED, "Job", "b"),
        action(Change.CHANGED, CLAIM, "c"),
        action(Change.DELETED, CLAIM, "d"),
        action(Change.CHANGED, "StatefulSet", "e", Way.AT_ONCE),
    ) == [
        Severe(Effect.DELETED, "Service/a"),
        Severe(Effect.REPLACED, "Job/b"),
        Severe(Effect.CHANGED, f"{CLAIM}/c", volume=True),
        Severe(Effect.DELETED, f"{CLAIM}/d", volume=True),
        Severe(Effect.STOPPED, "StatefulSet/e"),
    ]  # fmt: skip


def test_other_labels_of_a_claim_touch_no_volume() -> None:
    told = (Happening(Happens.VOLUME_RELABELLED, CLAIM, "c"),)
    one = action(Change.CHANGED, CLAIM, "c")
    assert plan_facts(plan(one, happening=told), "main", None).severe == ()
    # Of two claims of that name in two namespaces nobody knows which is meant.
    touched = Severe(Effect.CHANGED, f"{CLAIM}/c", volume=True)
    assert plan_facts(plan(one, one, happening=told), "main", None).severe == (touched,)


def test_claims_that_go_with_their_set_are_seen() -> None:
    gone = Irreversible(Why.VOLUME_DELETED, CLAIM, "data-e-0")
    facts = plan_facts(plan(irreversible=(gone,)), "main", None)
    assert facts.severe == (Severe(Effect.DELETED, f"{CLAIM}/data-e-0", volume=True),)
    assert [one.id for one in facts.warnings] == ["irreversible.volume-deleted"]


def test_a_workload_that_stops_is_told_once_whoever_found_it() -> None:
    concern = Concern("downtime.single", Weight.WARNING, "StatefulSet e")
    found = plan(action(Change.CHANGED, "StatefulSet", "e", Way.AT_ONCE), concerns=(concern,))
    facts = plan_facts(found, "main", None)
    assert facts.severe == (Severe(Effect.STOPPED, "StatefulSet/e"),)
    assert facts.warnings == ()


def test_concerns_warn_or_stop() -> None:
    warning = Concern("ports.taken", Weight.WARNING, "Service a")
    blocking = Concern("quota.exceeded", Weight.BLOCKING, "Deployment b")
    facts = plan_facts(plan(concerns=(blocking, warning)), "main", None)
    assert [one.id for one in facts.warnings] == ["ports.taken"]
    assert [(one.id, one.fields["check"]) for one in facts.stops] == [
        ("policy.check-stops", "quota.exceeded")
    ]


def test_a_plan_of_a_whole_app() -> None:
    facts = plan_facts(BLOCKED, "hospital", None)
    assert [one.id for one in facts.warnings] == [
        "irreversible.volume-grown", "irreversible.hook-runs", "irreversible.data-converted",
        "security.refused",
    ]  # fmt: skip
    assert [one.fields["check"] for one in facts.stops] == ["capacity.no-room"]
    assert facts.stops[0].fields["object"] == "StatefulSet pacs-database"
    assert Effect.STOPPED in {one.effect for one in facts.severe}


def test_a_release_that_is_not_well_warns() -> None:
    waiting = ObjectState("Pod", "pacs-0", ready=False, reason="CrashLoopBackOff")
    status = ReleaseStatus(
        "8f0f", "pacs", "pacs", "orthanc", "1", 1, 1, Outcome.DEPLOYED, Health.TROUBLED, (waiting,)
    )
    (warned,) = plan_facts(plan(), "main", status).warnings
    assert (warned.id, warned.reason.fields["cause"]) == (
        "policy.troubled-before", "Pod/pacs-0 CrashLoopBackOff",
    )  # fmt: skip


def test_a_cluster_is_known_by_identity_and_name() -> None:
    assert plan_facts(plan(), "main", None).clusters == ("8f0f", "main")
    assert plan_facts(plan(), "8f0f", None).clusters == ("8f0f",)
