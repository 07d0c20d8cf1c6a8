"""Tell whose work a record of Helm's is: what was planned, what was there before, or neither.

Invariant: a record is known by what it holds, object by object, never by its number alone: somebody
else's Helm gives numbers too.
"""

from __future__ import annotations

import json
from functools import cache

from champ_offline.cluster.interface import Cluster
from champ_offline.helm.engine import Document, Release
from champ_offline.helm.manifests import NotAnObject
from champ_offline.oci.digest import Digest
from champ_offline.release.apply.settle import Change
from champ_offline.release.objects import Item, items, items_of_manifest
from champ_offline.release.records.intent import Intent
from champ_offline.release.records.vault import Vault
from champ_offline.release.seal import sealed_manifests


def change_of(intent: Intent, vault: Vault, cluster: Cluster) -> Change:
    """The change of an intent; raises VaultMissing."""
    place = intent.namespace
    chart = vault.get(intent.sealed) if intent.sealed else None
    # Read only where there is something to put right.
    wanted = cache(lambda: _wanted(chart, place))
    salt = vault.salt(intent.cluster, place, intent.release)

    def planned(record: Release) -> bool:
        if intent.sealed is None:
            return False
        try:
            return _same(items_of_manifest(record.manifest, place), wanted())
        except NotAnObject:
            return False

    def former(record: Release) -> bool:
        return Digest.of(salt.encode() + record.manifest.encode()) == intent.base_manifest

    def serving() -> bool:
        if intent.hooks:
            return False
        there = (
            cluster.get(one.api_version, one.kind, one.namespace, one.name) for one in wanted()
        )
        states = cluster.objects(place, intent.release)
        return all(there) and all(state.ready for state in states)

    where = (intent.release, place)
    return Change(intent.operation, *where, intent.base, planned, former, serving)


def _wanted(chart: bytes | None, namespace: str) -> tuple[Item, ...]:
    texts = sealed_manifests(chart) if chart is not None else ()
    return items((Document("the plan", text) for text in texts), namespace)


def _same(one: tuple[Item, ...], other: tuple[Item, ...]) -> bool:
    return _texts(one) == _texts(other)


def _texts(found: tuple[Item, ...]) -> list[str]:
    return sorted(json.dumps(item.content, sort_keys=True, default=str) for item in found)
