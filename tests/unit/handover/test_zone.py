"""What a report tells of the zone itself: registry, checks, backups, bundles, overrides."""

from __future__ import annotations

from dataclasses import replace

from champ_offline.catalog.data_parts import Command, DataPart, Workload
from champ_offline.events import ignore
from champ_offline.external.settings import Settings
from champ_offline.external.target import Target
from champ_offline.findings import State as Found
from champ_offline.handover.collect import Order
from champ_offline.handover.document import Period
from champ_offline.journal.journal import Journal
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backups, Reason, SavedPart, State, Subject
from champ_offline.store.scrub import Pace
from champ_offline.trust.overrides import Overridden
from champ_offline.trust.state import TrustState
from tests.unit.handover.conftest import Site

OFFLINE = Order(offline=True)
FUTURE = Order(Period(since="2999-01-01T00:00:00"), offline=True)
TIME = "2026-05-01T10:00:00+00:00"


def test_the_zones_facts_are_those_of_its_summary(fresh: Site) -> None:
    zone, summary = fresh.report(OFFLINE).zone, fresh.appliance.summary()
    for name in ("name", "commissioned", "root_version", "root_fingerprint", "blobs", "size"):
        assert getattr(zone, name) == getattr(summary, name)
    assert (zone.registry, zone.pushed, zone.authority) == ("", 0, "")


def test_an_external_registry_is_told_without_its_password(fresh: Site) -> None:
    database, clock = fresh.releases.database, fresh.releases.clock
    target = Target("harbor.zone:443", "champ", "", "robot", "pass-wort-geheim", "")
    settings = Settings(database, clock)
    settings.use(target, "bo")
    settings.keep(target, "docker.io/x", [Digest.of(b"1"), Digest.of(b"2")], {})
    found = fresh.report(OFFLINE)
    assert (found.zone.registry, found.zone.pushed) == (target.address, 2)
    assert "geheim" not in str(found.to_json())
    assert "external registry" not in {one.check for one in found.checks}


def test_checks_are_those_of_the_doctor(fresh: Site) -> None:
    found = fresh.report(OFFLINE).checks
    told = fresh.appliance.doctor(None, offline=True)
    assert [(one.check, one.state) for one in found] == [
        (one.check, one.state.value) for one in told
    ]
    assert {one.state for one in found} <= {Found.OK, Found.WARN}
    assert [one.error.id for one in found if one.error] == ["doctor.never-served"]


def test_the_last_full_check_and_what_was_set_aside(fresh: Site) -> None:
    assert fresh.report(OFFLINE).store.last is None
    appliance = fresh.appliance
    checked = appliance.upkeep.check(ignore, Pace())
    last = fresh.report(OFFLINE).store.last
    assert last is not None
    assert (last.begun, last.ended, last.blobs, last.size) == (
        checked.begun, checked.ended, checked.blobs, checked.size,
    )  # fmt: skip
    blob = min(fresh.folder.glob("store/sha256/*"))
    blob.chmod(0o644)
    blob.write_bytes(b"rotten")
    appliance.upkeep.check(ignore, Pace(), anew=True)
    assert fresh.report(OFFLINE).store.set_aside == 1
    assert fresh.report(FUTURE).store.set_aside == 0


def test_every_backup_that_is_kept_is_told_whatever_the_period(fresh: Site) -> None:
    database = fresh.releases.database
    backups, subject = Backups(database), Subject("uid-1", "clinic", "front", 1, "greeter", "1.0")
    runs = Command(Workload("StatefulSet", "db"), "db", ("dump",))
    part, saved = DataPart("db", runs, runs), SavedPart("db", Digest.of(b"db"), 9)
    with database.transaction() as connection:
        whole = backups.begin(connection, subject, (part,), Reason.ASKED, "bo", TIME)
        backups.keep(connection, whole, saved)
        backups.finish(connection, whole, TIME)
        broken = backups.begin(connection, subject, (part,), Reason.BEFORE_CHANGE, "bo", TIME)
        backups.finish(connection, broken, TIME)
    found = fresh.report(FUTURE).backups
    assert [(one.number, one.cluster, one.release, one.state, one.parts) for one in found] == [
        (whole, "main", "front", State.WHOLE, (saved,)),
        (broken, "main", "front", State.BROKEN, ()),
    ]
    assert [(one.why, one.actor, one.began, one.size) for one in found] == [
        (Reason.ASKED, "bo", TIME, 9), (Reason.BEFORE_CHANGE, "bo", TIME, 0),
    ]  # fmt: skip


def test_data_that_was_saved_within_the_period_is_told_as_the_history_has_it(
    fresh: Site,
) -> None:
    journal = Journal(fresh.releases.database, fresh.releases.clock)
    about = {
        "cluster": "uid-1", "namespace": "clinic", "release": "front", "revision": 1,
        "app": "greeter", "version": "1.0", "sealed": str(Digest.of(b"x")), "actor": "bo",
        "backup": 4,
    }  # fmt: skip
    with journal.transaction() as connection:
        operation = journal.begin(connection, "data.restore", "uid-1/clinic/front", about)
        journal.end(connection, operation, "done")
    [found] = fresh.report(OFFLINE).data
    [deed] = fresh.releases.data_deeds(None, None, None)
    assert found == replace(deed, cluster="main")
    assert (found.operation, found.backup, found.actor) == ("restore-data", 4, "bo")
    assert fresh.report(FUTURE).data == ()


def test_a_bundle_that_was_let_go_of_is_told_with_who_signed_it(fresh: Site) -> None:
    upkeep = fresh.appliance.upkeep
    upkeep.retire(upkeep.retirement("greeter", "1.0"))
    old, new = fresh.report(OFFLINE).brought
    assert (bool(old.retired), bool(new.retired), fresh.report(OFFLINE).held) == (True, False, 1)
    assert old.roles == new.roles
    assert old.roles
    assert fresh.report(FUTURE).brought == ()


def test_dates_that_were_overridden_are_told_with_bundle_and_reason(fresh: Site) -> None:
    trust, database = TrustState(fresh.releases.database), fresh.releases.database
    newest = trust.accepted()[-1]
    late = [Overridden("expired", ("targets 2026-01-01",), "the courier was late")]
    with database.transaction() as connection:
        trust.keep(connection, "greeter", newest.version, late, TIME)
        trust.keep(connection, "greeter", 7, late, TIME)
        trust.keep(connection, "", 1, late, "1999-01-01T00:00:00+00:00")
    found = fresh.report(Order(Period(since="2026-05-01T00:00:00"), offline=True)).overridden
    assert [(one.bundle, one.version, one.reason) for one in found] == [
        ("greeter", "2.0", "the courier was late"), ("greeter", "", "the courier was late"),
    ]  # fmt: skip
    first = fresh.report(OFFLINE).overridden[0]
    assert (first.bundle, first.version, first.about) == ("", "1", ("targets 2026-01-01",))


def test_who_signed_is_not_known_where_nobody_kept_it(fresh: Site) -> None:
    with fresh.releases.database.transaction() as connection:
        connection.execute("UPDATE trust_accepted SET keys = NULL")
    assert {one.roles for one in fresh.report(OFFLINE).brought} == {None}
