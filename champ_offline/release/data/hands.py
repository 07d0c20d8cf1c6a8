"""The workloads of one release: found in its sealed manifests, stopped, started, put back.

Invariant: an object is only ever applied as the manifests have it, save its number of replicas, and
as Helm applies it; so `as_sealed` takes away whatever was done here.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from champ_offline.catalog.data_parts import COMPONENT, Workload
from champ_offline.cluster import health
from champ_offline.cluster.interface import Cluster
from champ_offline.errors import ChampError, ExitCode, Fields
from champ_offline.helm.engine import Document
from champ_offline.oci.digest import Digest
from champ_offline.release.objects import Item, items
from champ_offline.release.records.vault import Vault
from champ_offline.release.seal import sealed_manifests


class WorkloadUnknown(ChampError):
    """A declaration speaks of a workload that the release does not have, or has twice."""

    id = "data.workload-unknown"
    exit_code = ExitCode.PREFLIGHT
    message = "{workload}, of which the data of {release} speaks, stands {count} times in it."
    remedy = "Tell whoever made the app: each workload under “data” must be there exactly once."


class WorkloadNotReady(ChampError):
    """No pod of a workload in which a command should run is ready."""

    id = "data.workload-not-ready"
    exit_code = ExitCode.PREFLIGHT
    message = "No pod of {workload} of release {release} was ready within {seconds} seconds."
    remedy = "`champ status {release}` says why; repeat the command when it is well."


class WorkloadStays(ChampError):
    """Pods of a workload that must stand still do not end."""

    id = "data.workload-stays"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Pods of {workload} of release {release} did not end within {seconds} seconds."
    remedy = "See what keeps them: `champ status {release}`; then run `champ recover`."


def sealed_items(vault: Vault, sealed: Digest, namespace: str) -> tuple[Item, ...]:
    """The objects of a sealed chart; raises VaultMissing."""
    texts = sealed_manifests(vault.get(sealed))
    return items((Document("the plan", text) for text in texts), namespace)


class Hands:
    """Of the release that these manifests make. `pause` and `patience` are seconds."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        release: str,
        manifests: Sequence[Item],
        pause: float,
        patience: float,
    ) -> None:
        self._cluster, self._manifests = cluster, manifests
        self.namespace, self.release = namespace, release
        self._pause, self._patience = pause, patience

    def check(self, workloads: Iterable[Workload]) -> None:
        """Raise WorkloadUnknown for one that is not there."""
        for workload in workloads:
            self._item(workload)

    def stop(self, workloads: Sequence[Workload]) -> None:
        """Let them stand still: no pod of theirs is left. Raises WorkloadStays."""
        for workload in workloads:
            self._scale(workload, 0)
        for workload in workloads:
            if not self._waited(lambda: not self._pods(workload)):  # noqa: B023 - called at once
                raise WorkloadStays(**self._about(workload))

    def start(self, workload: Workload) -> None:
        """Apply it as the manifest has it; one that is kept at no replica gets one."""
        self._scale(workload, max(1, self._replicas(workload)))

    def pod(self, workload: Workload) -> str:
        """The name of a ready pod of it, waited for; raises WorkloadNotReady."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [
                one["metadata"]["name"] for one in self._pods(workload) if health.state(one).ready
            ]
            return bool(found)

        if not self._waited(there):
            raise WorkloadNotReady(**self._about(workload))
        return found[0]

    def as_sealed(self, workloads: Iterable[Workload]) -> None:
        """Apply them as the manifests have them."""
        for workload in workloads:
            self._scale(workload, self._replicas(workload))

    def wait(self, workloads: Iterable[Workload]) -> None:
        """Until each that the manifests let run has a ready pod; raises WorkloadNotReady."""
        for workload in workloads:
            if self._replicas(workload):
                self.pod(workload)

    def idle(self, workload: Workload) -> bool:
        """Whether the manifest keeps it at no replica."""
        return self._replicas(workload) == 0

    def _item(self, workload: Workload) -> Item:
        name = workload.called(self.release)
        fits: Callable[[Item], bool] = lambda item: (  # noqa: E731 - said once
            item.name == name if name else _label(item.content) == workload.component
        )
        found = [one for one in self._manifests if one.kind == workload.kind and fits(one)]
        if len(found) != 1:
            raise WorkloadUnknown(workload=workload, release=self.release, count=len(found))
        return found[0]

    def _replicas(self, workload: Workload) -> int:
        return int(self._item(workload).content["spec"].get("replicas", 1))

    def _scale(self, workload: Workload, replicas: int) -> None:
        item = self._item(workload)
        wanted = item.owned_by(self.release, self.namespace)
        if wanted["spec"].get("replicas", 1) != replicas:
            wanted = copy.deepcopy(wanted)
            wanted["spec"]["replicas"] = replicas
        self._cluster.apply(wanted, item.namespace)

    def _pods(self, workload: Workload) -> list[dict[str, Any]]:
        """Every pod that it owns, those on their way out among them."""
        item = self._item(workload)
        every = self._cluster.parts(self.namespace, self.release)
        owners = {
            one["metadata"]["uid"]
            for one in every
            if (one["kind"], one["metadata"]["name"]) == (item.kind, item.name)
        }
        sets = {
            one["metadata"]["uid"]
            for one in every
            if one["kind"] == "ReplicaSet" and _owned(one) & owners
        }
        return [one for one in every if one["kind"] == "Pod" and _owned(one) & (owners | sets)]

    def _waited(self, holds: Callable[[], bool]) -> bool:
        limit = time.monotonic() + self._patience
        while not holds():
            if time.monotonic() > limit:
                return False
            time.sleep(self._pause)
        return True

    def _about(self, workload: Workload) -> Fields:
        seconds = int(self._patience)
        return {"workload": workload, "release": self.release, "seconds": seconds}


def _label(content: dict[str, Any]) -> str:
    return str((content["metadata"].get("labels") or {}).get(COMPONENT, ""))


def _owned(item: dict[str, Any]) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences") or []}
