"""What a chart from a bundle renders to: objects, their images, and what else names one."""

from __future__ import annotations

from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.oci.digest import Digest
from champ_offline.release.images.digests import pin, positions
from champ_offline.release.images.mentions import mentions
from champ_offline.release.objects import items_of_manifest
from tests.fuzz.mutation import json_mutator
from tests.fuzz.target import Target

_DIGEST = Digest("3" * 64)
_KNOWN = {"docker.io/library/nginx:1": _DIGEST, "champ.local/web:1": _DIGEST}
_LOCKED = {"docker.io/library/nginx", "champ.local/web"}


def read_objects(data: bytes) -> None:
    """Every image of a release that may be applied is held to its digest."""
    stream = data.decode("utf-8", "replace")
    texts = manifests.split(stream)
    documents = tuple(Document("input", text) for text in texts)
    for item in items_of_manifest(stream, "default"):
        assert all(item.key[1::2]) or not item.name or not item.kind
        item.owned_by("demo", "default")
        manifests.dump(item.content)
        assert item.kept in {True, False}
        assert all(item.hook)
    for document in documents:
        mentions(document, _LOCKED)
    pinned = pin(Rendered(documents), _KNOWN).rendered.manifests
    for before, after in zip(documents, pinned, strict=True):
        held = positions(after)
        assert [one.path for one in held] == [one.path for one in positions(before)]
        assert all(one.value.endswith(f"@{_DIGEST}") for one in held)


def _seeds() -> dict[str, bytes]:
    pod = b"""apiVersion: apps/v1
kind: Deployment
metadata: {name: a, annotations: {helm.sh/hook: pre-install, helm.sh/resource-policy: keep}}
spec:
  template:
    spec:
      containers:
        - {name: a, image: nginx:1, args: [--image, "champ.local/web:1"]}
        - name: b
          image: !!str &x 'champ.local/web:1'
          env: [{name: IMAGE, value: *x}]
---
# none
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data:
  a: |
    image: champ.local/web:1
  b: '{"image":{"repository":"nginx","tag":"1"}}'
"""
    secret = (
        b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c","annotations":{"a":"b"}},'
        b'"data":{"a":"aW1hZ2U6IG5naW54OjE="},"spec":{"containers":[{"image":"nginx:1"}]}}'
    )
    return {"yaml": pod, "json": secret}


TARGETS = (Target("objects", read_objects, _seeds, json_mutator()),)
