"""A collection lets go of what the policy no longer keeps: images, and records of the vault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from champ_offline.bundle.retire import BundleNeeded
from champ_offline.events import ignore
from champ_offline.findings import State as Found
from champ_offline.journal.journal import Journal
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backups, Reason, SavedPart, State, Subject
from champ_offline.release.records.retention import Retention
from champ_offline.store.collect import Cause
from champ_offline.store.needs import Why
from champ_offline.store.scrub import Pace
from tests.simulators.kept_data import DECLARED
from tests.unit.bundle.conftest import contents, pack, signing
from tests.unit.upkeep.test_upkeep import LATER, House, house

__all__ = ["contents", "house", "pack", "signing"]


def test_the_policy_frees_the_images_and_the_records_of_older_revisions(house: House) -> None:
    older = house.image("champ.local/first:1")
    house.release([older])
    house.release([house.image("champ.local/first:2")])
    with pytest.raises(BundleNeeded):
        house.retire("1")
    upkeep = house.appliance.upkeep
    upkeep.records.retain(Retention(1))
    house.retire("1")
    plan = upkeep.collection()
    assert older in {one.digest for one in plan.going}
    done = upkeep.collect(plan, ignore)
    assert not house.blobs.has(older)
    assert done.records == len(plan.records)


def test_what_only_older_revisions_name_goes_from_the_vault_as_planned(house: House) -> None:
    image = house.image("champ.local/first:2")
    for content in (b"older", b"newer"):
        house.vault.put(content)
        house.release([image], sealed=content)
    upkeep = house.appliance.upkeep
    assert not upkeep.collection().records
    upkeep.records.retain(Retention(1))
    plan = upkeep.collection()
    assert plan.has_changes
    assert [one.digest for one in plan.records] == [Digest.of(b"older")]
    assert (Cause.RECORD, 1, plan.records[0].size) in plan.causes
    assert (plan.size, upkeep.collect(plan, ignore).records) == (0, 1)
    assert not upkeep.collection().has_changes


SUBJECT = Subject("c", "pacs", "orthanc", 1, "orthanc", "1.10.1")


def saved(house: House, *contents: bytes) -> int:
    """A backup with a part for each content; whole where there is one for each declared."""
    backups = Backups(house.database)
    with house.database.transaction() as connection:
        about = (SUBJECT, DECLARED, Reason.ASKED, "somebody", LATER.isoformat())
        number = backups.begin(connection, *about)
        for part, content in zip(DECLARED, contents, strict=False):
            digest = house.blobs.add(content)
            backups.keep(connection, number, SavedPart(part.name, digest, len(content)))
        backups.finish(connection, number, LATER.isoformat())
    return number


def test_saved_data_stays_as_long_as_the_policy_keeps_it(house: House) -> None:
    upkeep, backups = house.appliance.upkeep, Backups(house.database)
    shared = b"the same files"
    for index in (b"one", b"two", b"three"):
        saved(house, index, shared)
    broken = saved(house, b"half of four")
    assert backups.one(broken).state is State.BROKEN
    [stays] = [one for one in upkeep.collection().staying if one.why is Why.BACKUP]
    assert (stays.blobs, stays.size) == (4, len(b"onetwothree") + len(shared))
    upkeep.records.retain(replace(upkeep.records.retention(), backups=1))
    plan = upkeep.collection()
    assert (Cause.BACKUP, 3, len(b"onetwohalf of four")) in plan.causes
    assert plan.was(Cause.BACKUP) == [f"pacs/orthanc backup {n}" for n in (1, 2, 4)]
    upkeep.collect(plan, ignore)
    [left] = backups.every()
    assert left.number == 3
    assert all(house.blobs.has(part.digest) for part in left.parts)
    assert not house.blobs.has(Digest.of(b"two"))


def test_what_came_to_be_dispensable_after_the_plan_stays_for_the_next(house: House) -> None:
    upkeep = house.appliance.upkeep
    upkeep.records.retain(replace(upkeep.records.retention(), backups=1))
    saved(house, b"one", b"files")
    house.retire("1")
    plan = upkeep.collection()
    saved(house, b"two", b"files")
    upkeep.collect(plan, ignore)
    assert [one.number for one in Backups(house.database).every()] == [1, 2]
    assert Cause.BACKUP in {why for why, _, _ in upkeep.collection().causes}


def test_an_open_operation_keeps_every_backup_of_its_release(house: House) -> None:
    upkeep = house.appliance.upkeep
    upkeep.records.retain(replace(upkeep.records.retention(), backups=1))
    saved(house, b"one", b"files")
    saved(house, b"two", b"files")
    journal = Journal(house.database, lambda: LATER)
    with house.database.transaction() as connection:
        entry = journal.begin(connection, "data.restore", SUBJECT.text, {"cluster": "c"})
    assert Cause.BACKUP not in {why for why, _, _ in upkeep.collection().causes}
    with house.database.transaction() as connection:
        journal.end(connection, entry, "done")
    assert Cause.BACKUP in {why for why, _, _ in upkeep.collection().causes}


def test_saved_data_that_is_lost_is_told(house: House) -> None:
    saved(house, b"one", b"files")
    house.rot(Digest.of(b"files"))
    [found] = house.appliance.upkeep.check(ignore, Pace()).damaged
    assert (found.saved, found.names) == (True, ("pacs/orthanc backup 1",))
    [told] = [one for one in house.appliance.doctor(None) if one.check == "store"]
    assert (told.state, told.error.id if told.error else "") == (Found.BAD, "doctor.data-missing")
