"""The steps of an application: what each does, and how it is undone.

Invariant: a step finds what it has to do in the cluster and in Helm's records each time, so a step
that was cut off is resumed by undoing it, and an undoing that was cut off by doing that again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from champ_offline.cluster.claims import Claim
from champ_offline.cluster.interface import Cluster
from champ_offline.journal.journal import Operation as Entry
from champ_offline.journal.journal import Step as Row
from champ_offline.release.apply import data
from champ_offline.release.apply.data import DataWork
from champ_offline.release.apply.settle import Ask, Change, Course, Seen, Settled, Settler, Verdict
from champ_offline.release.plan import Operation
from champ_offline.release.records.intent import Intent


@dataclass
class Work:
    """One application under way or interrupted, with what its steps found.

    `ask` lets Helm do what was planned and gives its new revision (None in a recovery); `evidence`
    keeps what was seen before Helm is asked to put anything right, `hide` takes secrets out of what
    it says.
    """

    intent: Intent
    entry: Entry
    change: Change
    cluster: Cluster
    settler: Settler
    evidence: Callable[[Row, Seen], object]
    hide: Callable[[str], str] = str
    ask: Callable[[], int] | None = None
    data: DataWork | None = None
    verdict: Verdict | None = None
    seen: list[Seen] = field(default_factory=list)
    cleared: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class Always:
    """A step that every application of its kind does, and undoes where it can be undone."""

    name: ClassVar[str]
    undoing: ClassVar[str]

    def applies(self, _work: Work) -> bool:
        """Whether there is something to do."""
        return bool(self.name)

    def undoes(self, _work: Work) -> bool:
        """Whether there is something to undo."""
        return bool(self.undoing)


class NoteClaims(Always):
    """Which claims of volumes are there before a first install; undone: those it made, unbound.

    A claim without a volume holds nothing, and would hold the next install to what it asked for
    (its storage class cannot be changed). One with a volume may hold data: it stays.
    """

    name: ClassVar[str] = "claims"
    undoing: ClassVar[str] = "clear"

    def do(self, work: Work, row: Row) -> None:
        """Note their identities."""
        row.note({"there": [one.uid for one in work.cluster.claims(work.intent.namespace)]})

    def undo(self, work: Work, row: Row) -> None:
        """Let go of the new ones that no volume was bound to; only if the install is gone."""
        if work.verdict is None or work.verdict.settled is not Settled.PUT_BACK:
            return
        intent, made = work.intent, self.made(work)
        if made is None:
            return
        row.note({"made": [one.name for one in made]})
        gone = {one.name for one in made if work.cluster.drop_claim(intent.namespace, one)}
        work.cleared = tuple(sorted(gone))
        stay = [one for one in made if one.name not in gone]
        work.kept = tuple(one.name for one in stay)
        row.note({"cleared": list(work.cleared), "kept": list(work.kept)})
        row.note({"uids": [one.uid for one in stay]})

    def made(self, work: Work) -> list[Claim] | None:
        """The release's claims that came since; None where it was not noted which were there."""
        noted = [one for one in work.entry.steps() if one.name == self.name and one.outcome]
        if not noted:
            return None
        intent, there = work.intent, set(noted[0].detail["there"])
        return [
            one
            for one in work.cluster.claims(intent.namespace)
            if one.release == intent.release and one.uid not in there
        ]


class MakeNamespace(Always):
    """The namespace; it stays, for it stands in nobody's way."""

    name: ClassVar[str] = "namespace"
    undoing: ClassVar[str] = ""

    def do(self, work: Work, row: Row) -> None:
        """Make it where it is missing."""
        row.note({"made": work.cluster.ensure_namespace(work.intent.namespace)})

    def undo(self, work: Work, row: Row) -> None:
        """Nothing."""


class AskHelm(Always):
    """What Helm does; undone: the release finished, or as it was, as Helm's records say."""

    name: ClassVar[str] = "helm"
    undoing: ClassVar[str] = "settle"

    def do(self, work: Work, row: Row) -> None:
        """Ask Helm for the change."""
        if work.ask is not None:
            work.verdict = Verdict(Settled.DONE, work.ask())
            row.note({"revision": work.verdict.current})

    def undo(self, work: Work, row: Row) -> None:
        """Settle."""

        def tell(seen: Seen) -> None:
            work.seen.append(seen)
            work.evidence(row, seen)

        last, work.verdict = work.settler.settle(work.change, tell)
        work.seen.append(last)
        row.note({"left": list(last.told), "settled": work.verdict.settled.value})
        if last.trouble:
            row.note({"trouble": work.hide(last.trouble)})


class SaveData:
    """The data as it is before; undone, the last of all: what stood still runs as it did."""

    name: ClassVar[str] = data.SAVE
    undoing: ClassVar[str] = data.WAKE

    def applies(self, work: Work) -> bool:
        """Where the plan says so."""
        return work.data is not None and bool(work.data.parts)

    def undoes(self, work: Work) -> bool:
        """Where it was begun."""
        return work.data is not None and bool(work.data.saved)

    def do(self, work: Work, row: Row) -> None:
        """Save."""
        if work.data is not None:
            work.data.save(row)

    def undo(self, work: Work, _row: Row) -> None:
        """Wake."""
        if work.data is not None:
            work.data.wake(work.verdict)


class RestoreData:
    """The data of the revision that a rollback leads to; Helm then lets the app run on it."""

    name: ClassVar[str] = data.RESTORE
    undoing: ClassVar[str] = ""

    def applies(self, work: Work) -> bool:
        """Where the plan says so."""
        return work.data is not None and bool(work.intent.brings)

    def undoes(self, _work: Work) -> bool:
        """Never: see ReturnData."""
        return False

    def do(self, work: Work, row: Row) -> None:
        """Restore; the app stands still from then on."""
        if work.data is not None:
            work.data.restore(row)

    def undo(self, work: Work, row: Row) -> None:
        """Nothing."""


class ReturnData:
    """Nothing to do; undone, the first of all: the data that was saved before is there again."""

    name: ClassVar[str] = ""
    undoing: ClassVar[str] = data.RETURN

    def applies(self, _work: Work) -> bool:
        """Never."""
        return False

    def undoes(self, work: Work) -> bool:
        """Where the change touched the data."""
        return work.data is not None and work.data.touched()

    def do(self, work: Work, row: Row) -> None:
        """Nothing."""

    def undo(self, work: Work, row: Row) -> None:
        """Bring it back."""
        if work.data is not None:
            work.data.bring_back(row)


Step: TypeAlias = NoteClaims | MakeNamespace | SaveData | RestoreData | AskHelm | ReturnData

_CHANGE: tuple[Step, ...] = (MakeNamespace(), SaveData(), RestoreData(), AskHelm(), ReturnData())
STEPS: Mapping[Operation, tuple[Step, ...]] = {
    Operation.INSTALL: (NoteClaims(), MakeNamespace(), AskHelm()),
    Operation.UPGRADE: _CHANGE,
    Operation.ROLLBACK: _CHANGE,
    Operation.REMOVE: (AskHelm(),),
}


def do(work: Work) -> None:
    """Do every step in turn; raises what the first one that fails raises."""
    for step in filter(lambda one: one.applies(work), STEPS[work.intent.operation]):
        with work.entry.step(step.name) as row:
            step.do(work, row)


def undo(work: Work) -> Verdict:
    """Undo every step, the last one first; gives how the release stands.

    Raises as `Settler.settle` does, and the cluster's errors; it may then be done again.
    """
    for step in reversed(STEPS[work.intent.operation]):
        if step.undoes(work):
            with work.entry.step(step.undoing) as row:
                step.undo(work, row)
    if work.verdict is None:
        raise AssertionError(work.intent.operation)
    return work.verdict


def staying(work: Work, course: Course) -> tuple[str, ...]:
    """The claims that would stay if a first install was put back by that course."""
    gone = course.verdict.settled is Settled.PUT_BACK if course.verdict else False
    if work.intent.operation is not Operation.INSTALL or not (gone or course.ask is Ask.UNINSTALL):
        return ()
    return tuple(one.name for one in NoteClaims().made(work) or () if one.bound)


def notes(work: Work) -> dict[str, Any]:
    """What the undoing saw, did and left, for the audit chain; nothing where there was none."""
    told = {
        "found": list(work.seen[0].told) if work.seen else [],
        "asked": [str(seen.course) for seen in work.seen if str(seen.course)],
        "helm": list(work.seen[-1].told) if work.seen else [],
        "cleared": list(work.cleared),
        "kept": list(work.kept),
        "saved": work.data.saved if work.data else 0,
        "restored": work.data.rows.backup(data.RESTORE) if work.data else 0,
        "returned": work.data.rows.backup(data.RETURN) if work.data else 0,
        "trouble": trouble(work),
    }
    return {name: value for name, value in told.items() if value}


def trouble(work: Work) -> str:
    """Why the release could not be put right, in Helm's words; empty where it could be."""
    return work.hide(work.seen[-1].trouble) if work.seen else ""
