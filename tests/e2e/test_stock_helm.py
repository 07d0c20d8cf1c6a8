"""The stock `helm` and champ see the same releases, and what was done with helm is noticed.

Everything is asked of the `helm` command: its tables, its manifests byte by byte, its values.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.release.objects import items, items_of_manifest
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault
from champ_offline.release.seal import opened
from tests.e2e.commands import Failed
from tests.e2e.one_zone import OneZone
from tests.e2e.twin_app import APP, NEW, OLD

Row = dict[str, Any]
PUT_BACK = 5


def test_helm_and_champ_agree_after_every_change(twins: OneZone) -> None:
    release = "agreed"
    twins.apply(twins.plan(APP, OLD, release, {"greeting": "one"}), release)
    agree(twins, release, OLD, ["deployed"])
    twins.apply(twins.plan(APP, NEW, release, {"greeting": "two"}), release)
    agree(twins, release, NEW, ["superseded", "deployed"])
    twins.champ("rollback", release, "--confirm", release, *twins.cluster)
    agree(twins, release, OLD, ["superseded", "superseded", "deployed"])
    broken = twins.plan(APP, NEW, release, {"greeting": "three", "crash": True})
    twins.apply(broken, release, expect=PUT_BACK)
    # Helm was ended at the hopeless cause, so its record of the attempt stays as it was then.
    agree(twins, release, OLD, [*["superseded"] * 3, "pending-upgrade", "deployed"])
    twins.champ("remove", release, "--confirm", release, *twins.cluster)
    assert twins.helm_json("list", "--all-namespaces", "--filter", f"^{release}$") == []
    assert twins.champ.json("history", release)[-1]["outcome"] == "removed"
    assert [row for row in twins.champ.json("status", *twins.cluster)
            if row["release"] == release] == []  # fmt: skip
    with pytest.raises(Failed, match="release: not found"):
        twins.helm("history", release, "--namespace", release)


def agree(zone: OneZone, release: str, version: str, statuses: list[str]) -> None:
    """List, history, manifest and values of both are the same."""
    [listed] = zone.helm_json("list", "--namespace", release)
    [status] = zone.champ.json("status", release, *zone.cluster)
    records = zone.helm_json("history", release, "--namespace", release)
    assert [row["status"] for row in records] == statuses
    newest = records[-1]
    assert (listed["status"], listed["app_version"]) == ("deployed", version)
    assert int(listed["revision"]) == int(newest["revision"]) == status["helm_revision"]
    assert (newest["chart"], newest["app_version"]) == (listed["chart"], status["version"])
    assert (status["health"], status["drift"]["helm"], status["drift"]["objects"]) == (
        "healthy", None, [],
    )  # fmt: skip
    _records_agree({int(row["revision"]): row for row in records},
                   zone.champ.json("history", release))  # fmt: skip
    _content_agrees(zone, release)


def _records_agree(records: dict[int, Row], deeds: list[Row]) -> None:
    """What champ says it left of every revision is what helm has under that number."""
    stood = [deed for deed in deeds if deed["outcome"] == "deployed"]
    for deed in stood:
        record = records[deed["helm_revision"]]
        assert (record["app_version"], record["chart"].rpartition("-")[0]) == (
            deed["version"], APP,
        )  # fmt: skip
        assert record["status"] in {"deployed", "superseded"}
        assert record["description"] == f"champ plan {Digest.parse(deed['plan']).short}"
    put_back = [deed for deed in deeds if deed["outcome"] == "put-back"]
    attempts = [row for row in records.values() if row["status"] == "pending-upgrade"]
    assert len(attempts) == len(put_back)


def _content_agrees(zone: OneZone, release: str) -> None:
    """The manifest is byte by byte what the next plan starts from, and holds what was sealed."""
    manifest = zone.helm("get", "manifest", release, "--namespace", release).removesuffix("\n")
    values = zone.helm_json("get", "values", release, "--namespace", release)
    database = Database(zone.folder / "champ.db")
    vault = Vault(database, str)
    cluster = zone.champ.json("history", release)[-1]["cluster"]
    revision = History(database).current(cluster, release, release)
    assert revision is not None
    assert revision.sealed is not None
    assert revision.inputs is not None
    assert values == vault.inputs(revision.inputs).values
    wanted = items(opened(vault.get(revision.sealed)).manifests, release)
    found = items_of_manifest(manifest, release)
    assert sorted(one.key for one in found) == sorted(one.key for one in wanted)
    contents = {one.key: one.content for one in wanted}
    assert all(one.content == contents[one.key] for one in found)
    plan = Plan.from_bytes(zone.plan(APP, OLD, release, {"greeting": "next"}).read_bytes())
    salt = vault.salt(cluster, release, release)
    assert plan.base_manifest == Digest.of(salt.encode() + manifest.encode())


def test_what_helm_changed_is_drift_and_the_plan_tells_what_it_puts_back(twins: OneZone) -> None:
    release, answers = "meddled", {"greeting": "ours"}
    chart = twins.build / APP / "app/chart"
    twins.apply(twins.plan(APP, OLD, release, answers), release)

    twins.helm("upgrade", release, chart, "--namespace", release, "--reuse-values",
               "--set", "greeting=theirs", "--wait", "--description", "at night")  # fmt: skip
    noticed(twins, release, expected=1, revision=2)
    told = twins.champ("status", release, *twins.cluster).stdout
    assert "revision 2 instead of 1" in told
    assert "at night" in told
    plan, shown = planned(twins, release, answers)
    assert [one["id"] for one in shown["concerns"] if one["subject"].endswith(release)] == [
        "release.changed-by-others"
    ]
    assert any("theirs" in action["diff"] for action in shown["actions"])
    twins.apply(plan, release)
    settled(twins, release, 3)
    # What they gave is still to be read: nothing of it was thrown away.
    given = twins.helm_json("get", "values", release, "--namespace", release, "--revision", "2")
    assert given["greeting"] == "theirs"

    twins.helm("rollback", release, "1", "--namespace", release, "--wait")
    noticed(twins, release, expected=3, revision=4)
    plan, shown = planned(twins, release, answers)
    assert {one["change"] for one in shown["actions"]} == {"unchanged"}
    twins.apply(plan, release)
    settled(twins, release, 5)

    twins.helm("uninstall", release, "--namespace", release, "--wait")
    noticed(twins, release, expected=5, revision=0)
    assert "Helm has no record of this release" in twins.champ("status", release,
                                                               *twins.cluster).stdout  # fmt: skip
    plan, shown = planned(twins, release, answers)
    assert shown["operation"] == "install"
    assert "release.removed-by-others" in [one["id"] for one in shown["concerns"]]
    twins.apply(plan, release)
    settled(twins, release, 1)


def planned(zone: OneZone, release: str, answers: Row) -> tuple[Any, Row]:
    """The plan, and what `champ show` says of it."""
    plan = zone.plan(APP, OLD, release, answers)
    shown: Row = json.loads(plan.read_bytes())
    return plan, shown


def noticed(zone: OneZone, release: str, *, expected: int, revision: int) -> None:
    [status] = zone.champ.json("status", release, *zone.cluster)
    helm = status["drift"]["helm"]
    assert (helm["expected"], helm["revision"]) == (expected, revision)


def settled(zone: OneZone, release: str, revision: int) -> None:
    [status] = zone.champ.json("status", release, *zone.cluster)
    assert (status["helm_revision"], status["drift"]["helm"]) == (revision, None)
    assert status["drift"]["objects"] == []
