"""How many replicas a workload has, where an autoscaler says so: its number is left alone.

Invariant: replicas are left out of what is sealed only where an autoscaler is meant for the
workload and Helm does not hold them any more. Left out while Helm holds them, the API server would
set them to one.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from champ_offline.cluster.interface import FIELD_MANAGER, Cluster, ClusterForbidden
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.release.managed import managers
from champ_offline.release.objects import Item, Object, items
from champ_offline.release.review import guard
from champ_offline.release.review.compared import at

_VERSION, _KIND = "autoscaling/v2", "HorizontalPodAutoscaler"
_PATH = ("spec", "replicas")


def autoscalers(cluster: Cluster, namespace: str) -> tuple[Object, ...]:
    """Those of the namespace, whoever made them.

    None for a user who may not list them: what they hold is then told as held by others.
    """
    with suppress(ClusterForbidden):
        return cluster.listed(_VERSION, _KIND, namespace)
    return ()


def left_alone(
    rendered: Rendered, namespace: str, scalers: Collection[Object], cluster: Cluster
) -> Rendered:
    """The release without the replicas that autoscalers hold."""
    named = [one for one in rendered.manifests if manifests.may_hold(one.text, _KIND)]
    own = [one.content for one in items(named, namespace) if one.kind == _KIND]
    targets = guard.scaled([*own, *scalers])
    if not targets:
        return rendered
    kept = tuple(_document(one, namespace, targets, cluster) for one in rendered.manifests)
    return replace(rendered, manifests=kept)


def _document(
    document: Document, namespace: str, targets: Collection[tuple[str, str]], cluster: Cluster
) -> Document:
    [item] = items([document], namespace)
    if (item.kind, item.name) not in targets or at(item.content, *_PATH) is None:
        return document
    if not _handed_over(item, cluster):
        return document
    spec = {key: value for key, value in item.content["spec"].items() if key != "replicas"}
    return replace(document, text=manifests.dump({**item.content, "spec": spec}))


def _handed_over(item: Item, cluster: Cluster) -> bool:
    live = cluster.get(item.api_version, item.kind, item.namespace, item.name)
    holders = managers(live, _PATH) if live is not None else ()
    return bool(holders) and FIELD_MANAGER not in holders
