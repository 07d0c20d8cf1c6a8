"""What the API server's admission would refuse: Pod Security, quotas, limit ranges, classes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from champ_offline.preflight import limits, quota, references, resources, security
from champ_offline.preflight.facts import LimitFacts, QuotaFacts
from champ_offline.preflight.resources import Defaults
from champ_offline.preflight.standards import violations
from tests.unit.preflight.given import SAFE, facts, only, planned, running, thing, told, workload

LABEL = "pod-security.kubernetes.io/"
GOOD = workload(container={"securityContext": SAFE})


def namespace(**levels: str) -> Any:
    return facts(labels={f"{LABEL}{mode}": level for mode, level in levels.items()})


def broken(path: str, value: object, *, spec: bool = False) -> dict[str, Any]:
    """The good template with one thing changed, in its container or its spec."""
    template = copy.deepcopy(GOOD["spec"]["template"])
    part = template["spec"] if spec else template["spec"]["containers"][0]
    *way, last = path.split(".")
    for key in way:
        part = part.setdefault(key, {})
    if value is None:
        del part[last]
    else:
        part[last] = value
    return dict(template)


@pytest.mark.parametrize(
    ("template", "level", "said"),
    [
        (broken("securityContext.privileged", True), "baseline", "privileged (main)"),
        (broken("hostNetwork", True, spec=True), "baseline", "hostNetwork=true"),
        (broken("hostPID", True, spec=True), "baseline", "hostPID=true"),
        (broken("ports", [{"hostPort": 104}]), "baseline", "hostPort 104"),
        (broken("volumes", [{"name": "v", "hostPath": {"path": "/"}}], spec=True), "baseline",
         "hostPath volume v"),
        (broken("securityContext.capabilities.add", ["SYS_ADMIN"]), "baseline",
         "capability SYS_ADMIN (main)"),
        (broken("securityContext.procMount", "Unmasked"), "baseline", "procMount Unmasked (main)"),
        (broken("securityContext.seccompProfile.type", "Unconfined"), "baseline",
         "seccompProfile Unconfined (main)"),
        (broken("securityContext.appArmorProfile.type", "Unconfined"), "baseline",
         "appArmorProfile Unconfined (main)"),
        (broken("securityContext.seLinuxOptions.type", "spc_t"), "baseline",
         "seLinuxOptions (main)"),
        (broken("securityContext.sysctls", [{"name": "kernel.msgmax"}], spec=True), "baseline",
         "sysctl kernel.msgmax"),
        (broken("livenessProbe.httpGet.host", "10.0.0.1"), "baseline",
         "livenessProbe with host (main)"),
        (broken("securityContext.windowsOptions.hostProcess", True), "baseline", "hostProcess"),
        (broken("securityContext.allowPrivilegeEscalation", None), "restricted",
         "allowPrivilegeEscalation != false (main)"),
        (broken("securityContext.runAsNonRoot", None), "restricted", "runAsNonRoot != true (main)"),
        (broken("securityContext.runAsUser", 0), "restricted", "runAsUser=0 (main)"),
        (broken("securityContext.seccompProfile", None), "restricted",
         "seccompProfile not set (main)"),
        (broken("securityContext.capabilities", None), "restricted",
         "capabilities drop ALL not set (main)"),
        (broken("securityContext.capabilities.add", ["CHOWN"]), "restricted",
         "capability CHOWN (main)"),
        (broken("volumes", [{"name": "v", "nfs": {"path": "/"}}], spec=True), "restricted",
         "nfs volume v"),
    ],
)  # fmt: skip
def test_each_control_of_the_standards(template: Any, level: str, said: str) -> None:
    assert violations(template, level) == (said,)
    assert violations(template, "privileged") == ()
    softer = violations(template, "baseline")
    assert softer == ((said,) if level == "baseline" else ())


def test_a_good_pod_is_restricted() -> None:
    assert violations(GOOD["spec"]["template"], "restricted") == ()
    pod_wide = broken("securityContext.seccompProfile", None)
    pod_wide["spec"]["securityContext"] = {"seccompProfile": {"type": "Localhost"}}
    assert violations(pod_wide, "restricted") == ()


def test_controls_apply_from_the_version_that_brought_them() -> None:
    probe = broken("livenessProbe.httpGet.host", "10.0.0.1")
    assert violations(probe, "baseline", (1, 33)) == ()
    assert violations(probe, "baseline", (1, 34)) != ()
    own_users = broken("hostUsers", False, spec=True)
    own_users["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = False
    assert violations(own_users, "restricted", (1, 35)) == ()
    assert violations(own_users, "restricted", (1, 34)) == ("runAsNonRoot != true (main)",)


def test_an_enforced_level_blocks_and_a_warned_one_warns() -> None:
    change = planned(workload(container={"securityContext": {"privileged": True}}))
    found = only(security.check(change, namespace(enforce="baseline")))
    assert (found.id, found.subject, found.stops) == ("security.refused", "Deployment web", True)
    assert found.fields == {"level": "baseline", "violations": "privileged (main)"}
    found = only(security.check(change, namespace(enforce="privileged", warn="restricted")))
    assert (found.id, found.stops, found.fields["level"]) == (
        "security.warned", False, "restricted",
    )  # fmt: skip
    assert list(security.check(change, facts())) == []
    assert list(security.check(planned(GOOD), namespace(enforce="restricted"))) == []


def test_pods_that_are_not_made_only_warn_and_other_namespaces_are_not_judged() -> None:
    none = workload(replicas=0)
    assert told(security.check(planned(none), namespace(enforce="restricted"))) == [
        ("security.warned", "Deployment web")
    ]
    elsewhere = workload()
    elsewhere["metadata"]["namespace"] = "another"
    assert list(security.check(planned(elsewhere), namespace(enforce="restricted"))) == []


def test_a_pinned_version_of_the_level_counts() -> None:
    probe = workload(container={"livenessProbe": {"tcpSocket": {"host": "x", "port": 1}}})
    pinned = namespace(**{"enforce": "baseline", "enforce-version": "v1.30"})
    assert list(security.check(planned(probe), pinned)) == []
    assert told(security.check(planned(probe), namespace(enforce="baseline"))) == [
        ("security.refused", "Deployment web")
    ]


def amount(**amounts: str) -> dict[str, int]:
    return resources.of({key.replace("__", "."): value for key, value in amounts.items()})


def with_quota(hard: dict[str, int], used: dict[str, int] | None = None, **other: Any) -> Any:
    scoped = bool(other.pop("scoped", False))
    return facts(quotas=(QuotaFacts("team", hard, used or {}, scoped),), **other)


def test_a_quota_that_is_exceeded_blocks() -> None:
    change = planned(workload(cpu="500m", memory="1Gi", replicas=3))
    full = with_quota(amount(requests__cpu="2"), amount(requests__cpu="1"))
    found = only(quota.check(change, full))
    assert (found.id, found.subject, found.stops) == ("quota.exceeded", "ResourceQuota team", True)
    assert found.fields == {
        "resource": "requests.cpu", "wanted": "1500m", "left": "1", "hard": "2",
    }  # fmt: skip
    assert list(quota.check(change, with_quota(amount(requests__cpu="2500m")))) == []


@pytest.mark.parametrize(
    ("hard", "change", "resource"),
    [
        ({"pods": 1}, workload(replicas=2), "pods"),
        ({"services": 0}, thing("Service", "web"), "services"),
        ({"services.nodeports": 1},
         thing("Service", "web", spec={"type": "NodePort", "ports": [{}, {}]}),
         "services.nodeports"),
        ({"count/deployments.apps": 0}, workload(), "count/deployments.apps"),
        ({"requests.storage": 2**30},
         thing("PersistentVolumeClaim", "data",
               spec={"resources": {"requests": {"storage": "2Gi"}}}),
         "requests.storage"),
        ({"persistentvolumeclaims": 1},
         workload("StatefulSet", replicas=2,
                  volumeClaimTemplates=[{"metadata": {"name": "data"}}]),
         "persistentvolumeclaims"),
    ],
)  # fmt: skip
def test_each_thing_that_quotas_count(hard: dict[str, int], change: Any, resource: str) -> None:
    found = only(quota.check(planned(change), with_quota(hard)))
    assert (found.id, found.fields["resource"]) == ("quota.exceeded", resource)
    assert list(quota.check(planned(change), with_quota(hard, scoped=True))) == []
    roomy = {key: value + 2**40 for key, value in hard.items()}
    assert list(quota.check(planned(change), with_quota(roomy))) == []


def test_what_the_release_holds_is_not_counted_twice() -> None:
    now, then = workload(cpu="1", replicas=2), workload(cpu="1", replicas=3)
    pods = tuple(running("web", place="pacs", cpu="1") for _ in range(2))
    full = with_quota({"pods": 3}, {"pods": 2}, pods=pods)
    assert list(quota.check(planned(then, before=(now,)), full)) == []
    assert told(quota.check(planned(then), full)) == [("quota.exceeded", "ResourceQuota team")]


def test_volumes_that_are_there_are_not_counted_again() -> None:
    template = {"metadata": {"name": "data"}}
    db = workload("StatefulSet", "db", replicas=2, volumeClaimTemplates=[template])
    full = with_quota({"persistentvolumeclaims": 2}, {"persistentvolumeclaims": 2})
    assert told(quota.check(planned(db), full)) == [("quota.exceeded", "ResourceQuota team")]
    there = with_quota(
        {"persistentvolumeclaims": 2}, {"persistentvolumeclaims": 2},
        claims=("data-db-0", "data-db-1"),
    )  # fmt: skip
    assert list(quota.check(planned(db), there)) == []


def test_an_update_that_starts_a_pod_first_may_stand_still() -> None:
    now, then = workload(replicas=1), workload(replicas=1, memory="1Gi")
    full = with_quota({"pods": 1}, {"pods": 1}, pods=(running("web", place="pacs"),))
    found = only(quota.check(planned(then, before=(now,)), full))
    assert (found.id, found.stops) == ("quota.surge", False)


def test_a_quota_wants_every_container_to_state_what_it_counts() -> None:
    full = with_quota(amount(limits__memory="8Gi"))
    found = only(quota.check(planned(workload()), full))
    assert (found.id, found.subject) == ("quota.must-state", "Deployment web")
    assert found.fields == {"quota": "team", "resource": "limits.memory", "containers": "main"}
    helping = LimitFacts("range", "Container", {}, {}, Defaults(limits=amount(memory="1Gi")))
    given = with_quota(amount(limits__memory="8Gi"), limits=(helping,))
    assert list(quota.check(planned(workload()), given)) == []


def within(kind: str = "Container", **bounds: Any) -> Any:
    found = {"smallest": {}, "largest": {}, "defaults": Defaults(), **bounds}
    return facts(limits=(LimitFacts("range", kind, **found),))


def test_limit_ranges_bound_both_sides() -> None:
    asks = planned(workload(memory="2Gi"))
    found = only(limits.check(asks, within(largest=amount(memory="1Gi"))))
    assert (found.id, found.subject, found.stops) == (
        "limits.too-large", "Deployment web (main)", True,
    )  # fmt: skip
    assert found.fields["bound"] == "1Gi"
    found = only(limits.check(asks, within(smallest=amount(memory="3Gi"))))
    assert (found.id, found.fields["asked"]) == ("limits.too-small", "2Gi")
    assert list(limits.check(asks, within(smallest=amount(memory="1Gi")))) == []


def test_a_largest_wants_a_limit_which_a_default_gives() -> None:
    asks = planned(workload(memory="1Gi"))
    assert told(limits.check(asks, within(largest=amount(memory="2Gi")))) == [
        ("limits.unlimited", "Deployment web (main)")
    ]
    helping = within(largest=amount(memory="2Gi"), defaults=Defaults(limits=amount(memory="2Gi")))
    assert list(limits.check(asks, helping)) == []


def test_a_request_above_the_limit_that_a_range_gives_blocks() -> None:
    helping = within(defaults=Defaults(limits=amount(memory="1Gi")))
    found = only(limits.check(planned(workload(memory="2Gi")), helping))
    assert (found.id, found.fields["bound"]) == ("limits.above-default", "1Gi")
    assert list(limits.check(planned(workload(memory="1Gi")), helping)) == []


def test_pods_and_claims_have_bounds_of_their_own() -> None:
    two = workload()
    two["spec"]["template"]["spec"]["containers"] = [
        {"name": name, "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}
        for name in "ab"
    ]
    found = only(limits.check(planned(two), within("Pod", largest=amount(cpu="1500m"))))
    assert (found.subject, found.fields["asked"]) == ("Deployment web", "2")
    claim = thing(
        "PersistentVolumeClaim", "data", spec={"resources": {"requests": {"storage": "9Gi"}}}
    )
    small = within("PersistentVolumeClaim", largest={"storage": 2**30})
    assert told(limits.check(planned(claim), small)) == [
        ("limits.too-large", "PersistentVolumeClaim data")
    ]


def test_classes_that_pods_name_must_be_there() -> None:
    change = planned(workload(spec={"priorityClassName": "gold", "runtimeClassName": "kata"}))
    assert told(references.check(change, facts())) == [
        ("pods.priority-class-unknown", "Deployment web"),
        ("pods.runtime-class-unknown", "Deployment web"),
    ]
    there = facts(priorities={"gold": 1}, runtimes=frozenset({"kata"}))
    assert list(references.check(change, there)) == []
    unseen = facts(unseen={"PriorityClass": "no", "RuntimeClass": "no"})
    assert list(references.check(change, unseen)) == []
