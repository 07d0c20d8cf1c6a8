"""What is written down about the application of a site plan as one operation (FORMAT.md).

Invariant: the intent, with every member, is durable before the first member is begun. Each member
is an operation of its own, which its cluster's recovery puts right; what is recovered here is what
became of the whole, told by the zone's history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import RECOVERED, Journal, Operation, Record, Recovered
from champ_offline.oci.digest import Digest
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.site.execute import Ended, Ending
from champ_offline.site.plan import SitePlan
from champ_offline.site.standing import standing

KIND = Act.SITE_APPLY
DONE, INCOMPLETE, OPEN = "done", "incomplete", "open"


class SiteBooks:
    """Of the zone called `zone`."""

    def __init__(
        self, zone: str, journal: Journal, history: History, vault: Vault, audit: Audit
    ) -> None:
        self._zone, self._journal = zone, journal
        self._history, self._vault, self._audit = history, vault, audit

    def begin(self, plan: SitePlan) -> Operation:
        """Write down that the plan is being applied."""
        intent = {
            "plan": str(plan.digest),
            "document": str(plan.document),
            "members": {one.name: str(one.plan or "") for one in plan.members},
        }
        with self._journal.transaction() as connection:
            return self._journal.begin(connection, KIND, self._zone, intent)

    def end(self, entry: Operation, plan: SitePlan, ended: Iterable[Ended]) -> None:
        """Write down how it ended."""
        every = tuple(ended)
        counts = Counter(one.ending for one in every)
        failed = [one for one in every if one.ending is Ending.FAILED]
        whole = not failed and not counts[Ending.LEFT]
        row = done(
            Act.SITE_APPLY,
            self._zone,
            operation=entry.number,
            plan=str(plan.digest),
            document=str(plan.document),
            applied=counts[Ending.APPLIED],
            before=counts[Ending.THERE],
            left=counts[Ending.LEFT],
            failed=[one.name for one in failed],
        )
        error = failed[0].error_id if failed else ""
        with self._journal.transaction() as connection:
            self._journal.end(connection, entry, DONE if whole else INCOMPLETE, error)
            self._audit.append(connection, row)

    def recover(self, *, rehearsal: bool = False) -> Iterator[Recovered]:
        """End what was interrupted, and say what of it was not done; in a rehearsal only say it.

        It stays open while a member of it waits for its cluster's recovery.
        """
        every = self._journal.interrupted()
        waiting = {one.intent.get("plan") for one in every if one.kind != KIND}
        for record in (one for one in every if one.kind == KIND):
            found, left = self._members(record)
            stays = bool(waiting.intersection(record.intent["members"].values()))
            outcome = OPEN if stays or rehearsal else INCOMPLETE if left else DONE
            if outcome != OPEN:
                self._end(record, outcome, found, left)
            yield Recovered(
                number=record.number,
                subject=record.subject,
                cluster="",
                operation=KIND,
                began=record.began,
                step=record.step,
                found=found,
                left=left,
                outcome=outcome,
            )

    def _members(self, record: Record) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of what is as planned, and of what is not."""
        steps = {one.name: one.outcome for one in self._journal.steps(record.number)}
        there = {
            name: steps.get(name) == "done" or (plan != "" and self._stands(Digest.parse(plan)))
            for name, plan in record.intent["members"].items()
        }
        return (
            tuple(name for name, stands in there.items() if stands),
            tuple(name for name, stands in there.items() if not stands),
        )

    def _stands(self, plan: Digest) -> bool:
        try:
            return standing(self._history, self._vault, plan) is not None
        except VaultMissing:  # forgotten since: it was never applied
            return False

    def _end(
        self, record: Record, outcome: str, found: tuple[str, ...], left: tuple[str, ...]
    ) -> None:
        row = done(
            Act.SITE_APPLY,
            self._zone,
            operation=record.number,
            plan=record.intent["plan"],
            document=record.intent["document"],
            recovered=True,
            there=len(found),
            left=list(left),
        )
        with self._journal.transaction() as connection:
            entry = self._journal.resume(record)
            self._journal.end(connection, entry, RECOVERED + outcome)
            self._audit.append(connection, row)
