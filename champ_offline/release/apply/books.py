"""What is written down about an application: journal, history and audit chain, as one.

Invariant: the three agree at any moment: begin and end are one transaction each, and what was seen
before Helm is asked to put anything right is in the chain before it is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, Entry
from champ_offline.journal.journal import FAILED, RECOVERED, Journal
from champ_offline.journal.journal import Operation as Open
from champ_offline.journal.journal import Step as Row
from champ_offline.release.apply.settle import Seen, Settled, Verdict
from champ_offline.release.ownership import taken
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent

KIND = "release.apply"


@dataclass(frozen=True)
class Ending:
    """How an application ended: `error` is the id of what ended it, `seconds` since its begin.

    `notes` go into the audit chain; `recovery` is set where another process ended it.
    """

    verdict: Verdict
    error: str
    seconds: float
    notes: Mapping[str, object]
    recovery: bool = False


class Books:
    """Over one database."""

    def __init__(
        self, journal: Journal, history: History, audit: Audit, now: Callable[[], datetime]
    ) -> None:
        self._journal, self._history, self._audit = journal, history, audit
        self._now = now

    def begin(self, plan: Plan, intent: Intent) -> Open:
        """The intent, a running revision and a row of the chain."""
        with self._journal.transaction() as connection:
            entry = self._journal.begin(connection, KIND, intent.subject, intent.to_journal())
            began = self._now().isoformat()
            self._history.begin(connection, plan, intent.plan, intent.actor, began)
            self._tell(
                connection, intent.actor, Act.APPLY_BEGIN, intent, entry,
                change=intent.operation.value, cluster=intent.cluster, base=intent.base,
                **_taken(plan),
            )  # fmt: skip
        return entry

    def evidence(self, actor: str, intent: Intent, entry: Open, row: Row, seen: Seen) -> None:
        """What Helm says now, and what it is about to be asked."""
        told = {"found": list(seen.told), "asked": str(seen.course)}
        with self._journal.transaction() as connection:
            row.note_in(connection, told)
            self._tell(connection, actor, Act.SETTLE, intent, entry, **told)

    def end(self, actor: str, intent: Intent, entry: Open, ending: Ending) -> int:
        """Outcome of the operation and of its revision, whose number this gives (0: it has one).

        An application that nobody can tell the end of stays open while Helm would refuse to work on
        the release: then nothing but another recovery can help.
        """
        settled, error = ending.verdict.settled, ending.error
        with self._journal.transaction() as connection:
            number = self._history.running(intent.plan)
            if settled is Settled.UNCLEAR and ending.verdict.pending:
                word = "open"
            else:
                word = self._outcome(connection, intent, number, ending).value
                closed = RECOVERED + settled.value if ending.recovery else settled.value
                failed = bool(error) and not ending.recovery
                self._journal.end(connection, entry, FAILED if failed else closed, error)
            self._tell(
                connection, actor, Act.RECOVER if ending.recovery else Act.APPLY_END, intent, entry,
                outcome=word, settled=settled.value, error=error, revision=number,
                helm_revision=ending.verdict.current, **ending.notes,
            )  # fmt: skip
        return number

    def _outcome(
        self, connection: sqlite3.Connection, intent: Intent, number: int, ending: Ending
    ) -> Outcome:
        outcome = outcome_of(intent.operation, ending.verdict)
        if number:
            self._history.finish(
                connection, intent, number, outcome,
                current=ending.verdict.current, seconds=ending.seconds, error=ending.error,
            )  # fmt: skip
        return outcome

    def _tell(
        self,
        connection: sqlite3.Connection,
        actor: str,
        act: Act,
        intent: Intent,
        entry: Open,
        **detail: object,
    ) -> None:
        about = {"operation": entry.number, "plan": str(intent.plan), **detail}
        self._audit.append(connection, Entry(actor, act, intent.subject, about))


def _taken(plan: Plan) -> dict[str, list[str]]:
    """The fields that are taken from others, as somebody accepted; nothing where there are none."""
    fields = [
        f"{one.subject} {one.fields['field']}: {one.fields['manager']}" for one in taken(plan)
    ]
    return {"taken": fields} if fields else {}


def outcome_of(operation: Operation, verdict: Verdict) -> Outcome:
    """What history calls it."""
    done = Outcome.REMOVED if operation is Operation.REMOVE else Outcome.DEPLOYED
    return {
        Settled.DONE: done,
        Settled.UNTOUCHED: Outcome.PUT_BACK,
        Settled.PUT_BACK: Outcome.PUT_BACK,
        Settled.TAKEN_OVER: Outcome.TAKEN_OVER,
        Settled.UNCLEAR: Outcome.FAILED,
    }[verdict.settled]
