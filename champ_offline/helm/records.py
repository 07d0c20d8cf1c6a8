"""Helm's own records of releases, as they lie in the cluster: one Secret a revision.

Invariant: pure; what cannot be read as Helm writes it counts as a record without words, never as
none. Helm's storage driver `secret` (helm.sh/helm/v4/pkg/storage/driver): the labels `owner`,
`name`, `status`, `version`; `data.release` is base64 of base64 of a gzip of JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

LABELS = "owner=helm"
_LARGEST = 64 * 1024 * 1024
_GZIP = 31  # zlib's window bits for a gzip stream


@dataclass(frozen=True)
class Record:
    """One revision as Helm recorded it.

    `description` and `modified` (ISO 8601) are empty where only the labels were read; `manager` is
    who wrote the record last.
    """

    name: str
    namespace: str
    revision: int
    status: str
    description: str = ""
    modified: str = ""
    manager: str = ""

    @classmethod
    def of(cls, secret: Object) -> Record:
        """Read one of Helm's Secrets, or its metadata alone."""
        metadata = secret["metadata"]
        labels = metadata.get("labels") or {}
        version = str(labels.get("version", ""))
        info = _info(secret)
        writers = metadata.get("managedFields") or [{}]
        return cls(
            name=str(labels.get("name", "")),
            namespace=str(metadata.get("namespace", "")),
            revision=int(version) if version.isascii() and version.isdigit() else 0,
            status=str(labels.get("status", "")),
            description=str(info.get("description", "")),
            modified=str(info.get("last_deployed", "")),
            manager=str(writers[-1].get("manager", "")),
        )

    @property
    def secret(self) -> str:
        """The name of its Secret."""
        return f"sh.helm.release.v1.{self.name}.v{self.revision}"


def newest(secrets: Iterable[Object]) -> dict[tuple[str, str], Record]:
    """The newest record of each release, by namespace and name."""
    found: dict[tuple[str, str], Record] = {}
    for record in map(Record.of, secrets):
        key = (record.namespace, record.name)
        if key not in found or record.revision > found[key].revision:
            found[key] = record
    return found


def _info(secret: Object) -> Object:
    data = (secret.get("data") or {}).get("release")
    if not isinstance(data, str):
        return {}
    try:
        packed = base64.b64decode(base64.b64decode(data))
        text = zlib.decompressobj(_GZIP).decompress(packed, _LARGEST)
        info = json.loads(text).get("info")
    except (binascii.Error, zlib.error, ValueError, AttributeError):
        return {}
    return info if isinstance(info, dict) else {}
