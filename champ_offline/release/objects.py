"""Rendered documents as objects with an identity: which is which across revisions.

Invariant: pure; two documents are the same object when group, kind, namespace and name agree,
whatever API version each is written in.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from champ_offline.helm import manifests
from champ_offline.helm.engine import Document

Object: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str, str]

RESOURCE_POLICY = "helm.sh/resource-policy"
"""The annotation by which Helm leaves an object in the cluster."""


@dataclass(frozen=True)
class Item:
    """One object of a release; `key` is (group, kind, namespace, name)."""

    key: Key
    content: Object = field(repr=False, hash=False)

    @property
    def api_version(self) -> str:
        """Such as `apps/v1`."""
        return str(self.content["apiVersion"])

    @property
    def kind(self) -> str:
        """Such as `Deployment`."""
        return self.key[1]

    @property
    def namespace(self) -> str:
        """Where it is; for objects of the whole cluster the release's namespace."""
        return self.key[2]

    @property
    def name(self) -> str:
        """Its metadata.name."""
        return self.key[3]

    @property
    def kept(self) -> bool:
        """Whether Helm leaves it in the cluster when it leaves the release."""
        return manifests.annotations_of(self.content).get(RESOURCE_POLICY) == "keep"

    @property
    def hook(self) -> tuple[str, ...]:
        """The Helm events that run it; empty for an object of the release itself."""
        told = manifests.annotations_of(self.content).get(manifests.HOOK, "")
        return tuple(part.strip() for part in told.split(",") if part.strip())

    def owned_by(self, release: str, namespace: str) -> Object:
        """The content as Helm applies it: with its label and annotations of ownership."""
        owned = copy.deepcopy(self.content)
        metadata = owned["metadata"]
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "app.kubernetes.io/managed-by": "Helm",
        }
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            "meta.helm.sh/release-name": release,
            "meta.helm.sh/release-namespace": namespace,
        }
        return owned


def items(documents: Iterable[Document], namespace: str) -> tuple[Item, ...]:
    """The documents as objects; raises NotAnObject."""
    return tuple(_item(document.text, document.source, namespace) for document in documents)


def items_of_manifest(manifest: str, namespace: str) -> tuple[Item, ...]:
    """The objects of a manifest as Helm records it."""
    return tuple(_item(text, "the release", namespace) for text in manifests.split(manifest))


def _item(text: str, source: str, namespace: str) -> Item:
    content = manifests.load(text, source)
    metadata = content["metadata"]
    group = str(content["apiVersion"]).rpartition("/")[0]
    place = str(metadata.get("namespace") or namespace)
    return Item((group, content["kind"], place, metadata["name"]), content)
