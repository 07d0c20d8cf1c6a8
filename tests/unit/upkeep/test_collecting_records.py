"""A collection lets go of what the policy no longer keeps: images, and records of the vault."""

from __future__ import annotations

import pytest

from champ_offline.bundle.retire import BundleNeeded
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.release.records.retention import Retention
from champ_offline.store.collect import Cause
from tests.unit.bundle.conftest import contents, pack, signing
from tests.unit.upkeep.test_upkeep import House, house

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
