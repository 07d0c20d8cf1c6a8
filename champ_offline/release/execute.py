"""Apply a plan, exactly, and leave the release as planned or as it was.

Invariant: the journal holds the intent before the cluster is touched; the sealed chart the plan
names is applied and nothing else; however it ends, history says what is in the cluster now. Nothing
is remembered here: recovery reads the journal and Helm's records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from champ_offline.cluster.interface import Cluster
from champ_offline.cluster.watch import HealthWatch
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import StepFinished, StepStarted, Subscriber, ignore
from champ_offline.helm.engine import HelmEngine, Options
from champ_offline.helm.faults import ReleaseFailed
from champ_offline.journal.journal import Journal, Record
from champ_offline.journal.journal import Operation as Entry
from champ_offline.oci.digest import Digest
from champ_offline.release import base
from champ_offline.release.history import History, Outcome, Revision
from champ_offline.release.masks import Mask
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.settle import Settled, Verdict, settle
from champ_offline.release.vault import Vault

KIND = "release.apply"


class ApplyPutBack(ChampError):
    """The change failed and the release is as it was before."""

    id = "release.put-back"
    exit_code = ExitCode.PUT_BACK
    message = "{release} could not be changed and was put back as it was: {cause}."
    remedy = "Nothing is left of the attempt. Remove the cause named above, then plan again."


class ApplyUnclear(ChampError):
    """The change failed and could not be put back."""

    id = "release.needs-person"
    exit_code = ExitCode.NEEDS_PERSON
    message = "{release} could not be changed, nor put back: {cause}."
    remedy = "See `champ status {release}`, remove the cause, then run `champ rollback {release}`."


class Executor:
    """One change at a time: the caller holds the zone's lock. `pause` is seconds between looks.

    `refuse_missing` raises for images that nodes could not pull any more.
    """

    def __init__(
        self,
        engine: HelmEngine,
        cluster: Cluster,
        history: History,
        vault: Vault,
        journal: Journal,
        *,
        now: Callable[[], datetime],
        refuse_missing: Callable[[Mapping[str, Digest]], None] | None = None,
        options: Options | None = None,
        pause: float = 2.0,
    ) -> None:
        self._engine = engine
        self._cluster = cluster
        self._history = history
        self._vault = vault
        self._journal = journal
        self._now = now
        self._refuse_missing = refuse_missing
        self._options = options or Options()
        self._pause = pause
        journal.declare(KIND, self._recover)

    def apply(self, plan: Plan, actor: str, subscriber: Subscriber = ignore) -> Revision:
        """Apply the plan, telling step by step and object by object how it goes.

        Gives the revision this made; a plan without changes leaves all alone and gives the current.
        Raises PlanStale, VaultMissing, ImagesGone (nothing changed), ApplyPutBack, ApplyUnclear,
        and the errors of engine and cluster that came before anything was changed.
        """
        secrets = self._vault.inputs(plan.values).secrets if plan.values else ()
        with Mask(secrets).errors():
            base.check(plan, self._found(plan))
            now = self._history.current(plan.namespace, plan.release)
            if now is not None and not plan.has_changes:
                return now
            if self._refuse_missing is not None:
                self._refuse_missing({image.name: image.digest for image in plan.images})
            chart = self._vault.get(plan.sealed) if plan.sealed else b""
            entry = self._begin(plan, actor)
            started = self._now()
            watch = HealthWatch(
                self._cluster, plan.namespace, plan.release, subscriber, self._pause
            )
            try:
                revision = self._run(plan, chart, entry, watch, subscriber)
            except ChampError as error:
                verdict = self._settle(plan)
                if verdict.settled is not Settled.DONE:
                    raise self._failed(plan, entry, error, verdict, watch, started) from error
                revision = verdict.current
            return self._done(plan, entry, revision, started)

    def _found(self, plan: Plan) -> base.Base:
        salt = self._vault.salt(plan.namespace, plan.release)
        return base.read(self._engine, self._cluster, plan.release, plan.namespace, salt)

    def _begin(self, plan: Plan, actor: str) -> Entry:
        kept = self._vault.put(plan.to_bytes())
        intent = {"plan": str(kept), "base": plan.base_revision, "actor": actor}
        entry = self._journal.begin(KIND, f"{plan.namespace}/{plan.release}", intent)
        self._history.begin(plan, kept, actor, self._now().isoformat())
        return entry

    def _run(
        self, plan: Plan, chart: bytes, entry: Entry, watch: HealthWatch, subscriber: Subscriber
    ) -> int:
        began = self._now()
        if plan.operation in {Operation.INSTALL, Operation.UPGRADE, Operation.ROLLBACK}:
            entry.step("namespace")
            self._cluster.ensure_namespace(plan.namespace)
        entry.step(plan.operation.value)
        subscriber(StepStarted(plan.operation.value, plan.release))
        with watch:
            revision = self._change(plan, chart)
        if plan.operation is not Operation.REMOVE:
            watch.look(self._cluster.objects(plan.namespace, plan.release))
        subscriber(StepFinished(plan.operation.value, plan.release, self._since(began)))
        return revision

    def _change(self, plan: Plan, chart: bytes) -> int:
        """Ask Helm for the change; gives its new revision, 0 for none."""
        where = (plan.release, plan.namespace)
        options = replace(self._options, description=f"champ plan {plan.digest.short}")
        if plan.operation is Operation.REMOVE or plan.values is None:
            self._engine.uninstall(*where, options)
            return 0
        values = self._vault.inputs(plan.values).values
        if plan.operation is Operation.INSTALL:
            return self._engine.install(chart, *where, values, options).revision
        return self._engine.upgrade(chart, *where, values, options).revision

    def _done(self, plan: Plan, entry: Entry, revision: int, started: datetime) -> Revision:
        number = self._close(plan, Verdict(Settled.DONE, revision), self._since(started), "")
        entry.finish(Settled.DONE.value)
        return self._history.one(plan.namespace, plan.release, number)

    def _failed(
        self,
        plan: Plan,
        entry: Entry,
        error: ChampError,
        verdict: Verdict,
        watch: HealthWatch,
        started: datetime,
    ) -> ChampError:
        """Write down how the release stands after `error`; gives the error to raise.

        Where Helm could not even be asked there is no verdict: the journal's entry then stays open
        and the next start's recovery takes it up.
        """
        self._close(plan, verdict, self._since(started), error.id)
        entry.fail(error.id)
        if verdict.settled is Settled.UNTOUCHED:
            return error
        kind = ApplyUnclear if verdict.settled is Settled.UNCLEAR else ApplyPutBack
        seen = watch.first_cause if isinstance(error, ReleaseFailed) else ""
        return kind(release=plan.release, cause=seen or str(error).rstrip("."))

    def _settle(self, plan: Plan) -> Verdict:
        return settle(
            self._engine,
            plan.release,
            plan.namespace,
            operation=plan.operation,
            base=plan.base_revision,
            options=self._options,
        )

    def _close(self, plan: Plan, verdict: Verdict, seconds: float, error: str) -> int:
        number = self._history.running(plan.digest)
        if number:
            self._history.finish(
                plan,
                number,
                _outcome(plan, verdict),
                current=verdict.current,
                seconds=seconds,
                error=error,
            )
        return number

    def _recover(self, record: Record) -> str:
        """The journal's recovery for this kind: settle what a killed apply left (FORMAT.md)."""
        plan = Plan.from_bytes(self._vault.get(Digest.parse(record.intent["plan"])))
        verdict = self._settle(plan)
        began = datetime.fromisoformat(record.began)
        self._close(plan, verdict, self._since(began), "release.interrupted")
        return verdict.settled.value

    def _since(self, began: datetime) -> float:
        return (self._now() - began).total_seconds()


def _outcome(plan: Plan, verdict: Verdict) -> Outcome:
    if verdict.settled is Settled.DONE:
        return Outcome.REMOVED if plan.operation is Operation.REMOVE else Outcome.DEPLOYED
    return Outcome.FAILED if verdict.settled is Settled.UNCLEAR else Outcome.PUT_BACK
