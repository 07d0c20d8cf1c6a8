"""Kubernetes objects as a live cluster and a chart would give them, for the rules of a review."""

from __future__ import annotations

import copy
from typing import Any

from champ_offline.release.objects import Item
from champ_offline.release.review.compared import Change, Compared, Role

Object = dict[str, Any]
PLACE = "pacs"


def workload(kind: str = "Deployment", name: str = "web", **spec: Any) -> Object:
    """A workload with one container; `spec` goes into its spec."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "uid": "u-1"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
        | spec,
    }


def config(name: str = "settings", kind: str = "ConfigMap", **data: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data}


def claim(name: str = "data", size: str = "1Gi", storage_class: str = "fast") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": size}},
        },
    }


def template_of(name: str = "data", size: str = "1Gi") -> Object:
    """A StatefulSet's template of claims."""
    found = claim(name, size)
    return {"metadata": {"name": name}, "spec": found["spec"]}


def item(content: Object) -> Item:
    group = str(content["apiVersion"]).rpartition("/")[0]
    return Item((group, content["kind"], PLACE, content["metadata"]["name"]), content)


def changed(
    live: Object | None, after: Object | None, role: Role = Role.MEMBER, reason: str = ""
) -> Compared:
    """The two states compared, as planning does."""
    content = after if after is not None else live
    assert content is not None
    if live is None:
        change = Change.CREATED
    elif after is None:
        change = Change.DELETED
    else:
        change = Change.UNCHANGED if live == after else Change.CHANGED
    return Compared(item(content), role, change, reason, live, after)


def altered(content: Object, *path: str | int, to: Any) -> Object:
    """A copy with the value at `path` replaced."""
    found = copy.deepcopy(content)
    at: Any = found
    for key in path[:-1]:
        at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]
    at[path[-1]] = to
    return found


POD = ("spec", "template", "spec")
IMAGE = (*POD, "containers", 0, "image")
