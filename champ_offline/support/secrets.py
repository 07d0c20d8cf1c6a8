"""What nobody may read of a zone and its clusters, gathered to be hidden.

Invariant: gathered only to be taken out of texts; nothing here is written or shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from champ_offline.cluster.interface import Cluster, ClusterForbidden, Object
from champ_offline.errors import ChampError
from champ_offline.helm import manifests
from champ_offline.release import hidden
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault


def of_zone(history: History, vault: Vault) -> Iterator[str]:
    """Secret answers, salts and the values of Secrets of every revision that is remembered."""
    for revision in every_revision(history):
        yield from hidden.of_revision(vault, revision)


def every_revision(history: History) -> Iterator[Revision]:
    """Everything that was ever applied, cluster by cluster."""
    for where in history.known():
        yield from history.revisions(*where)


def of_kubeconfig(path: Path) -> Iterator[str]:
    """Tokens, passwords and keys of a kubeconfig; none of one that cannot be read."""
    try:
        document = manifests.read(path.read_text(errors="replace"), str(path))
    except (OSError, ChampError):
        return
    users = document.get("users") if isinstance(document, dict) else None
    for user in users if isinstance(users, list) else []:
        if isinstance(user, dict):
            yield from hidden.texts(user.get("user"))


def of_namespace(cluster: Cluster, namespace: str) -> Iterator[str]:
    """The values of its Secrets and of its pods' environment, as far as they may be read."""
    yield from hidden.of_secrets(cluster, namespace)
    with suppress(ClusterForbidden):
        for pod in cluster.listed("v1", "Pod", namespace):
            yield from _environment(pod)


def _environment(pod: Object) -> Iterator[str]:
    spec = pod.get("spec") or {}
    for one in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        yield from hidden.long(str(pair.get("value") or "") for pair in one.get("env") or [])
