"""What of a release nobody may read: secret answers, and what stands in the Secrets it makes.

Invariant: gathered only to be taken out of texts; nothing here is written or shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from champ_offline.cluster.interface import Cluster, ClusterForbidden
from champ_offline.helm import manifests
from champ_offline.release.records.history import Revision
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.release.seal import sealed_manifests

# What stands in a Secret and is shorter is a port or a switch.
SHORTEST = 8
_NAME = re.compile(r"[a-z][a-z0-9.-]*")
_NAMED = re.compile(r"'image': '([^']+)'")


def of_revision(vault: Vault, revision: Revision) -> Iterator[str]:
    """Secret answers, salt and the values of Secrets of a revision, as far as it is kept."""
    with suppress(VaultMissing):
        if revision.inputs is not None:
            inputs = vault.inputs(revision.inputs)
            yield from (*inputs.secrets, inputs.salt)
    with suppress(VaultMissing):
        if revision.sealed is not None:
            yield from of_sealed(vault.get(revision.sealed))


def of_sealed(sealed: bytes) -> set[str]:
    """The values in the Secrets of a sealed chart, without those that are names of its objects.

    None of no chart, as a removal has it.
    """
    found = sealed_manifests(sealed) if sealed else ()
    objects = [manifests.load(text, "a sealed chart") for text in found]
    values = {value for item in objects for value in of_secret(item)}
    names = "\n".join(name for item in objects for name in names_of(item))
    return without_names(values, names)


def of_secret(item: Mapping[str, Any]) -> Iterator[str]:
    """The values of a Secret, as long as SHORTEST and longer; none of another object."""
    if item.get("kind") == "Secret":
        data = _decoded(item.get("data"))
        yield from long((*texts(item.get("stringData")), *data))


def of_secrets(cluster: Cluster, namespace: str) -> Iterator[str]:
    """The values of a namespace's Secrets, as far as these may be read."""
    with suppress(ClusterForbidden):
        for item in cluster.listed("v1", "Secret", namespace):
            yield from of_secret({**item, "kind": "Secret"})


def without_names(secrets: Iterable[str], known: str) -> set[str]:
    """The secrets that are no names: a user or a database is often called as the app itself."""
    return {one for one in secrets if not (_NAME.fullmatch(one) and one in known)}


def long(values: Iterable[str]) -> Iterator[str]:
    """The values that are long enough to be a secret."""
    return (value for value in values if len(value) >= SHORTEST)


def texts(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def names_of(item: Mapping[str, Any]) -> Iterator[str]:
    """Its own name, and the images of what it runs: those are shown."""
    yield str(item["metadata"]["name"])
    yield from _NAMED.findall(str(item.get("spec") or ""))


def _decoded(data: object) -> Iterator[str]:
    for value in texts(data):
        with suppress(binascii.Error, ValueError):
            yield base64.b64decode(value, validate=True).decode(errors="replace")
