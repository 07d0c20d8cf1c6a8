"""The releases of one zone: plan a change, apply it, see how they are.

Composition: every method is one verb. A cluster is only reached where one is named; nodes pull from
the zone's own registry or, where one is in use, from an external one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.catalog.index import Catalog
from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.events import Subscriber
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.paths import ZonePaths
from champ_offline.release.history import History, Revision
from champ_offline.release.plan import Plan
from champ_offline.release.status import ReleaseStatus
from champ_offline.store.blobs import BlobStore

if TYPE_CHECKING:
    from champ_offline.external.verbs import External
    from champ_offline.operations import Operations


class Releases:
    """Of the zone called `zone`; `external` gives the registry that nodes pull from, if another."""

    def __init__(
        self,
        zone: str,
        paths: ZonePaths,
        database: Database,
        blobs: BlobStore,
        catalog: Catalog,
        external: Callable[[], External | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._zone, self._paths, self._database, self._blobs = zone, paths, database, blobs
        self._catalog, self._external, self._clock = catalog, external, clock

    def plan_install(
        self,
        app: str,
        version: str | None,
        release: str,
        namespace: str,
        answers: Path | None,
        kubeconfig: Path | None,
    ) -> Plan:
        """What installing the app, or upgrading the release that is there, would change."""
        entry = self._catalog.entry(app, version)
        with self._settled(kubeconfig) as operations:
            return operations.plan_change(entry, release, namespace, answers)

    def plan_rollback(
        self, release: str, namespace: str, number: int | None, kubeconfig: Path | None
    ) -> Plan:
        """What going back to revision `number` (else the one before) would change."""
        with self._settled(kubeconfig) as operations:
            return operations.plan_rollback(release, namespace, number)

    def plan_remove(self, release: str, namespace: str, kubeconfig: Path | None) -> Plan:
        """What removing the release would change."""
        with self._settled(kubeconfig) as operations:
            return operations.plan_remove(release, namespace)

    def apply(self, plan: Plan, kubeconfig: Path | None, notify: Subscriber) -> Revision:
        """Carry out exactly that plan; raises what `release.execute.Executor.apply` raises."""
        with FileLock(self._paths.lock), self._operations(kubeconfig) as operations:
            return operations.apply(plan, notify)

    def status(
        self, release: str | None, namespace: str | None, kubeconfig: Path | None
    ) -> list[ReleaseStatus]:
        """The zone's releases, or one of them; their health where a cluster is named.

        Raises ReleaseUnknown for a release that this zone does not run.
        """
        history = History(self._database)
        if kubeconfig is None:
            return [ReleaseStatus.of(one, None) for one in history.in_cluster(release, namespace)]
        with self._settled(kubeconfig) as operations:
            return [
                ReleaseStatus.of(one, operations.health(one.release, one.namespace))
                for one in history.in_cluster(release, namespace)
            ]

    def history(self, release: str, namespace: str) -> tuple[Revision, ...]:
        """Everything ever applied to the release, oldest first; raises ReleaseUnknown."""
        found = History(self._database).revisions(namespace, release)
        if not found:
            raise ReleaseUnknown(release=release, namespace=namespace)
        return found

    @contextmanager
    def _settled(self, kubeconfig: Path | None) -> Iterator[Operations]:
        """A cluster on which nothing of ours is half done: what a kill left is put right first."""
        with self._operations(kubeconfig) as operations:
            if operations.interrupted:
                with FileLock(self._paths.lock):
                    operations.recover()
            yield operations

    def _operations(self, kubeconfig: Path | None) -> Operations:
        # Helm and Kubernetes clients are loaded only by the verbs that need a cluster.
        from champ_offline.operations import Operations

        stored = (self._database, self._blobs, self._catalog)
        return Operations(self._zone, *stored, self._clock, kubeconfig, self._external())
