"""Why a workload's pods are not even made, and why a job came to a bad end.

Invariant: pure; a workload that has all its pods is in no such trouble, whatever events remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from champ_offline.cluster.causes import configuration, containers
from champ_offline.cluster.causes.scene import (
    Found,
    Object,
    Place,
    Scene,
    about,
    condition,
    ending,
    first_time,
    moment,
    name,
    status,
    words,
)
from champ_offline.cluster.causes.words import (
    SILENT,
    AdmissionRefused,
    HookFailed,
    JobDeadline,
    JobFailed,
    QuotaExceeded,
    Trouble,
    Unexplained,
)
from champ_offline.cluster.health import HOOK
from champ_offline.errors import Phrase, Reason

_QUOTA = re.compile(r"exceeded quota: (?P<quota>[^ ,]+), (?P<why>requested: .+)", re.DOTALL)
_RULES = re.compile(
    r"violates PodSecurity.+|admission webhook .+ denied the request.*|failed quota: .+"
    r"|is forbidden: (?!.*(?:Internal error|timed? ?out)).+|is invalid: .+"
    r"|ValidatingAdmissionPolicy .+ denied request.*",
    re.DOTALL,
)


def unmade(scene: Scene) -> Iterator[Found]:
    """A cause for each workload that wants a pod more than it may make."""
    for item in scene.of("ReplicaSet", "StatefulSet", "DaemonSet", "Job"):
        if scene.outdated(item) or not _lacks(item):
            continue
        said, when = _refusal(scene, item)
        if said:
            error, hopeless = _judge(scene.head(item), said)
            # Pods that are on their way out give back what a quota counts.
            waits = any(ending(pod) for pod in scene.of("Pod"))
            hopeless = hopeless and not (waits and isinstance(error, QuotaExceeded))
            yield Found(error, item, when, hopeless=hopeless)


def failed_jobs(scene: Scene) -> Iterator[Found]:
    """A cause for each job, or pod that is a hook, which came to a bad end."""
    for item in scene.of("Job"):
        if condition(item, "Failed").get("status") == "True":
            yield _failed_job(scene, item)
    for pod in scene.of("Pod"):
        if hook(pod) and status(pod).get("phase") == "Failed":
            place, code = _last_words(pod)
            reason: Reason = words(status(pod).get("message"))
            if reason == SILENT:
                reason = Phrase("exit code {code}", code=code)
            error = HookFailed(hook=hook(pod), name=name(pod), reason=reason, said=SILENT)
            yield Found(error, pod, containers.since(pod), hopeless=True, log=place)


def hook(item: Object) -> str:
    """The events of Helm that run it; empty for an object of the release itself."""
    return str((item["metadata"].get("annotations") or {}).get(HOOK, ""))


def _failed_job(scene: Scene, job: Object) -> Found:
    found = condition(job, "Failed")
    reason: Reason = words(found.get("message") or found.get("reason"))
    pods = [pod for pod in scene.of("Pod") if scene.owner(pod) is job]
    ended = [pod for pod in pods if containers.failed_container(pod)]
    place = None
    if ended:
        last = max(ended, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
        place, code = _last_words(last)
        reason = Phrase("{reason} (exit code {code})", reason=reason, code=code)
    error: Trouble
    if hook(job):
        error = HookFailed(hook=hook(job), name=name(job), reason=reason, said=SILENT)
    elif found.get("reason") == "DeadlineExceeded":
        error = JobDeadline(**about(job), reason=reason, said=SILENT)
    else:
        error = JobFailed(**about(job), reason=reason, said=SILENT)
    when = moment(found.get("lastTransitionTime"))
    return Found(error, job, when, hopeless=True, log=place)


def _last_words(pod: Object) -> tuple[Place | None, int]:
    found = containers.failed_container(pod)
    return (Place(name(pod), found[0]), found[1]) if found else (None, 0)


def _lacks(item: Object) -> bool:
    found, spec = status(item), item.get("spec") or {}
    match item["kind"]:
        case "Job":
            begun = sum(int(found.get(one) or 0) for one in ("active", "succeeded", "failed"))
            return begun == 0
        case "DaemonSet":
            wanted = int(found.get("desiredNumberScheduled") or 0)
            return int(found.get("currentNumberScheduled") or 0) < wanted
    return int(found.get("replicas") or 0) < int(spec.get("replicas", 1))


def _refusal(scene: Scene, item: Object) -> tuple[str, str]:
    """What was said when a pod of it was to be made, and since when."""
    told = condition(item, "ReplicaFailure")
    if told.get("status") == "True" and told.get("message"):
        return str(told["message"]), moment(told.get("lastTransitionTime"))
    for event in scene.events_of(item, "FailedCreate"):
        return str(event.get("message", "")), first_time(event)
    return "", ""


def _judge(item: Object, said: str) -> tuple[Trouble, bool]:
    if found := _QUOTA.search(said):
        return QuotaExceeded(**about(item), quota=found["quota"], why=words(found["why"])), True
    if error := configuration.missing(item, said):
        return error, True
    if found := _RULES.search(said):
        return AdmissionRefused(**about(item), reason=words(found[0])), True
    return Unexplained(**about(item), reason=words(said)), False
