"""Why a pod that has a node does not run, or runs and is not ready.

Invariant: pure; the first container that cannot go on explains its pod, for the others wait for it
or share its fate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from champ_offline.cluster.causes import configuration, images
from champ_offline.cluster.causes.scene import (
    Found,
    Object,
    Place,
    Scene,
    about,
    condition,
    last_time,
    moment,
    name,
    status,
    words,
)
from champ_offline.cluster.causes.words import (
    SILENT,
    CrashLoop,
    OutOfMemory,
    PodFailed,
    ProbeFails,
    StartRefused,
    Unexplained,
    VolumeNotMounted,
)
from champ_offline.errors import Phrase, Reason

# So many restarts (the fourth comes some 70 s after the first end: kubelet waits 10, 20, 40 s) are
# not the seconds in which a container waits for its database by failing.
RESTARTS = 4
_BACK_OFF = "CrashLoopBackOff"
_NOT_MADE = frozenset({"CreateContainerError", "RunContainerError"})
_NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})
_NO_CONFIG = "CreateContainerConfigError"
_WAITING = frozenset({"ContainerCreating", "PodInitializing", ""})
# Words of runtimes that speak of the image or the pod itself, which no second try makes better.
_FOR_GOOD = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error"
    r"|runAsNonRoot|non-root|not a directory"
)
_PROBE = re.compile(
    r"(Readiness|Liveness|Startup) probe (?:failed|errored)[^:]*:? ?(.*)", re.DOTALL
)
_NO_WORDS = Phrase("it gives no reason")
_FIELD = re.compile(r"\{(.+)\}$")


def judge(scene: Scene, pod: Object) -> Found | None:
    """The cause for one pod that is not ready; None where it may just be starting."""
    for one in _containers(status(pod)):
        if found := _stopped(scene, pod, one):
            return found
    if status(pod).get("phase") == "Failed":
        reason = status(pod).get("message") or status(pod).get("reason")
        return Found(PodFailed(**about(pod), reason=words(reason)), pod, since(pod))
    return _unprepared(scene, pod) or _unanswered(scene, pod)


def failed_container(pod: Object) -> tuple[str, int] | None:
    """The container that ended badly, and its exit code; None where none did."""
    for one in _containers(status(pod)):
        ended = _state(one, "terminated")
        if ended and ended.get("exitCode"):
            return str(one["name"]), int(ended["exitCode"])
    return None


def since(pod: Object) -> str:
    """From when on the pod is not ready."""
    found = condition(pod, "Ready").get("lastTransitionTime")
    return moment(found or pod["metadata"].get("creationTimestamp"))


def _containers(found: Object) -> list[Object]:
    every = [*(found.get("initContainerStatuses") or []), *(found.get("containerStatuses") or [])]
    return [one for one in every if not one.get("ready")]


def _state(one: Object, which: str) -> Object:
    found: Object = (one.get("state") or {}).get(which) or {}
    return found


def _stopped(scene: Scene, pod: Object, one: Object) -> Found | None:
    """Why this container does not run."""
    waiting = _state(one, "waiting")
    reason, said = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason in images.WAITING:
        return _not_pulled(scene, pod, one, reason, said)
    if reason == _NO_CONFIG:
        error = configuration.missing(pod, said) or _refused(pod, one, said)
        return Found(error, pod, since(pod), hopeless=True)
    if reason in _NOT_MADE:
        hopeless = bool(_FOR_GOOD.search(said))
        return Found(_refused(pod, one, said or reason), pod, since(pod), hopeless=hopeless)
    if ended := _ended(one):
        return _crashed(scene, pod, one, ended)
    if reason in _WAITING:
        return None
    reason = words(f"{one['name']}: {reason} {said}")
    return Found(Unexplained(**about(pod), reason=reason), pod, since(pod), soft=True)


def _not_pulled(scene: Scene, pod: Object, one: Object, reason: str, said: str) -> Found:
    image = str(_declared(pod, one).get("image") or one.get("image", ""))
    if reason == "ImagePullBackOff" and "rror" not in said.replace("ErrImagePull", ""):
        # Kubernetes before 1.31 says why in its event only.
        for event in scene.events_of(pod, "Failed"):
            if "pull" in (told := str(event.get("message", ""))) and image in told:
                said = told
                break
    error, hopeless = images.judge(pod, image, reason, said)
    return Found(error, pod, since(pod), hopeless=hopeless)


def _ended(one: Object) -> Object:
    """How it ended last, where that was not as it should; empty otherwise."""
    ended = _state(one, "terminated") or (one.get("lastState") or {}).get("terminated") or {}
    looping = _state(one, "waiting").get("reason") == _BACK_OFF
    return ended if looping or ended.get("exitCode") else {}


def _crashed(scene: Scene, pod: Object, one: Object, ended: Object) -> Found:
    restarts = int(one.get("restartCount") or 0)
    looping = _state(one, "waiting").get("reason") == _BACK_OFF and restarts >= RESTARTS
    # What comes before the others is often there to wait for something, by failing if need be.
    hopeless = looping and one not in (status(pod).get("initContainerStatuses") or [])
    running = bool(_state(one, "running"))
    log = Place(name(pod), str(one["name"]), previous=running)
    when = moment(ended.get("startedAt") or ended.get("finishedAt")) or since(pod)
    fields: dict[str, Any] = {**about(pod), "container": one["name"]}
    if ended.get("reason") in _NOT_STARTED:
        said = str(ended.get("message", ""))
        hopeless = bool(_FOR_GOOD.search(said)) and restarts > 0
        return Found(_refused(pod, one, said), pod, when, hopeless=hopeless)
    error: CrashLoop | OutOfMemory | ProbeFails
    if ended.get("reason") == "OOMKilled":
        limits = (_declared(pod, one).get("resources") or {}).get("limits") or {}
        error = OutOfMemory(**fields, limit=limits.get("memory", SILENT), restarts=restarts)
    elif killed := _probe(scene, pod, one, ("Liveness", "Startup")):
        error = killed
    else:
        code = ended.get("exitCode", 0)
        error = CrashLoop(**fields, code=code, restarts=restarts, said=SILENT)
    return Found(error, pod, when, hopeless=hopeless, log=log, restarts=restarts)


def _refused(pod: Object, one: Object, said: str) -> StartRefused:
    return StartRefused(**about(pod), container=one["name"], reason=words(said))


def _declared(pod: Object, one: Object) -> Object:
    spec = pod.get("spec") or {}
    every = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((found for found in every if found.get("name") == one["name"]), {})


def _unprepared(scene: Scene, pod: Object) -> Found | None:
    """Why none of its containers was begun: volumes, configuration, the network of the pod."""
    waiting = _containers(status(pod))
    if not waiting or any(
        _state(one, "waiting").get("reason", "") not in _WAITING for one in waiting
    ):
        return None
    if any(_state(one, "running") for one in waiting):
        return None
    for event in scene.events_of(
        pod, "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"
    ):
        said = str(event.get("message", ""))
        if event["reason"] == "FailedCreatePodSandBox":
            return _no_sandbox(pod, said, last_time(event))
        if not (error := configuration.missing(pod, said)):
            reason = words(said)
            return Found(VolumeNotMounted(**about(pod), reason=reason), pod, last_time(event))
        gone = (str(error.fields["what"]), str(error.fields["wanted"]))
        if gone not in scene.present:
            return Found(error, pod, since(pod), hopeless=True)
    return None


def _no_sandbox(pod: Object, said: str, when: str) -> Found:
    """The node cannot make the pod; often its own small image is not to be had."""
    if "sandbox image" in said:
        image = re.search(r'sandbox image "([^"]+)"', said)
        error, _ = images.judge(pod, image[1] if image else SILENT, "", said)
        return Found(error, pod, when)
    return Found(Unexplained(**about(pod), reason=words(said)), pod, when, soft=True)


def _unanswered(scene: Scene, pod: Object) -> Found | None:
    """A container runs and fails its probe: a slow start, or a bad one."""
    for one in _containers(status(pod)):
        error = _state(one, "running") and _probe(scene, pod, one, ("Readiness", "Startup"))
        if error:
            place = Place(name(pod), str(one["name"]))
            return Found(error, pod, since(pod), soft=True, log=place)
    return None


def _probe(scene: Scene, pod: Object, one: Object, kinds: tuple[str, ...]) -> ProbeFails | None:
    for found, container in _told(scene, pod):
        if found[1] in kinds and container in {"", one["name"]}:
            told: Reason = words(found[2]) if found[2].strip(" .-") else _NO_WORDS
            probe = found[1].lower()
            return ProbeFails(**about(pod), probe=probe, container=one["name"], reason=told)
    return None


def _told(scene: Scene, pod: Object) -> Iterator[tuple[re.Match[str], str]]:
    """What events say of its probes, newest first, and of which container."""
    for event in scene.events_of(pod, "Unhealthy"):
        container = _FIELD.search(str(event["involvedObject"].get("fieldPath", "")))
        if found := _PROBE.search(str(event.get("message", ""))):
            yield found, container[1] if container else ""
