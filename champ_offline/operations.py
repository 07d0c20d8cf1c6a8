"""What can be done to one cluster on behalf of one zone: plan, apply, look.

Composition: it joins the zone's history with adapters for the cluster that a kubeconfig leads to.
Whatever an interrupted predecessor left is put right before the next change.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from champ_offline.catalog.answers import read_answers
from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.index import Catalog
from champ_offline.catalog.template_process import TemplateProcess
from champ_offline.cluster.causes.judge import judge
from champ_offline.cluster.causes.look import cause, look
from champ_offline.cluster.interface import Cluster, ClusterForbidden
from champ_offline.cluster.kube import KubeCluster
from champ_offline.durable.database import Database
from champ_offline.durable.space import free_bytes
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Cause, Subscriber
from champ_offline.external.verbs import External
from champ_offline.helm.remote import SdkEngine
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal, Record, Recovered
from champ_offline.journal.process import current_user
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.preflight.checks import examine
from champ_offline.preflight.reading import Reading
from champ_offline.registry.pki import certificate_end
from champ_offline.release import planned
from champ_offline.release.apply.execute import Executor
from champ_offline.release.apply.failures import ApplyTakenOver, ApplyUnclear, ChangeInterrupted
from champ_offline.release.asking import Earlier, request_of
from champ_offline.release.data.acts import DataActs, Restored
from champ_offline.release.data.backups import Backup
from champ_offline.release.data.keeper import Tools
from champ_offline.release.data.planning import APP_ONLY, DataPlans, WayBack
from champ_offline.release.drift.survey import Survey
from champ_offline.release.hidden import of_revision
from champ_offline.release.images.digests import gone, refuse_gone
from champ_offline.release.masks import Mask
from champ_offline.release.moves import Moves
from champ_offline.release.plan import Plan
from champ_offline.release.planner import Planner
from champ_offline.release.records.history import History, Outcome, Revision
from champ_offline.release.records.retention import Retentions, RevisionNotKept
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.release.request import ReleaseRequest
from champ_offline.release.status import ReleaseStatus
from champ_offline.store.blobs import BlobStore

_SECRET_CHARACTERS = 24
_TO_LOOK_AT: Mapping[str, type[ChampError]] = {
    "taken-over": ApplyTakenOver,
    "unclear": ApplyUnclear,
}


class NothingToReturnTo(ChampError):
    """A release has no earlier deployed revision."""

    id = "zone.nothing-to-return-to"
    exit_code = ExitCode.NOT_FOUND
    message = "Release {release} has no revision before the present one."
    remedy = "`champ history {release}` lists its revisions."


class PlanNotOurs(ChampError):
    """A plan that this zone did not make."""

    id = "zone.plan-not-ours"
    exit_code = ExitCode.PREFLIGHT
    message = "Plan {digest} was not made in this zone, or its file was edited since."
    remedy = "Plan again in this zone, review that plan and apply it as it is."


class Operations:
    """One cluster; leave it (`with`) to end its connections and the Helm child."""

    def __init__(
        self,
        zone: str,
        database: Database,
        blobs: BlobStore,
        catalog: Catalog,
        clock: Callable[[], datetime],
        kubeconfig: Path,
        external: External | None = None,
        pki: Path | None = None,
    ) -> None:
        """`external` is the registry that nodes pull from, where it is not the zone's own.

        `pki` is the folder of the certificate that the zone's own one shows.
        """
        self._blobs, self._catalog = blobs, catalog
        self._history = History(database)
        self._vault = Vault(database, lambda: secrets.token_urlsafe(_SECRET_CHARACTERS))
        self._retentions = Retentions(database)
        self._moves = Moves(catalog, self._history, self._retentions)
        self._cluster = KubeCluster(kubeconfig)
        self._engine, self._templates = SdkEngine(kubeconfig), TemplateProcess()
        self._journal, self._audit = Journal(database, clock), Audit(database, clock)
        # What a site's plan is on several clusters is not this one's to recover.
        self._journal.leave(Act.SITE_APPLY)
        refuse_missing = external.refuse_missing if external else self._refuse_gone
        own = None if external else pki
        facts = Reading(self._cluster, clock, lambda: certificate_end(own) if own else None)
        self._missing = external.missing if external else self._gone
        parts = (self._engine, self._cluster, self._history, self._vault)
        self._planner = Planner(
            *parts,
            zone=zone,
            now=clock,
            size=self._image_size,
            registry=external.address if external else "",
            refuse_missing=refuse_missing,
            preflight=lambda made: examine(made, facts.facts(made.namespace), clock()),
            nodes=facts.nodes,
        )
        tools = Tools(self._cluster, blobs, database, clock, partial(free_bytes, blobs.root))
        self._data = DataActs(tools, self._engine, self._vault, self._journal, self._audit)
        self._data_plans = DataPlans(catalog, self._history, tools.backups)
        self._executor = Executor(
            *parts,
            self._journal,
            audit=self._audit,
            now=clock,
            refuse_missing=refuse_missing,
            tools=tools,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._templates.close()
        self._engine.close()
        self._cluster.close()

    def plan_change(
        self,
        entry: AppEntry,
        release: str,
        namespace: str,
        answers: Path | None,
        *,
        save: bool = True,
    ) -> Plan:
        """Install the app, or upgrade the release that is there.

        Without a file, the answers of the present revision hold; secrets are generated once and
        kept. The data is saved before another version comes, unless not `save`. Raises what
        reading the file raises before the cluster is asked, then as plan_given.
        """
        given = None if answers is None else read_answers(answers, self._catalog.form(entry))
        return self.plan_given(entry, release, namespace, given, save=save)

    def plan_given(
        self,
        entry: AppEntry,
        release: str,
        namespace: str,
        given: Mapping[str, Any] | None,
        *,
        save: bool = True,
    ) -> Plan:
        """The same with answers that were held against the form; None for the present ones.

        Raises what the app's rules of moving raise first, then the errors of form, values and
        planning.
        """
        asked = self._requested(entry, release, namespace, given)
        return self._keep(self._planner.change(asked), save=save)

    def stands(self, entry: AppEntry, revision: Revision, given: Mapping[str, Any] | None) -> bool:
        """Whether `revision`, which is untouched, is what planning the same would lead to.

        Raises as `plan_given` does. False in doubt.
        """
        asked = self._requested(entry, revision.release, revision.namespace, given)
        return self._planner.stands(asked, revision)

    def untouched(self) -> tuple[Revision, ...]:
        """The zone's releases on this cluster that nobody touched since they were applied.

        All are looked at at once. A release that cannot be looked at is not among them: planning it
        tells why.
        """
        identity = self._cluster.identity()
        now = {one.place: one for one in self._history.releases(identity)}
        changing = self._history.changing()
        known = [
            (one, now[one.place])
            for one in self._history.standing(None, None, identity)
            if one.place not in changing
        ]
        try:
            survey = Survey(self._cluster, self._vault, known, self._missing)
        except (VaultMissing, ClusterForbidden):
            return ()
        return tuple(one for one, _ in known if survey.untouched(one))

    def _requested(
        self, entry: AppEntry, release: str, namespace: str, given: Mapping[str, Any] | None
    ) -> ReleaseRequest:
        self._moves.check(self._cluster.identity(), namespace, release, entry)
        last = self.earlier(release, namespace)
        previous = None if last is None else dict(last.answers)
        place = (release, namespace)
        return request_of(self._catalog, entry, *place, given, previous, self._templates)

    def plan_rollback(
        self, release: str, namespace: str, number: int | None, way: WayBack = APP_ONLY
    ) -> Plan:
        """Return to our revision `number`, or to the last one before the present that stood."""
        number = number or self._before(release, namespace)
        try:
            plan = self._planner.rollback(release, namespace, number)
            if way.with_data:
                return self._recorded(self._data_plans.bringing(plan, way.backup))
            return self._keep(plan, save=way.save)
        except VaultMissing as error:
            kept = self._retentions.present().revisions
            raise RevisionNotKept(release=release, number=number, kept=kept) from error

    def plan_remove(self, release: str, namespace: str) -> Plan:
        """Take the release away."""
        return self._keep(self._planner.remove(release, namespace))

    @property
    def cluster(self) -> Cluster:
        """The cluster itself."""
        return self._cluster

    @property
    def interrupted(self) -> bool:
        """Whether a killed predecessor left something to put right on this cluster."""
        return any(map(self._is_here, self._journal.interrupted()))

    def recover(self, *, rehearsal: bool = False, hooks: bool = True) -> tuple[Recovered, ...]:
        """Put right what was interrupted on this cluster, or only say what that would take.

        Without `hooks` Helm runs none of the release's while it is put right. The caller holds the
        zone's lock. What was interrupted on another cluster stays open.
        """
        if not hooks:
            self._executor.leave_out_hooks()
        return self._journal.recover(rehearsal=rehearsal)

    def put_right(self) -> None:
        """Recover before anything else is done on this cluster; the caller holds the zone's lock.

        Raises ApplyTakenOver or ApplyUnclear, once, for a release at which somebody has to look.
        """
        found = self.recover()
        left = {record.number for record in self._journal.interrupted()}
        for one in found:
            failure = _TO_LOOK_AT.get(one.outcome)
            if failure is not None and one.number not in left:
                release = one.subject.rpartition("/")[2]
                raise failure(release=release, cause=ChangeInterrupted(release=release))

    def _is_here(self, record: Record) -> bool:
        """Whether an operation was on this cluster; older entries do not name theirs."""
        here = self._cluster.identity()
        return bool(record.intent.get("cluster", here) == here)

    def apply(self, plan: Plan, notify: Subscriber) -> Revision:
        """Carry out a plan that was made here; the caller holds the zone's lock.

        Raises PlanNotOurs for one that was edited or comes from another zone: what a person read
        and confirmed is then not what this zone planned.
        """
        try:
            self._vault.get(plan.digest)
        except VaultMissing as error:
            raise PlanNotOurs(digest=plan.digest) from error
        self.put_right()
        return self._executor.apply(plan, current_user(), notify)

    def save_data(self, release: str, namespace: str, notify: Subscriber) -> Backup:
        """Save the data of a release as it runs; the caller holds the zone's lock.

        Raises ReleaseUnknown, NothingDeclared, and as DataActs.save.
        """
        revision = self._standing(release, namespace)
        return self._data.save(revision, self._data_plans.declared(revision), notify)

    def restore_data(
        self, release: str, namespace: str, backup: Backup, notify: Subscriber, *, keep: bool
    ) -> Restored:
        """Bring a backup back, with `keep` after saving what is there now; else as save_data."""
        revision = self._standing(release, namespace)
        parts = self._data_plans.declared(revision) if keep else ()
        return self._data.restore(revision, backup, parts, notify)

    def _standing(self, release: str, namespace: str) -> Revision:
        return self._history.standing(release, namespace, self._cluster.identity())[0]

    def cancel(self) -> None:
        """End what Helm is doing; whoever asked for it hears EngineCancelled."""
        self._engine.cancel()

    def statuses(self, release: str | None, namespace: str | None) -> list[ReleaseStatus]:
        """The zone's releases, or one: how each is doing in this cluster, and how it drifted.

        Raises ReleaseUnknown. Releases in other clusters are not among them.
        """
        identity = self._cluster.identity()
        now = {one.place: one for one in self._history.releases(identity)}
        found = self._history.standing(release, namespace, identity)
        known = [(one, now[one.place]) for one in found]
        survey = Survey(self._cluster, self._vault, known, self._missing)
        changing = self._history.changing()
        statuses = []
        for revision, current in known:
            seen = survey.look(revision)
            drift = None if revision.place in changing else seen.drift
            well = all(one.ready for one in seen.objects)
            causes = () if well else self.causes(revision)
            number = current.helm_revision
            statuses.append(ReleaseStatus.of(revision, number, seen.objects, drift, causes))
        return statuses

    def causes(self, revision: Revision) -> tuple[Cause, ...]:
        """Why what is not ready of the release is not, the first cause first."""
        # Also what was tried and put back: a pod's last words may still be those of then.
        known = self._history.revisions(*revision.place)
        hide = Mask({text for one in known for text in of_revision(self._vault, one)}).text
        scene = look(self._cluster, revision.namespace, revision.release)
        return tuple(
            cause(found, self._cluster, revision.namespace, hide) for found in judge(scene)
        )

    def _keep(self, plan: Plan, *, save: bool = True) -> Plan:
        plan = self._moves.held_to(plan)
        return self._recorded(self._data_plans.saving(plan) if save else plan)

    def _recorded(self, plan: Plan) -> Plan:
        self._vault.put(plan.to_bytes())
        self._audit.record(*planned.entries(plan))
        return plan

    def earlier(self, release: str, namespace: str) -> Earlier | None:
        """The answers that the release has, or had before it was removed; None without any."""
        # A release that was removed and comes back meets its old volumes and their passwords.
        last = self._history.remembered(self._cluster.identity(), namespace, release)
        if last is None or last.inputs is None:
            return None
        answers = self._vault.inputs(last.inputs).answers
        return Earlier(last.app, last.version, last.started, answers)

    def _before(self, release: str, namespace: str) -> int:
        where = (self._cluster.identity(), namespace, release)
        current = self._history.current(*where)
        last = current.number if current else 0
        stood = [
            revision.number
            for revision in self._history.revisions(*where)
            if revision.outcome is Outcome.DEPLOYED and revision.number < last
        ]
        if not stood:
            raise NothingToReturnTo(release=release)
        return stood[-1]

    def _refuse_gone(self, images: Mapping[str, Digest]) -> None:
        refuse_gone(images, self._image_size)

    def _gone(self, images: Mapping[str, Digest]) -> tuple[str, ...]:
        return gone(images, self._image_size)

    def _image_size(self, digest: Digest) -> int:
        """Bytes of an image: its manifest and everything the manifest points at."""
        size = self._blobs.size(digest)
        for child in Manifest.from_bytes(self._blobs.read(digest)).children:
            nested = child.media_type in media_types.DOCUMENTS
            size += self._image_size(child.digest) if nested else self._blobs.size(child.digest)
        return size
