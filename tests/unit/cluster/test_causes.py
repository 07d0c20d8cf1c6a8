"""How containers and jobs are judged, what explains what, and which cause is the first."""

from __future__ import annotations

import pytest

from champ_offline.cluster.causes.judge import MOST
from champ_offline.cluster.causes.words import CrashLoop, ProbeFails, quiet
from champ_offline.errors import Fields, Quoted
from champ_offline.zone import NotAZone
from tests.unit.cluster.documents import (
    SET,
    WEB,
    causes,
    deployment,
    ended,
    event,
    item,
    job,
    node,
    only,
    pod,
    ready,
    replica_set,
    running,
    unplaced,
    waiting,
)


@pytest.mark.parametrize(
    ("restarts", "state", "hopeless"),
    [(1, "CrashLoopBackOff", False), (3, "CrashLoopBackOff", False), (4, "CrashLoopBackOff", True)],
)
def test_a_container_that_ends_again_and_again(restarts: int, state: str, hopeless: bool) -> None:
    broken = pod(SET, **waiting(state, "back-off 40s", restarts, **ended(3)))
    [found] = causes(broken)
    assert (found.error.id, found.hopeless, found.restarts) == (
        "cause.crash-loop",
        hopeless,
        restarts,
    )
    assert found.log is not None
    assert (found.log.pod, found.log.container, found.log.previous) == ("web-1-a", "web", False)
    assert "exit code 3" in str(found.error)


def test_between_two_failures_it_is_the_log_of_the_last_that_counts() -> None:
    [found] = causes(pod(SET, **running(4, **ended(1))))
    assert (found.error.id, found.hopeless) == ("cause.crash-loop", False)
    assert found.log is not None
    assert found.log.previous


def test_one_that_fails_may_be_waiting_for_another_that_starts() -> None:
    loop = pod(SET, **waiting("CrashLoopBackOff", "", 6, **ended(1)))
    other = deployment("db")
    starting = pod(replica_set(other, "db-1"), "db-1-a", **waiting("ContainerCreating"))
    alone = causes(loop, other)
    [waits] = causes(loop, other, replica_set(other, "db-1"), starting)
    assert alone[0].hopeless
    assert (waits.error.id, waits.hopeless) == ("cause.crash-loop", False)
    well = ready(replica_set(other, "db-1"), "db-1-a")
    assert causes(loop, other, replica_set(other, "db-1"), well)[0].hopeless


def test_memory_and_probes_that_end_a_container_are_told_as_such() -> None:
    killed = pod(SET, **waiting("CrashLoopBackOff", "", 1, **ended(137, "OOMKilled")))
    told, _, text = only(causes(killed))
    assert (told, "64Mi" in text) == ("out-of-memory", True)
    looping = pod(SET, **waiting("CrashLoopBackOff", "", 1, **ended(143)))
    said = "Liveness probe failed: Get http://10.244.0.9:8080/: connection refused"
    why = event(looping, "Unhealthy", said, fieldPath="spec.containers{web}")
    told, _, text = only(causes(looping, events=(why,)))
    assert told == "failing-probe"
    assert "liveness probe of container web fails: Get http://10.244.0.9:8080/" in text


def test_a_slow_start_is_told_and_never_hopeless() -> None:
    slow = pod(SET, **running())
    said = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    other = event(slow, "Unhealthy", said, fieldPath="spec.containers{other}")
    why = event(slow, "Unhealthy", said, fieldPath="spec.containers{web}")
    assert causes(slow) == ()
    assert causes(slow, events=(other,)) == ()
    told, hopeless, text = only(causes(slow, events=(why,)))
    assert (told, hopeless) == ("failing-probe", False)
    assert "statuscode: 503" in text


@pytest.mark.parametrize("said", ["Startup probe failed: ", "Startup probe failed"])
def test_a_probe_that_fails_without_a_word(said: str) -> None:
    slow = pod(SET, **running())
    why = event(slow, "Unhealthy", said, fieldPath="spec.containers{web}")
    *_, text = only(causes(slow, events=(why,)))
    assert text.endswith("fails: it gives no reason.")


def test_an_init_container_that_waits_is_no_cause_and_one_that_fails_is() -> None:
    init = {"name": "wait", "state": {"running": {}}, "ready": False, "restartCount": 0}
    main = waiting("PodInitializing")
    assert causes(pod(SET, initContainerStatuses=[init], **main)) == ()
    failing = {**init, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, **ended(1)}
    [found] = causes(pod(SET, initContainerStatuses=[failing], **main))
    assert found.error.fields["container"] == "wait"


@pytest.mark.parametrize(
    ("said", "told", "words"),
    [
        ('secret "login" not found', "config-missing", "the Secret login"),
        ('configmap "conf" not found', "config-missing", "the ConfigMap conf"),
        ("couldn't find key port in ConfigMap pacs/conf", "config-key-missing", "key port of"),
        (
            "container has runAsNonRoot and image will run as root",
            "start-refused",
            "will run as root",
        ),
    ],
)
def test_configuration_that_is_missing(said: str, told: str, words: str) -> None:
    found = only(causes(pod(SET, **waiting("CreateContainerConfigError", said))))
    assert found[:2] == (told, True)
    assert words in found[2]


def test_a_hook_that_failed_is_told_with_the_log_of_its_last_try() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    hook = job(hook="pre-upgrade", conditions=[{**failed, "message": "limit reached"}], failed=1)
    hook["metadata"]["name"] = "pacs-check"
    state = {"terminated": {"exitCode": 2, "reason": "Error"}}
    work = pod(
        hook, "pacs-check-x", phase="Failed",
        containerStatuses=[{"name": "check", "state": state, "ready": False}],
    )  # fmt: skip
    [found] = causes(hook, work)
    assert found.error.id == "cause.hook-failed"
    assert "pre-upgrade hook pacs-check failed: limit reached (exit code 2)" in str(found.error)
    assert found.log is not None
    assert (found.log.pod, found.log.container) == ("pacs-check-x", "check")
    plain = job("report", conditions=[{**failed, "reason": "DeadlineExceeded", "message": "late"}])
    assert only(causes(plain))[0] == "job-deadline"


def test_an_init_container_and_a_job_may_fail_as_often_as_they_like() -> None:
    loop = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "ready": False}
    init = {"name": "wait", "restartCount": 9, **loop, **ended(1)}
    [found] = causes(pod(SET, initContainerStatuses=[init], **waiting("PodInitializing")))
    assert (found.error.id, found.hopeless) == ("cause.crash-loop", False)
    trying = job("migrate", active=1)
    [found] = causes(trying, pod(trying, "m-x", **waiting("CrashLoopBackOff", "", 9, **ended(1))))
    assert (found.error.id, found.hopeless) == ("cause.crash-loop", False)


def test_a_job_that_tries_again_is_told_by_its_pod() -> None:
    trying = job(hook="pre-upgrade", active=1)
    state = {"terminated": {"exitCode": 2, "reason": "Error"}}
    statuses = [{"name": "check", "state": state, "ready": False}]
    work = pod(trying, "pacs-migrate-x", phase="Failed", containerStatuses=statuses)
    [found] = causes(trying, work)
    assert (found.error.id, found.hopeless) == ("cause.crash-loop", False)


def test_a_node_that_is_away_explains_its_pods() -> None:
    there = pod(SET, **waiting("ContainerCreating"))
    nowhere = unplaced(
        SET,
        "0/1 nodes are available: 1 node(s) had untolerated taint"
        " {node.kubernetes.io/unreachable: }.",
        "web-1-b",
    )
    told, hopeless, text = only(causes(there, nowhere, nodes=[node()]))
    assert (told, hopeless) == ("node-not-ready", False)
    assert "Node one is not ready: Kubelet stopped posting node status" in text


def test_of_pods_that_fail_alike_the_first_is_told() -> None:
    many = [pod(SET, f"web-1-{n:02}", **waiting("ErrImagePull", "not found")) for n in range(60)]
    for number, one in enumerate(reversed(many)):
        at = {
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": f"2026-01-01T10:{number:02}:00Z",
        }
        one["status"]["conditions"] = [at]
    [found] = causes(*many)
    assert found.item["metadata"]["name"] == "web-1-59"


def test_causes_are_bounded() -> None:
    claims = [
        item("PersistentVolumeClaim", f"c{n}", status={"phase": "Pending"}) for n in range(60)
    ]
    told = tuple(event(one, "ProvisioningFailed", "no space") for one in claims)
    assert len(causes(*claims, events=told)) == MOST


def test_the_first_comes_first_and_what_may_pass_after_what_is_known() -> None:
    slow = pod(SET, "web-1-a", **running())
    probe = event(slow, "Unhealthy", "Readiness probe failed: x", fieldPath="spec.containers{web}")
    loop = pod(SET, "web-1-b", **waiting("CrashLoopBackOff", "", 1, **ended(1)))
    loop["status"]["containerStatuses"][0]["lastState"]["terminated"]["startedAt"] = (
        "2026-01-01T10:05:00Z"
    )
    gone = pod(SET, "web-1-c", **waiting("CreateContainerConfigError", 'secret "x" not found'))
    ids = [one.error.id for one in causes(slow, loop, gone, events=(probe,))]
    assert ids == ["cause.config-missing", "cause.crash-loop", "cause.failing-probe"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_pods_of_the_former_revision_are_never_a_reason_to_end(kind: str) -> None:
    broken = waiting("ErrImagePull", "not found")
    if kind == "Deployment":
        objects = [replica_set(WEB, "web-2", revision=2), pod(SET, **broken)]
    else:
        above = item(kind, "db", status={"updateRevision": "db-2"})
        above["metadata"]["annotations"]["deprecated.daemonset.template.generation"] = "2"
        old = pod(above, "db-0", **broken)
        old["metadata"]["labels"] = {
            "controller-revision-hash": "db-1",
            "pod-template-generation": "1",
        }
        objects = [above, old]
    [found] = causes(*objects)
    assert (found.error.id, found.hopeless) == ("cause.image-not-found", False)


def test_what_nobody_knows_keeps_the_clusters_own_words() -> None:
    told, hopeless, text = only(causes(pod(SET, **waiting("BrandNewTrouble", "so  it\n is."))))
    assert (told, hopeless) == ("unexplained", False)
    assert text == "Pod web-1-a: web: BrandNewTrouble so it is."
    evicted = pod(SET, phase="Failed", reason="Evicted", message="The node was low on memory.")
    assert only(causes(evicted))[0] == "pod-failed"


def test_all_well_has_no_causes() -> None:
    assert causes(ready(SET)) == ()
    assert causes(pod(SET, **waiting("ContainerCreating"))) == ()


def test_records_keep_a_cause_without_what_the_app_said() -> None:
    fields: Fields = {"kind": "Pod", "name": "a", "container": "web"}
    loop = CrashLoop(**fields, code=1, restarts=2, said="no room for MUSTERMANN^ERIKA")
    probe = ProbeFails(**fields, probe="readiness", reason=Quoted("MUSTERMANN^ERIKA"))
    assert "exit code 1" in quiet(loop)
    assert "MUSTERMANN" not in quiet(loop) + quiet(probe)
    assert quiet(NotAZone(path="x")) == ""
