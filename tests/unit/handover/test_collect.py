"""The figures of a report are those of the records, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from champ_offline.events import ignore
from champ_offline.handover.collect import Order
from champ_offline.handover.document import FORMAT, Handover, Period
from champ_offline.handover.rows import sound
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import AuditBroken, Row
from champ_offline.journal.process import current_user
from champ_offline.preflight import capacity
from champ_offline.release.records.history import Outcome
from champ_offline.release.records.vault import Vault
from champ_offline.release.status import Health
from tests.unit.handover.conftest import Site

OFFLINE = Order(offline=True)


def test_every_change_is_as_the_history_has_it(site: Site) -> None:
    found = site.report(OFFLINE).changes
    deeds = site.releases.log(None, None, "", None)[::-1]
    assert len(found) == len(deeds) == 6
    for change, deed in zip(found, deeds, strict=True):
        assert (change.identity, change.namespace, change.release, change.number) == (
            deed.cluster, deed.namespace, deed.release, deed.number,
        )  # fmt: skip
        assert (change.operation, change.from_version, change.to_version, change.target) == (
            deed.operation, deed.from_version, deed.version, deed.target,
        )  # fmt: skip
        assert (change.plan, change.images, change.applied_by) == (
            deed.plan, deed.images, deed.actor,
        )  # fmt: skip
        assert (change.started, change.seconds, change.outcome, change.error) == (
            deed.started, deed.seconds, deed.outcome, deed.error,
        )  # fmt: skip
    assert [one.operation.value for one in found] == [
        "install", "upgrade", "rollback", "upgrade", "install", "install",
    ]  # fmt: skip
    assert [one.outcome.value for one in found] == [
        "deployed", "deployed", "deployed", "put-back", "deployed", "put-back",
    ]  # fmt: skip
    assert found[2].target == 1
    assert [one.cluster for one in found] == ["main"] * 4 + ["edge", "main"]


def test_who_planned_what_the_steps_took_and_who_put_it_right(site: Site) -> None:
    found = site.report(OFFLINE).changes
    rows = [row for row in site.appliance.audit.of_acts(Act.PLAN) if row.sound]
    assert len(rows) == len(found)
    for change in found:
        assert change.planned is not None
        assert change.planned.actor == current_user()
        assert change.steps
        assert "helm" in {step.name for step in change.steps}
    late, killed = found[3], found[5]
    assert late.recovery is None
    assert [step.name for step in late.steps or ()][-1] == "settle"
    assert killed.recovery is not None
    assert (killed.recovery.settled, killed.recovery.actor) == ("put-back", current_user())
    [cut_off] = [step for step in killed.steps or () if step.seconds is None]
    assert (cut_off.name, cut_off.outcome) == ("helm", "")


def test_a_change_that_nobody_put_right_yet_is_interrupted(site: Site) -> None:
    site.killed("lost-again", "main")
    [*_, last] = site.report(OFFLINE).changes
    assert (last.release, last.outcome, last.interrupted) == (
        "lost-again", Outcome.RUNNING, True,
    )  # fmt: skip
    assert last.recovery is None
    before = [one for one in site.report(OFFLINE).changes if one.interrupted]
    assert before == [last]


def test_a_plan_applied_twice_is_two_changes_each_with_its_own_steps(fresh: Site) -> None:
    plan = fresh.plan("1.0", "front")
    fresh.killed("front", "main", plan)
    fresh.releases.recover(fresh.way("main"))
    fresh.releases.apply(plan, fresh.way("main"), ignore)
    first, second = fresh.report(OFFLINE).changes
    assert first.plan == second.plan
    assert (first.recovery is None, second.recovery is None) == (False, True)
    assert [step.name for step in first.steps or ()][-2:] == ["settle", "clear"]
    assert [step.name for step in second.steps or ()][-1] == "helm"
    assert (first.number, second.number) == (1, 2)


def test_what_media_brought_who_signed_it_and_who_took_it(site: Site) -> None:
    found = site.report(OFFLINE)
    assert [(one.name, one.version) for one in found.brought] == [
        ("greeter", "1.0"), ("greeter", "2.0"),
    ]  # fmt: skip
    assert found.held == 2
    view = site.appliance.trust_view()
    wanted = {role.role: role for role in view.roles}
    for one, known in zip(found.brought, site.appliance.summary().bundles, strict=True):
        assert (one.digest, one.first, one.packed) == (known.digest, known.imported, known.packed)
        assert one.volumes_size == sum(volume.size for volume in known.document.volumes)
        assert one.roles is not None
        assert [role.role for role in one.roles] == ["targets", "snapshot", "timestamp"]
        for role in one.roles:
            assert role.threshold == wanted[role.role].threshold
            [key] = role.keys
            assert (key.holder, key.trusted) == ("Release Engineering", True)
            assert key.id[:8] in {known_key.id for known_key in wanted[role.role].keys}
    rows = list(site.appliance.audit.of_acts(Act.IMPORT))
    taken = [one for bundle in found.brought for one in bundle.imports]
    assert [(one.time, one.actor) for one in taken] == [(row.time, row.actor) for row in rows]


def test_only_what_was_within_the_period(site: Site) -> None:
    every = site.report(OFFLINE)
    third = every.changes[2].started
    later = site.report(Order(Period(since=third), offline=True))
    assert later.changes == every.changes[2:]
    earlier = site.report(Order(Period(until=third), offline=True))
    assert earlier.changes == every.changes[:2]
    future = site.report(Order(Period(since="2999-01-01T00:00:00"), offline=True))
    assert (future.changes, future.brought, future.chain.acts) == ((), (), {})
    assert (future.held, len(future.releases)) == (2, len(every.releases))
    assert future.chain.rows == every.chain.rows


def test_a_concern_that_was_accepted_is_told_with_who_accepted_it(site: Site) -> None:
    releases = site.releases
    made = releases.plan_install(
        "greeter", "2.0", "desk", "clinic", None, site.way("edge"), save=False
    )
    concern = capacity.NO_ROOM.of("Deployment desk-work", wanted="8 CPU", lacking="CPU: 1")
    made = replace(made, concerns=(concern,))
    Vault(releases.database, str).put(made.to_bytes())
    releases.apply(releases.accept(made, [concern.id]), site.way("edge"), ignore)
    [*_, last] = site.report(OFFLINE).changes
    assert [one.id for one in last.accepted or ()] == [concern.id]
    assert last.planned is not None
    assert last.planned.actor == current_user()
    assert last.accepted == (replace(concern, accepted=True),)


def test_a_policy_that_allowed_a_plan_is_told_and_one_that_did_not_is_not(site: Site) -> None:
    [*others, last] = site.report(OFFLINE).changes
    about = {"policy": "sha256:aa", "reasons": []}
    site.appliance.audit.record(
        done(Act.DECIDE, "clinic/lost", plan=str(last.plan), allowed=True, **about),
        done(Act.DECIDE, "clinic/front", plan=str(others[0].plan), allowed=False, **about),
    )
    [*others, last] = site.report(OFFLINE).changes
    assert last.allowed is not None
    assert last.allowed.policy == "sha256:aa"
    assert {one.allowed for one in others} == {None}


def test_how_long_changes_took_is_told_of_those_that_ended(site: Site) -> None:
    site.killed("lost-again", "main")
    found = site.report(OFFLINE)
    told = {one.operation.value: one for one in found.timings}
    assert {name: one.count for name, one in told.items()} == {
        "install": 3, "upgrade": 2, "rollback": 1,
    }  # fmt: skip
    upgrades = sorted(one.seconds for one in found.changes if one.operation.value == "upgrade")
    assert (told["upgrade"].shortest, told["upgrade"].longest) == (upgrades[0], upgrades[1])
    assert told["upgrade"].median == pytest.approx(sum(upgrades) / 2)


def test_a_release_whose_last_change_was_cut_off_says_so(site: Site) -> None:
    assert {one.interrupted for one in site.report(OFFLINE).releases} == {False}
    site.killed("front", "main", site.plan("2.0", "front"))
    found = {one.release: one for one in site.report(OFFLINE).releases}
    assert (found["front"].interrupted, found["desk"].interrupted) == (True, False)
    assert (found["front"].version, found["front"].number) == ("1.0", 3)


def test_rows_that_no_release_of_champ_wrote_tell_nothing() -> None:
    def row(detail: str) -> Row:
        made = Row(1, "2026", "bo", "policy.run", "core", detail, "0" * 64, "")
        return replace(made, hash=made.hashed())

    good = row('{"a":"b","c":3,"d":[1,"x"],"e":true}')
    odd = (row("[]"), row("{"), row("[" * 100_000), replace(good, actor="eve"))
    [found] = sound([*odd, good])
    assert (found.text("a"), found.count("c"), found.texts("d")) == ("b", 3, ("1", "x"))
    assert (found.text("c"), found.count("e"), found.texts("a"), found.count("z")) == ("", 0, (), 0)


def test_the_chain_is_counted_and_hashed(site: Site) -> None:
    found = site.report(OFFLINE).chain
    audit = site.appliance.audit
    rows = audit.rows()
    assert (found.head, found.rows, found.error) == (str(audit.head()), len(rows), None)
    assert sum(found.acts.values()) == len(rows)
    assert found.acts[Act.APPLY_BEGIN] == 6
    audit.record(done(Act.AUDIT, "core", rows=24, head="24:aa", key="0f"))
    [exported] = site.report(OFFLINE).chain.exports
    assert (exported.rows, exported.head, exported.key) == (24, "24:aa", "0f")


def test_a_broken_chain_is_told_and_its_edited_rows_are_not_believed(site: Site) -> None:
    with site.releases.database.transaction() as connection:
        connection.execute("DROP TRIGGER audit_is_kept")
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE act = 'bundle.import'")
    found = site.report(OFFLINE)
    assert isinstance(found.chain.error, AuditBroken)
    assert found.chain.error.fields["seq"] == 2
    assert [one.imports for one in found.brought] == [(), ()]
    assert found.to_json()["chain"]["error"]["id"] == AuditBroken.id


def test_clusters_that_are_asked_say_how_releases_are(site: Site) -> None:
    found = site.report(Order(drift=True))
    assert [(one.name, one.nodes, one.ready) for one in found.clusters] == [
        ("edge", 1, 1), ("main", 1, 1),
    ]  # fmt: skip
    assert all(one.seen and one.error is None for one in found.clusters)
    assert [(one.cluster, one.release, one.health) for one in found.releases] == [
        ("edge", "desk", Health.HEALTHY), ("main", "front", Health.HEALTHY),
    ]  # fmt: skip
    assert all(one.drift is not None and not one.drift.found for one in found.releases)


def test_without_being_asked_nothing_is_known_of_health_nodes_and_drift(site: Site) -> None:
    before = [place.cluster.asked for place in site.places.values()]
    found = site.report(OFFLINE)
    assert [place.cluster.asked for place in site.places.values()] == before
    assert [(one.nodes, one.seen, one.version) for one in found.clusters] == [(None, "", "")] * 2
    assert {one.health for one in found.releases} == {None}
    assert {one.drift for one in found.releases} == {None}
    assert {one.where for one in found.checks} == {""}


def test_a_cluster_that_does_not_answer_is_told_and_the_other_is_asked(site: Site) -> None:
    site.places["edge"].cluster.reachable = False
    found = site.report()
    edge, main = found.clusters
    assert (edge.name, edge.nodes, edge.seen) == ("edge", None, "")
    assert edge.error is not None
    assert (main.error, main.nodes) == (None, 1)
    assert [one.health for one in found.releases] == [None, Health.HEALTHY]


def test_one_cluster_may_be_asked_alone(site: Site) -> None:
    found = site.report(Order(kubeconfig=site.way("main")))
    assert [bool(one.seen) for one in found.clusters] == [False, True]


def test_json_has_every_field_and_the_same_figures(site: Site) -> None:
    found = site.report(OFFLINE)
    told = found.to_json()
    assert told["format"] == FORMAT
    assert set(told) == {"format", *Handover.__dataclass_fields__}
    assert [one["plan"] for one in told["changes"]] == [str(one.plan) for one in found.changes]
    assert [one["outcome"] for one in told["changes"]] == [o.outcome.value for o in found.changes]


def test_a_zone_without_a_past_has_a_report(fresh: Site) -> None:
    found = fresh.report(OFFLINE)
    assert (found.changes, found.releases, found.backups, found.data) == ((), (), (), ())
    assert found.chain.error is None


def test_periods_end_before_their_end() -> None:
    period = Period("2026-05-01T00:00:00", "2026-05-02T00:00:00")
    assert period.holds("2026-05-01T00:00:00+00:00")
    assert period.holds("2026-05-01T23:59:59.999+00:00")
    assert not period.holds("2026-05-02T00:00:00+00:00")
    assert not period.holds("2026-04-30T23:59:59+00:00")
