"""Apply a site plan: each member once all it needs is done, several at once.

Invariant: a member is applied exactly as it was approved, or not at all; what one of them meets
stops only what needs it. Nothing is remembered here: what is done already, history tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from champ_offline.catalog.index import Catalog
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Subscriber
from champ_offline.journal.journal import Operation
from champ_offline.operations import Operations
from champ_offline.release.base import PlanStale
from champ_offline.release.plan import Plan
from champ_offline.release.prospect import accept
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault
from champ_offline.site.crew import Crew
from champ_offline.site.plan import Member, SitePlan
from champ_offline.site.standing import standing
from champ_offline.site.wanted import Order


class Ending(StrEnum):
    """What became of a member."""

    APPLIED = "applied"
    THERE = "done before"
    FAILED = "failed"
    LEFT = "not begun"


@dataclass(frozen=True)
class Ended:
    """One member's end; `number` is our revision (0: none), `error` is set where it failed."""

    name: str
    namespace: str
    release: str
    version: str
    ending: Ending
    number: int = 0
    error_id: str = ""
    error: ChampError | None = None


def exit_code(ended: Iterable[Ended]) -> ExitCode:
    """NEEDS_PERSON where one needs a person, else that of the first failure, else OK."""
    codes = [one.error.exit_code for one in ended if one.error is not None]
    if ExitCode.NEEDS_PERSON in codes:
        return ExitCode.NEEDS_PERSON
    return next(iter(codes), ExitCode.OK)


class SiteExecutor:
    """The caller holds the zone's lock and has put right what was interrupted before."""

    def __init__(self, catalog: Catalog, history: History, vault: Vault) -> None:
        self._catalog, self._history, self._vault = catalog, history, vault

    def done(self, member: Member) -> Revision | None:
        """The application of what the member's plan says, while that is what the cluster has."""
        return None if member.plan is None else standing(self._history, self._vault, member.plan)

    def there(self, plan: SitePlan) -> tuple[Ended, ...] | None:
        """Its members, where all of them are as planned already; else None."""
        numbers = {one: self.done(one) for one in plan.members}
        if not all(numbers.values()):
            return None
        return tuple(_told(one, Ending.THERE, now.number) for one, now in numbers.items() if now)

    def apply(
        self, plan: SitePlan, entry: Operation, crew: Crew, notify: Subscriber
    ) -> tuple[Ended, ...]:
        """How each member ended, in the plan's order; `entry` has a step for each that is begun."""
        members = {one.name: one for one in plan.members}
        ended: dict[str, Ended] = {}

        def act(name: str) -> bool:
            ended[name] = self._ended(members[name], plan.accepted, entry, crew, notify)
            return ended[name].ending is not Ending.FAILED

        crew.run({name: one.needs for name, one in members.items()}, act)
        return tuple(ended.get(name) or _told(one, Ending.LEFT) for name, one in members.items())

    def _ended(
        self,
        member: Member,
        accepted: Collection[str],
        entry: Operation,
        crew: Crew,
        notify: Subscriber,
    ) -> Ended:
        try:
            if (done := self.done(member)) is not None:
                return _told(member, Ending.THERE, done.number)
            cluster = member.name.partition("/")[0]
            with crew.way(cluster) as operations, entry.step(member.name):
                return self._carried_out(member, accepted, operations, notify)
        except ChampError as error:
            return _told(member, Ending.FAILED, error=error)

    def _carried_out(
        self,
        member: Member,
        accepted: Collection[str],
        operations: Operations,
        notify: Subscriber,
    ) -> Ended:
        if member.plan is None:
            plan = self._again(member, accepted, operations)
            now = self._history.current(plan.cluster, plan.namespace, plan.release)
            if now is not None and not plan.has_changes:
                return _told(member, Ending.THERE, now.number)
            return _told(member, Ending.APPLIED, operations.apply(plan, notify).number)
        plan = Plan.from_bytes(self._vault.get(member.plan))
        try:
            done = operations.apply(plan, notify)
        except PlanStale:
            again = self._moved_by_us(member, plan, accepted, operations)
            if again is None:
                raise
            done = operations.apply(again, notify)
        return _told(member, Ending.APPLIED, done.number)

    def _again(self, member: Member, accepted: Collection[str], operations: Operations) -> Plan:
        """Plan the member as the cluster is now."""
        if member.wanted is None:
            plan = operations.plan_remove(member.release, member.namespace)
        else:
            order = Order.from_bytes(self._vault.get(member.wanted))
            entry = self._catalog.entry(order.app, order.version)
            place = (order.release, order.namespace)
            plan = operations.plan_given(entry, *place, order.answers)
        plan = accept(plan, accepted)
        self._vault.put(plan.to_bytes())
        return plan

    def _moved_by_us(
        self, member: Member, plan: Plan, accepted: Collection[str], operations: Operations
    ) -> Plan | None:
        """The same change from where our own attempt left the release; None if it is another.

        An upgrade that was put back takes two of Helm's revisions, so its plan does not fit any
        more although nobody else was there. The sealed chart and the inputs must be the same.
        """
        where = (plan.cluster, plan.namespace, plan.release)
        tried = self._history.revisions(*where)
        if not tried or tried[-1].plan != plan.digest:
            return None
        left = [
            one.helm_revision
            for one in self._history.releases(plan.cluster)
            if (one.cluster, one.namespace, one.release) == where
        ]
        again = self._again(member, accepted, operations)
        same = (again.operation, again.sealed, again.values) == (
            plan.operation,
            plan.sealed,
            plan.values,
        )
        return again if same and [again.base_revision] == (left or [0]) else None


def _told(
    member: Member, ending: Ending, number: int = 0, error: ChampError | None = None
) -> Ended:
    return Ended(
        name=member.name,
        namespace=member.namespace,
        release=member.release,
        version=member.to_version,
        ending=ending,
        number=number,
        error_id=error.id if error else "",
        error=error,
    )
