"""The releases of one zone: plan a change, apply it, see how they are.

Composition: every method is one verb. A cluster is only reached where one is named; nodes pull from
the zone's own registry or, where one is in use, from an external one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.catalog.index import Catalog
from champ_offline.cluster.interface import Cluster, ClusterForbidden
from champ_offline.doctor import examine_cluster, examine_named
from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError
from champ_offline.events import Subscriber
from champ_offline.findings import Finding
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal, Record, Recovered
from champ_offline.journal.process import current_user
from champ_offline.paths import ZonePaths
from champ_offline.release import planned
from champ_offline.release.clusters import Clusters, NamedCluster
from champ_offline.release.data.acts import Restored, deeds
from champ_offline.release.data.backups import Backup, BackupElsewhere, Backups
from champ_offline.release.data.planning import APP_ONLY, WayBack
from champ_offline.release.data.shelf import Shelf
from champ_offline.release.logs import ReleaseLogs, logs_of
from champ_offline.release.plan import Plan, PlanUnreadable
from champ_offline.release.prospect import accept
from champ_offline.release.records import chronicle
from champ_offline.release.records.chronicle import DataDeed, Deed
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.release.status import ReleaseStatus, Sight
from champ_offline.store.blobs import BlobStore

if TYPE_CHECKING:
    from champ_offline.external.verbs import External
    from champ_offline.operations import Operations
    from champ_offline.release.asking import Earlier


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
        self.zone, self.paths, self.database, self._blobs = zone, paths, database, blobs
        self.catalog, self._external, self.clock = catalog, external, clock

    @property
    def clusters(self) -> Clusters:
        """The zone's clusters by name."""
        return Clusters(self.database, self.clock)

    def add_cluster(self, name: str, kubeconfig: Path) -> NamedCluster:
        """Name the cluster that a kubeconfig leads to; raises what `Clusters.add` raises."""
        with closing(self._cluster(kubeconfig)) as cluster:
            return self.clusters.add(name, cluster, kubeconfig, current_user())

    def plan_install(
        self,
        app: str,
        version: str | None,
        release: str,
        namespace: str,
        answers: Path | None,
        kubeconfig: Path | None,
        *,
        save: bool = True,
    ) -> Plan:
        """What installing the app, or upgrading the release that is there, would change.

        Its data is saved before another version comes, unless not `save`.
        """
        entry = self.catalog.entry(app, version)
        with self._settled(kubeconfig) as operations:
            return operations.plan_change(entry, release, namespace, answers, save=save)

    def plan_rollback(
        self,
        release: str,
        namespace: str,
        number: int | None,
        kubeconfig: Path | None,
        way: WayBack = APP_ONLY,
    ) -> Plan:
        """What going back to revision `number` (else the one before) would change."""
        try:
            with self._settled(kubeconfig) as operations:
                return operations.plan_rollback(release, namespace, number, way)
        except BackupElsewhere as error:
            cluster = self.clusters.name(str(error.fields["cluster"]))
            raise BackupElsewhere(**{**error.fields, "cluster": cluster}) from error

    def plan_remove(self, release: str, namespace: str, kubeconfig: Path | None) -> Plan:
        """What removing the release would change."""
        with self._settled(kubeconfig) as operations:
            return operations.plan_remove(release, namespace)

    def accept(self, plan: Plan, ids: Collection[str]) -> Plan:
        """The plan with those of its concerns accepted, which is another plan of this zone.

        Who accepted what is a row of the audit chain. Raises ConcernUnknown, and VaultMissing for a
        plan that was not made here.
        """
        accepted = accept(plan, ids)
        # No salt is made of a plan.
        vault = Vault(self.database, str)
        vault.get(plan.digest)
        if accepted != plan:
            vault.put(accepted.to_bytes())
            Audit(self.database, self.clock).record(*planned.entries(accepted))
        return accepted

    def apply(self, plan: Plan, kubeconfig: Path | None, notify: Subscriber) -> Revision:
        """Carry out exactly that plan, on the named cluster it was made for if none is given.

        Raises what `release.apply.execute.Executor.apply` raises.
        """
        way = self.clusters.way(kubeconfig, plan.cluster)
        with FileLock(self.paths.lock), self._opened(way) as operations:
            return operations.apply(plan, notify)

    @property
    def backups(self) -> Shelf:
        """The data that was saved of the zone's releases."""
        return Shelf(self.database, self._blobs, self.paths.lock, self.clock)

    def save_data(
        self, release: str, namespace: str, kubeconfig: Path | None, notify: Subscriber
    ) -> Backup:
        """Save a release's data into the store; raises as `Operations.save_data`."""
        with self._changing(kubeconfig) as operations:
            return operations.save_data(release, namespace, notify)

    def restore_data(
        self,
        release: str,
        namespace: str,
        number: int,
        kubeconfig: Path | None,
        notify: Subscriber,
        *,
        keep: bool = True,
    ) -> Restored:
        """Bring a backup back; with `keep` what is there now is saved before.

        Raises BackupUnknown, BackupElsewhere, and as `Operations.restore_data`.
        """
        backup = Backups(self.database).one(number, release)
        with self._changing(kubeconfig) as operations:
            place = (operations.cluster.identity(), namespace, release)
            if backup.subject.place != place:
                raise backup.elsewhere(self.clusters.name(backup.subject.cluster))
            return operations.restore_data(release, namespace, backup, notify, keep=keep)

    @contextmanager
    def _changing(self, kubeconfig: Path | None) -> Iterator[Operations]:
        """A cluster of which the zone's lock is held, and nothing of ours is half done there."""
        way = self.clusters.way(kubeconfig)
        with FileLock(self.paths.lock), self._opened(way) as operations:
            operations.put_right()
            yield operations

    def recover(
        self,
        kubeconfig: Path | None,
        *,
        rehearsal: bool = False,
        hooks: bool = True,
        unreached: Callable[[ChampError], None] | None = None,
    ) -> tuple[Recovered, ...]:
        """Put right what interrupted applications left, or only say what that would take.

        Without `hooks` none of the releases' is run, for one that can never succeed.
        Without a kubeconfig on each of the zone's clusters that it was on; needs no cluster where
        nothing was interrupted. Raises ClusterNotNamed, and what reaching a cluster raises where
        none could be reached: whatever was interrupted is then still to be put right. Where only
        some could, the others' errors are given to `unreached`.
        """
        journal = Journal(self.database, self.clock)
        journal.leave(Act.SITE_APPLY)
        left = journal.interrupted()
        ways = [self.clusters.way(kubeconfig, one.intent.get("cluster", "")) for one in left]
        found: dict[int, Recovered] = {}
        errors: list[ChampError] = []
        for way in dict.fromkeys(ways):
            try:
                self._recover_on(way, found, rehearsal=rehearsal, hooks=hooks)
            except ChampError as error:
                errors.append(error)
        if errors and (unreached is None or not found):
            raise errors[0]
        if unreached is not None:
            for one in errors:
                unreached(one)
        return tuple(found.values())

    def _recover_on(
        self, way: Path, found: dict[int, Recovered], *, rehearsal: bool, hooks: bool
    ) -> None:
        with FileLock(self.paths.lock), self._opened(way) as operations:
            for one in operations.recover(rehearsal=rehearsal, hooks=hooks):
                found.setdefault(one.number, one)
                if one.cluster == operations.cluster.identity():
                    found[one.number] = one

    def interrupted(self) -> tuple[Record, ...]:
        """What was begun on the zone's clusters and not ended, and nobody works on."""
        return Journal(self.database, self.clock).interrupted()

    def status(
        self, release: str | None, namespace: str | None, kubeconfig: Path | None
    ) -> list[ReleaseStatus]:
        """The zone's releases, or one; where a cluster is named its own, with health and drift.

        Looks and changes nothing: what was interrupted stays so. Raises ReleaseUnknown for a
        release that this zone does not run.
        """
        if kubeconfig is not None:
            with self._opened(self.clusters.way(kubeconfig)) as operations:
                return operations.statuses(release, namespace)
        history = History(self.database)
        now = {one.place: one.helm_revision for one in history.releases()}
        return [
            ReleaseStatus.of(one, now[one.place], None)
            for one in history.standing(release, namespace)
        ]

    def look(self, kubeconfig: Path) -> Sight:
        """The cluster that a kubeconfig leads to, and how the zone's releases on it are now."""
        with self._opened(kubeconfig) as operations:
            cluster, nodes = operations.cluster, None
            with suppress(ClusterForbidden):
                nodes = cluster.nodes()
            statuses = tuple(operations.statuses(None, None))
            return Sight(cluster.identity(), cluster.offer().version, nodes, statuses)

    def earlier(self, release: str, namespace: str, kubeconfig: Path | None) -> Earlier | None:
        """The answers that the release has on that cluster, or had last; None without any."""
        if not History(self.database).clusters(namespace, release):
            return None
        with self._opened(self.clusters.way(kubeconfig)) as operations:
            return operations.earlier(release, namespace)

    def logs(self, release: str, namespace: str, kubeconfig: Path | None) -> ReleaseLogs:
        """What the containers of a release wrote; to be closed. Raises ReleaseUnknown."""
        way, vault = self.clusters.way(kubeconfig), Vault(self.database, secrets.token_urlsafe)
        with ExitStack() as held:
            cluster = held.enter_context(closing(self._cluster(way)))
            if (named := self.clusters.by_file(way)) is not None:
                named.check(cluster)
            found = logs_of(cluster, namespace, release, History(self.database), vault)
            held.pop_all()
            return found

    def history(
        self,
        release: str,
        namespace: str,
        cluster: str | None = None,
        since: str = "",
        most: int | None = None,
    ) -> tuple[Deed, ...]:
        """Everything ever applied to the release, oldest first.

        `cluster` is the identity of the only one meant. Of the time `since` (ISO 8601, UTC) or
        later, and the newest `most` of these alone. Raises ReleaseUnknown.
        """
        history = History(self.database)
        found = [
            revision
            for identity in history.clusters(namespace, release)
            if cluster in {None, identity}
            for revision in history.revisions(identity, namespace, release)
        ]
        if not found:
            raise ReleaseUnknown(release=release, namespace=namespace)
        return self._told(sorted(found, key=lambda one: (one.started, one.number)), since, most)

    def log(
        self, namespace: str | None, cluster: str | None, since: str, most: int | None
    ) -> tuple[Deed, ...]:
        """Everything ever applied in the zone, in a namespace or on a cluster, newest first."""
        here = [
            one
            for one in History(self.database).every()
            if namespace in {None, one.namespace} and cluster in {None, one.cluster}
        ]
        return self._told(here, since, most)[::-1]

    def data_deeds(
        self, release: str | None, namespace: str | None, cluster: str | None, since: str = ""
    ) -> tuple[DataDeed, ...]:
        """Data that was saved or brought back as an act of its own, oldest first."""
        return tuple(
            one
            for one in deeds(Journal(self.database, self.clock))
            if release in {None, one.release}
            and namespace in {None, one.namespace}
            and cluster in {None, one.cluster}
            and one.started >= since
        )

    def _told(
        self, revisions: Sequence[Revision], since: str, most: int | None
    ) -> tuple[Deed, ...]:
        vault = Vault(self.database, secrets.token_urlsafe)
        wanted = [one for one in revisions if one.started >= since]
        shown = {(*one.place, one.number) for one in wanted[-(most or len(revisions)) :]}

        def plan_of(one: Revision) -> Plan | None:
            if (*one.place, one.number) not in shown:
                return None
            try:
                return Plan.from_bytes(vault.get(one.plan))
            except (VaultMissing, PlanUnreadable):  # pruned, or of an older release of champ
                return None

        told = chronicle.told(revisions, plan_of)
        return tuple(one for one in told if (*one.place, one.number) in shown)

    def examine(self, kubeconfig: Path | None) -> Iterator[Finding]:
        """Look at the cluster that a kubeconfig leads to, else at each that has a name."""
        with ExitStack() as held:

            def opened(way: Path) -> Cluster:
                cluster = self._cluster(way)
                held.callback(cluster.close)
                return cluster

            named = self.clusters.all()
            if kubeconfig is not None:
                own = self.clusters.by_file(kubeconfig)
                if own is None:
                    yield from examine_cluster(lambda: opened(kubeconfig))
                named = (own,) if own else ()
            for one in named:
                for finding in examine_named(one, opened):
                    yield replace(finding, where=one.name)

    def settle(self, cluster: str) -> str:
        """Put right what a kill left on the cluster of that name; gives its identity."""
        with self._settled(self.clusters.one(cluster).kubeconfig) as operations:
            return operations.cluster.identity()

    def reach(self, cluster: str) -> AbstractContextManager[Operations]:
        """A way into the cluster of that name, as it is; raises ClusterUnknown."""
        return self._opened(self.clusters.one(cluster).kubeconfig)

    @contextmanager
    def _settled(self, kubeconfig: Path | None) -> Iterator[Operations]:
        """A cluster on which nothing of ours is half done: what a kill left is put right first."""
        with self._opened(self.clusters.way(kubeconfig)) as operations:
            if operations.interrupted:
                with FileLock(self.paths.lock):
                    operations.put_right()
            yield operations

    @contextmanager
    def _opened(self, kubeconfig: Path) -> Iterator[Operations]:
        """The cluster that a kubeconfig leads to; raises ClusterExchanged."""
        named = self.clusters.by_file(kubeconfig)
        with self._operations(kubeconfig) as operations:
            if named is not None:
                named.check(operations.cluster)
            yield operations

    def _cluster(self, kubeconfig: Path) -> Cluster:
        """The cluster, without Helm."""
        from champ_offline.cluster.kube import KubeCluster

        return KubeCluster(kubeconfig)

    def _operations(self, kubeconfig: Path) -> Operations:
        # Helm and Kubernetes clients are loaded only by the verbs that need a cluster.
        from champ_offline.operations import Operations

        stored, pki = (self.database, self._blobs, self.catalog), self.paths.pki
        return Operations(self.zone, *stored, self.clock, kubeconfig, self._external(), pki)
