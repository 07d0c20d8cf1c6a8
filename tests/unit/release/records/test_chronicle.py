"""What was done to releases, told afterwards."""

from __future__ import annotations

from dataclasses import replace

from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records import chronicle
from champ_offline.release.records.history import Outcome, Revision
from tests.simulators.charts import PAUSE
from tests.unit.release.conftest import World

ONE = Revision(
    cluster="c", namespace="n", release="r", number=1, helm_revision=1,
    operation=Operation.INSTALL, app="a", version="1", plan=Digest.of(b"1"),
    sealed=None, inputs=None, actor="x",
    started="2026-05-01T10:00:00+00:00", seconds=2.5, outcome=Outcome.DEPLOYED, error="",
)  # fmt: skip


def pruned(_revision: Revision) -> Plan | None:
    return None


def test_from_which_version_to_which() -> None:
    failed = replace(ONE, number=2, version="2", outcome=Outcome.PUT_BACK, error="release.put-back")
    done = replace(ONE, number=3, version="2", operation=Operation.UPGRADE)
    gone = replace(ONE, number=4, version="", operation=Operation.REMOVE, outcome=Outcome.REMOVED)
    again = replace(ONE, number=5, version="3")
    other = replace(ONE, release="other", version="9")
    deeds = chronicle.told([ONE, other, failed, done, gone, again], pruned)
    assert [(one.from_version, one.version) for one in deeds] == [
        ("", "1"), ("", "9"), ("1", "2"), ("1", "2"), ("2", ""), ("", "3"),
    ]  # fmt: skip
    assert [one.error for one in deeds][2] == "release.put-back"
    assert {one.images for one in deeds} == {None}


def test_a_removal_of_what_never_stood() -> None:
    gone = replace(ONE, version="", operation=Operation.REMOVE, outcome=Outcome.REMOVED)
    assert chronicle.told([gone], pruned)[0].from_version == ""


def test_the_images_and_the_target_come_from_the_plan(world: World) -> None:
    world.apply(world.plan("1.0"))
    world.apply(world.plan("2.0"))
    world.apply(world.planner.rollback("orthanc", "pacs", 1))
    revisions = world.history.every()
    deeds = chronicle.told(revisions, lambda one: Plan.from_bytes(world.vault.get(one.plan)))
    assert [one.target for one in deeds] == [0, 0, 1]
    assert [(one.from_version, one.version) for one in deeds] == [
        ("", "1.0"), ("1.0", "2.0"), ("2.0", "1.0"),
    ]  # fmt: skip
    assert [one.helm_revision for one in deeds] == [1, 2, 3]
    assert deeds[0].images is not None
    assert [image.name for image in deeds[0].images] == [PAUSE]
