"""Objects and events as a real API server gives them, for judging causes."""

from __future__ import annotations

from typing import Any

from champ_offline.cluster.causes.judge import judge
from champ_offline.cluster.causes.scene import Found, Scene

Object = dict[str, Any]
RELEASE = "pacs"
IMAGE = "champ.local/web:1"
MADE = "2026-01-01T10:00:00Z"


def item(kind: str, name: str, owner: Object | None = None, **parts: object) -> Object:
    """An object of the release, or of `owner`."""
    metadata: Object = {
        "name": name,
        "namespace": RELEASE,
        "uid": f"uid-{kind}-{name}",
        "generation": 1,
        "creationTimestamp": MADE,
        "annotations": {},
        "labels": {},
    }
    if owner is None:
        metadata["annotations"]["meta.helm.sh/release-name"] = RELEASE
    else:
        metadata["ownerReferences"] = [{"uid": owner["metadata"]["uid"], "kind": owner["kind"]}]
    return {"kind": kind, "metadata": metadata, "spec": {}, "status": {}, **parts}


def deployment(name: str = "web", replicas: int = 1) -> Object:
    return item("Deployment", name, spec={"replicas": replicas})


def replica_set(owner: Object, name: str = "web-1", revision: int = 1, made: int = 1) -> Object:
    found = item("ReplicaSet", name, owner, spec={"replicas": 1}, status={"replicas": made})
    found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = str(revision)
    return found


def pod(owner: Object | None, name: str = "web-1-a", **status: object) -> Object:
    """A pod on node `one`, of one container `web`."""
    limits = {"limits": {"memory": "64Mi"}}
    spec = {
        "nodeName": "one",
        "containers": [{"name": "web", "image": IMAGE, "resources": limits}],
    }
    conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": MADE}]
    made = {"phase": "Pending", "conditions": conditions, **status}
    return item("Pod", name, owner, spec=spec, status=made)


def waiting(reason: str, message: str = "", restarts: int = 0, **more: object) -> Object:
    """`containerStatuses` of a container that waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    one = {"name": "web", "state": state, "ready": False, "restartCount": restarts, **more}
    return {"containerStatuses": [one]}


def running(restarts: int = 0, **more: object) -> Object:
    """`containerStatuses` of a container that runs and is not ready."""
    state = {"running": {"startedAt": MADE}}
    one = {"name": "web", "state": state, "ready": False, "restartCount": restarts, **more}
    return {"phase": "Running", "containerStatuses": [one]}


def ended(code: int, reason: str = "Error", message: str = "") -> Object:
    """`lastState` of a container that ended."""
    told = {"exitCode": code, "reason": reason, "message": message, "startedAt": MADE}
    return {"lastState": {"terminated": told}}


def ready(owner: Object | None, name: str = "web-1-a") -> Object:
    conditions = [{"type": "Ready", "status": "True"}]
    return pod(owner, name, phase="Running", conditions=conditions)


def unplaced(owner: Object | None, message: str, name: str = "web-1-a") -> Object:
    found = pod(owner, name)
    del found["spec"]["nodeName"]
    found["status"]["conditions"] = [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": MADE,
        }
    ]
    return found


def event(about: Object, reason: str, message: str, first: str = MADE, **more: object) -> Object:
    """A v1 Event about an object; `fieldPath` may say of which container."""
    involved = {
        "kind": about["kind"],
        "name": about["metadata"]["name"],
        "uid": about["metadata"]["uid"],
        **more,
    }
    return {
        "metadata": {"namespace": RELEASE, "name": f"{reason}-{first}"},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "firstTimestamp": first,
        "lastTimestamp": first,
    }


def job(name: str = "pacs-migrate", hook: str = "", **status: object) -> Object:
    found = item("Job", name, status=status)
    if hook:
        found["metadata"]["annotations"] = {"helm.sh/hook": hook}
    return found


def node(name: str = "one", ready: str = "Unknown") -> Object:
    told = {
        "type": "Ready",
        "status": ready,
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": "2026-01-01T09:59:00Z",
    }
    return {"kind": "Node", "metadata": {"name": name}, "status": {"conditions": [told]}}


WEB = deployment()
SET = replica_set(WEB)


def causes(*objects: Object, events: tuple[Object, ...] = (), **more: Any) -> tuple[Found, ...]:
    """The causes of WEB with its SET and these objects."""
    return judge(Scene([WEB, SET, *objects], events, **more))


def only(found: tuple[Found, ...]) -> tuple[str, bool, str]:
    """The id, hopelessness and sentence of the one cause there is."""
    [one] = found
    return one.error.id.removeprefix("cause."), one.hopeless, str(one.error)
