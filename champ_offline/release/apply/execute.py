"""Apply a plan, exactly, and leave the release as planned or as it was.

Invariant: the journal holds the intent before the cluster is touched, and each step before it is
done; the sealed chart the plan names is applied and nothing else; however it ends, a signal that
ends the command included, history says what is in the cluster now. Nothing is remembered here:
recovery reads the journal and Helm's records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from champ_offline.cluster.causes.words import quiet
from champ_offline.cluster.interface import Cluster
from champ_offline.cluster.watch import HealthWatch
from champ_offline.errors import ChampError, Fields, Phrase
from champ_offline.events import StepFinished, StepStarted, Subscriber, ignore
from champ_offline.helm.engine import HelmEngine, Options
from champ_offline.helm.faults import ReleaseFailed
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal, Record, Recovered
from champ_offline.journal.journal import Operation as Entry
from champ_offline.journal.process import current_user
from champ_offline.oci.digest import Digest
from champ_offline.release import base
from champ_offline.release.apply import steps
from champ_offline.release.apply.books import KIND, Books, Ending
from champ_offline.release.apply.data import DataWork
from champ_offline.release.apply.failures import (
    ApplyLeftOpen,
    ApplyPutBack,
    ApplyTakenOver,
    ApplyUnclear,
    ChangeInterrupted,
    VolumesStay,
)
from champ_offline.release.apply.left import claims_left
from champ_offline.release.apply.recognise import change_of
from champ_offline.release.apply.settle import Change, Settled, Settler, Verdict
from champ_offline.release.apply.steps import Work
from champ_offline.release.data.keeper import Tools
from champ_offline.release.hidden import of_sealed
from champ_offline.release.masks import Mask
from champ_offline.release.ownership import takes
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.prospect import refuse_blocked
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.intent import Intent
from champ_offline.release.records.recorded import recorded
from champ_offline.release.records.vault import Vault

_PUTTING_BACK = "put-back"
# How often a cluster that went away is looked for before an application is left open.
_LOOKS = 60
_OPEN, _ELSEWHERE = "open", "elsewhere"


class Executor:
    """One change at a time: the caller holds the zone's lock. `pause` is seconds between looks.

    `refuse_missing` raises for images that nodes could not pull any more; `tools` save data and
    bring it back, without them there is none.
    """

    def __init__(
        self,
        engine: HelmEngine,
        cluster: Cluster,
        history: History,
        vault: Vault,
        journal: Journal,
        *,
        audit: Audit,
        now: Callable[[], datetime],
        refuse_missing: Callable[[Mapping[str, Digest]], None] | None = None,
        options: Options | None = None,
        tools: Tools | None = None,
        pause: float = 2.0,
    ) -> None:
        self._engine = engine
        self._cluster = cluster
        self._history = history
        self._vault = vault
        self._journal = journal
        self._books = Books(journal, history, audit, now)
        self._now = now
        self._refuse_missing = refuse_missing
        self._options = options or Options()
        self._pause, self._tools = pause, tools
        self._settler = Settler(engine, self._options, pause, pause * _LOOKS)
        journal.declare(KIND, self._recover)

    def leave_out_hooks(self) -> None:
        """From now on nothing that is put right runs a hook, as one of them may never succeed."""
        self._options = replace(self._options, hooks=False)
        self._settler = self._settler.without_hooks()

    def apply(
        self,
        plan: Plan,
        actor: str,
        subscriber: Subscriber = ignore,
    ) -> Revision:
        """Apply the plan, telling step by step and object by object how it goes.

        Gives the revision this made; a plan without changes leaves all alone and gives the current.
        Raises PlanStale, VaultMissing, ImagesGone (nothing changed), ApplyPutBack, VolumesStay,
        ApplyTakenOver, ApplyUnclear, ApplyLeftOpen, and the errors of engine and cluster that came
        before anything was changed. What ends the process otherwise (a signal) is let through once
        the release was put back.
        """
        secrets = self._vault.inputs(plan.values).secrets if plan.values else ()
        mask = Mask(secrets)
        with mask.errors():
            self._refuse_moved(plan)
            now = self._history.current(plan.cluster, plan.namespace, plan.release)
            if now is not None and not plan.has_changes:
                return now
            refuse_blocked(plan)
            if plan.data.brings and self._tools is not None:
                self._tools.backups.one(plan.data.brings, plan.release).require_whole()
            if self._refuse_missing is not None:
                self._refuse_missing({image.name: image.digest for image in plan.images})
            chart = self._vault.get(plan.sealed) if plan.sealed else b""
            hiding = Mask((*secrets, *of_sealed(chart)))
            return self._applied(plan, chart, actor, subscriber, hiding)

    def _refuse_moved(self, plan: Plan) -> None:
        salt = self._vault.salt(plan.cluster, plan.namespace, plan.release)
        where = (plan.release, plan.namespace, salt)
        found = base.read(self._engine, self._cluster, *where)
        base.check(plan, found)
        left = claims_left(self._journal, self._history, plan)
        base.check_objects(plan, self._cluster, salt, left, there=found.place)

    def _applied(
        self,
        plan: Plan,
        chart: bytes,
        actor: str,
        subscriber: Subscriber,
        mask: Mask,
    ) -> Revision:
        options = replace(self._options, force=takes(plan, chart, self._cluster))
        self._vault.put(plan.to_bytes())
        intent, began = Intent.of(plan, actor), self._now()
        entry = self._books.begin(plan, intent)
        work = self._work(intent, entry, actor, subscriber)
        work.ask = partial(self._change, plan, chart, options)
        if work.data is not None:
            work.data.parts = plan.data.parts
        watch = HealthWatch(
            self._cluster,
            plan.namespace,
            plan.release,
            subscriber,
            self._pause,
            fresh=plan.new_namespace,
            give_up=None if plan.operation is Operation.REMOVE else self._engine.cancel,
            hide=mask.text,
        )
        try:
            self._run(plan, work, watch, subscriber)
            verdict = work.verdict or Verdict(Settled.DONE, 0)
        except ChampError as error:
            watch.wait_for_server(self._pause * _LOOKS)
            verdict = self._put_back(work, subscriber)
            if verdict.settled is not Settled.DONE:
                raise self._failed(work, error, verdict, watch, began) from error
        except BaseException:
            self._stopped(work, began, subscriber)
            raise
        number = self._end(work, verdict, "", began)
        return self._history.one(plan.cluster, plan.namespace, plan.release, number)

    def _work(
        self, intent: Intent, entry: Entry, actor: str, subscriber: Subscriber = ignore
    ) -> Work:
        change = change_of(intent, self._vault, self._cluster)
        return Work(
            intent=intent,
            entry=entry,
            change=change,
            cluster=self._cluster,
            settler=self._settler,
            evidence=partial(self._books.evidence, actor, intent, entry),
            hide=Mask(self._secrets(intent)).text,
            data=self._data(intent, entry, change, subscriber),
        )

    def _data(
        self, intent: Intent, entry: Entry, change: Change, subscriber: Subscriber
    ) -> DataWork | None:
        """What the release keeps; None where nothing can be saved of it."""
        base = self._history.current(intent.cluster, intent.namespace, intent.release)
        if self._tools is None or base is None or base.sealed is None:
            return None
        kept = (self._tools, self._vault, intent, entry, base, subscriber)
        return DataWork(*kept, look=lambda: self._settler.look(change).course.verdict)

    def _secrets(self, intent: Intent) -> set[str]:
        """What the change's answers and its sealed chart hold that is secret."""
        number = self._history.running(intent.plan)
        place = (intent.cluster, intent.namespace, intent.release)
        inputs = self._history.one(*place, number).inputs if number else None
        answers = self._vault.inputs(inputs).secrets if inputs else ()
        return {*answers, *of_sealed(self._vault.get(intent.sealed) if intent.sealed else b"")}

    def _run(self, plan: Plan, work: Work, watch: HealthWatch, subscriber: Subscriber) -> None:
        began = self._now()
        subscriber(StepStarted(plan.operation.value, plan.release))
        with watch:
            steps.do(work)
        if plan.operation is not Operation.REMOVE:
            watch.look(self._cluster.objects(plan.namespace, plan.release))
        subscriber(StepFinished(plan.operation.value, plan.release, self._since(began)))

    def _change(self, plan: Plan, chart: bytes, options: Options) -> int:
        """Ask Helm for the change; gives its new revision, 0 for none."""
        where = (plan.release, plan.namespace)
        options = replace(options, description=f"champ plan {plan.digest.short}")
        if (
            plan.data.returns
        ):  # the data first: Helm would let the former version run on what is there
            options = replace(options, rollback_on_failure=False)
        if plan.operation is Operation.REMOVE or plan.values is None:
            self._engine.uninstall(*where, options)
            return 0
        values = self._vault.inputs(plan.values).values
        if plan.operation is Operation.INSTALL:
            return self._engine.install(chart, *where, values, options).revision
        return self._engine.upgrade(chart, *where, values, options).revision

    def _put_back(self, work: Work, subscriber: Subscriber) -> Verdict:
        """Settle what is half done; raises ApplyLeftOpen where the cluster cannot be asked."""
        began = self._now()
        subscriber(StepStarted(_PUTTING_BACK, work.intent.release))
        try:
            verdict = steps.undo(work)
        except ChampError as unknown:
            work.entry.let_go()
            raise ApplyLeftOpen(release=work.intent.release, cause=_said(unknown)) from unknown
        subscriber(StepFinished(_PUTTING_BACK, work.intent.release, self._since(began)))
        return verdict

    def _failed(
        self,
        work: Work,
        error: ChampError,
        verdict: Verdict,
        watch: HealthWatch,
        began: datetime,
    ) -> ChampError:
        """Write down how the release stands after `error`; gives the error to raise."""
        cause = watch.first_cause if watch.ended or isinstance(error, ReleaseFailed) else None
        known = cause.error if cause else error
        self._end(work, verdict, known.id, began, quiet(known))
        told: Fields = {
            "release": work.intent.release,
            "cause": known if cause else _said(error),
        }
        returned = work.data is not None and work.data.returned
        if verdict.settled is Settled.UNTOUCHED and not returned:
            return error
        if work.kept:
            return VolumesStay(claims=", ".join(work.kept), **told)
        return _FAILURES.get(verdict.settled, ApplyPutBack)(**told)

    def _stopped(self, work: Work, began: datetime, subscriber: Subscriber) -> None:
        """Somebody wants this to end: end Helm, put the release back, write it down.

        Raises ApplyTakenOver, ApplyUnclear and ApplyLeftOpen where that does not come about; cut
        off in turn, the entry stays open for a recovery.
        """
        self._engine.cancel()
        work.change = replace(work.change, serving=_not_asked_for)
        verdict = self._put_back(work, subscriber)
        self._end(work, verdict, ChangeInterrupted.id, began)
        if verdict.settled in {Settled.TAKEN_OVER, Settled.UNCLEAR}:
            release = work.intent.release
            raise _FAILURES[verdict.settled](
                release=release, cause=ChangeInterrupted(release=release)
            )

    def _end(
        self, work: Work, verdict: Verdict, error: str, began: datetime, cause: str = ""
    ) -> int:
        notes = steps.notes(work) | ({"cause": cause} if cause else {})
        ending = Ending(verdict, error, self._since(began), notes)
        number = self._books.end(work.intent.actor, work.intent, work.entry, ending)
        if verdict.pending and verdict.settled is Settled.UNCLEAR:
            work.entry.let_go()
        return number

    def _recover(self, record: Record, rehearsal: bool) -> Recovered:  # noqa: FBT001 (Recovery)
        """The journal's recovery for this kind: settle what a killed apply left (FORMAT.md)."""
        intent = self._intended(record)
        told = Recovered(
            number=record.number,
            subject=f"{intent.namespace}/{intent.release}",
            cluster=intent.cluster,
            operation=intent.operation.value,
            began=record.began,
            step=record.step,
        )
        if self._cluster.identity() != intent.cluster:
            return replace(told, outcome=_ELSEWHERE)
        actor = current_user()
        work = self._work(intent, self._journal.resume(record), actor)
        if rehearsal:
            return self._rehearsed(work, told)
        verdict = steps.undo(work)
        seconds = self._since(datetime.fromisoformat(record.began))
        ending = Ending(verdict, ChangeInterrupted.id, seconds, steps.notes(work), recovery=True)
        self._books.end(actor, intent, work.entry, ending)
        return replace(_told(work, told), outcome=verdict.settled.value)

    def _intended(self, record: Record) -> Intent:
        """What was intended; earlier releases of champ kept no more than the plan's digest."""
        kept = record.intent
        try:
            if "operation" in kept:
                return Intent.from_journal(kept)
            plan = Digest.parse(kept["plan"])
            return replace(Intent.of(recorded(self._vault.get(plan)), kept["actor"]), plan=plan)
        except KeyError as error:
            raise record.unknown from error

    def _rehearsed(self, work: Work, told: Recovered) -> Recovered:
        seen = self._settler.look(work.change)
        work.seen.append(seen)
        work.kept = steps.staying(work, seen.course)
        verdict = seen.course.verdict
        outcome = verdict.settled.value if verdict else _OPEN
        return replace(_told(work, told), left=(), outcome=outcome)

    def _since(self, began: datetime) -> float:
        return (self._now() - began).total_seconds()


_FAILURES: Mapping[Settled, type[ChampError]] = {
    Settled.PUT_BACK: ApplyPutBack,
    Settled.TAKEN_OVER: ApplyTakenOver,
    Settled.UNCLEAR: ApplyUnclear,
}


def _said(error: ChampError) -> Phrase:
    """The sentence of an error alone: what to do about it is not what to do now."""
    return Phrase("{error}", error=error)


def _not_asked_for() -> bool:
    return False


def _told(work: Work, told: Recovered) -> Recovered:
    return replace(
        told,
        found=work.seen[0].told,
        acts=tuple(filter(None, (str(seen.course) for seen in work.seen))),
        left=work.seen[-1].told,
        cleared=work.cleared,
        kept=work.kept,
        trouble=steps.trouble(work),
    )
