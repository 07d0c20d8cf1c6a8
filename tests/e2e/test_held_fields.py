"""Fields that kubectl and an autoscaler hold: told, blocked, and taken where that was accepted."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.one_zone import OneZone
from tests.e2e.twin_app import APP, NEW, OLD
from tests.lab.processes import wait_until

REFUSED = 4
ID = "fields.held-by-others"
# The autoscaler's controller looks every 15 s.
_LOOKS = 60


def deployment(zone: OneZone, release: str) -> dict[str, Any]:
    words = ("get", "deployment", release, "-n", release, "--show-managed-fields", "-o", "json")
    found: dict[str, Any] = json.loads(zone.kubectl(*words))
    return found


def says(zone: OneZone, release: str) -> str:
    [container] = deployment(zone, release)["spec"]["template"]["spec"]["containers"]
    return str(next(one["value"] for one in container["env"] if one["name"] == "SAYS"))


def concerns(zone: OneZone, release: str) -> list[tuple[str, str, str, bool]]:
    shown = json.loads((zone.build / f"{release}.plan").read_bytes())
    return [
        (one["subject"], one["fields"]["manager"], one["fields"]["field"], one["accepted"])
        for one in shown["concerns"]
        if one["id"] == ID
    ]


def test_what_a_person_set_is_taken_back_only_when_accepted(twins: OneZone) -> None:
    release = "edited"
    twins.apply(twins.plan(APP, OLD, release, {"greeting": "ours"}), release)
    twins.kubectl("set", "env", f"deployment/{release}", "SAYS=theirs", "-n", release,
                  "--field-manager=night-shift")  # fmt: skip
    subject = f"Deployment {release}"
    field = "spec.template.spec.containers[name=web].env[name=SAYS].value"

    plan = twins.plan(APP, NEW, release, {"greeting": "ours"}, expect=REFUSED)
    assert concerns(twins, release) == [(subject, "night-shift", field, False)]
    assert "night-shift holds" in " ".join(twins.champ("show", plan).stdout.split())
    refused = twins.apply(plan, release, expect=REFUSED)
    assert ID in refused
    assert says(twins, release) == "theirs"

    plan = twins.plan(APP, NEW, release, {"greeting": "ours"}, "--accept", ID)
    assert concerns(twins, release) == [(subject, "night-shift", field, True)]
    twins.kubectl("scale", f"deployment/{release}", "--replicas=3", "-n", release)
    moved = twins.apply(plan, release, expect=REFUSED)
    assert "since edited was planned" in " ".join(moved.split())
    twins.kubectl("scale", f"deployment/{release}", "--replicas=2", "-n", release)

    plan = twins.plan(APP, NEW, release, {"greeting": "ours"}, "--accept", ID)
    twins.apply(plan, release)
    assert says(twins, release) == f"{NEW} ours"
    rows = twins.champ.json("audit", "show")["rows"]
    begun = [one["detail"] for one in rows if one["act"] == "release.apply.begin"
             and one["subject"].endswith(f"/{release}")]  # fmt: skip
    assert begun[-1]["taken"] == [f"{subject} {field}: night-shift"]
    twins.plan(APP, NEW, release, {"greeting": "again"})
    assert concerns(twins, release) == []


def test_an_upgrade_leaves_the_autoscaler_its_replicas(twins: OneZone) -> None:
    release = "scaled"
    twins.apply(twins.plan(APP, OLD, release, {"greeting": "ours"}), release)
    twins.kubectl("autoscale", "deployment", release, "--min=3", "--max=4", "-n", release)

    def scaled() -> bool:
        return bool(deployment(twins, release)["status"].get("readyReplicas") == 3)

    assert wait_until(scaled, _LOOKS, pause=1)
    holders = [one["manager"] for one in deployment(twins, release)["metadata"]["managedFields"]
               if "f:replicas" in one["fieldsV1"].get("f:spec", {})]  # fmt: skip
    assert holders == ["kube-controller-manager"]
    twins.apply(twins.plan(APP, NEW, release, {"greeting": "ours"}), release)
    assert concerns(twins, release) == []
    assert says(twins, release) == f"{NEW} ours"
    assert deployment(twins, release)["spec"]["replicas"] == 3
    [status] = twins.champ.json("status", release, *twins.cluster)
    assert status["drift"]["objects"] == []
