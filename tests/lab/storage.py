"""Static local volumes of a node: real folders, offered through the default storage class `local`.

Invariant: a volume that a claim let go is emptied before it is offered again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab.api import Api

CLASS = "local"
COUNT = 8
# In name only: a folder holds nobody to it, and apps ask by default for what a hospital needs.
SIZE = "100Ti"
# Where a node sees the folder that the tests know as NODE/lib/volumes.
INSIDE = "/var/lib/volumes"

STORAGE_CLASS: Mapping[str, Any] = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {
        "name": CLASS,
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def names() -> list[str]:
    """The names of the volumes of one node."""
    return [f"local-{number}" for number in range(COUNT)]


def volume(name: str, node: str) -> Mapping[str, Any]:
    """The PersistentVolume `name` that lives on `node`."""
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "local": {"path": f"{INSIDE}/{name}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
        },
    }


def offer(api: Api, node: str, folder: Path) -> None:
    """Make the storage class and all volumes; `folder` is what the node sees as INSIDE."""
    api.create(STORAGE_CLASS)
    for name in names():
        (folder / name).mkdir(exist_ok=True)
        api.create(volume(name, node))


def reclaim(api: Api, node: str, folder: Path) -> list[str]:
    """Empty every released volume and offer it anew; the names of those are returned."""
    listing = api.get("/api/v1/persistentvolumes")["items"]
    released = [
        item["metadata"]["name"]
        for item in listing
        if item["status"]["phase"] == "Released" and item["metadata"]["name"] in names()
    ]
    for name in released:
        api.delete(f"/api/v1/persistentvolumes/{name}")
        shutil.rmtree(folder / name)
        (folder / name).mkdir()
        api.create(volume(name, node))
    return released
