"""The data of a release within an application: saved before, brought back, and put right.

Invariant: from the first byte that is brought back until all parts are whole what must stand still
does. Data that a change touched is made whole, the one or the other, before Helm is asked to put
the release back: so nothing of it is ever served half, nor by a version that cannot read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from champ_offline.catalog.data_parts import DataPart
from champ_offline.events import Subscriber
from champ_offline.journal.journal import Operation as Entry
from champ_offline.journal.journal import Step as Row
from champ_offline.oci.digest import Digest
from champ_offline.release.apply.settle import Settled, Verdict
from champ_offline.release.data.acts import subject_of
from champ_offline.release.data.backups import Reason
from champ_offline.release.data.hands import Hands, sealed_items
from champ_offline.release.data.keeper import Keeper, Order, Tools
from champ_offline.release.data.rows import Rows
from champ_offline.release.records.history import Revision
from champ_offline.release.records.intent import Intent
from champ_offline.release.records.vault import Vault

SAVE, RESTORE, RETURN, WAKE = "save-data", "restore-data", "return-data", "wake"
_HELM = "helm"
_STANDING = {Settled.UNTOUCHED, Settled.PUT_BACK}


@dataclass
class DataWork:
    """Of one application of a plan; `base` is the revision that it starts from.

    `parts` are what the plan saves (none in a recovery, which saves nothing).
    """

    tools: Tools
    vault: Vault
    intent: Intent
    entry: Entry
    base: Revision
    notify: Subscriber
    parts: tuple[DataPart, ...] = ()
    look: Callable[[], Verdict | None] = field(default=lambda: None, repr=False)

    @property
    def rows(self) -> Rows:
        """What was written down of it so far."""
        return Rows(self.entry.steps())

    @property
    def saved(self) -> int:
        """The backup that was made before; 0 for none."""
        return self.rows.backup(SAVE)

    @property
    def returned(self) -> bool:
        """Whether what was saved before came back."""
        return self.rows.done(RETURN)

    def save(self, row: Row) -> None:
        """Save what the plan says."""
        order = Order(subject_of(self.base), self.parts, Reason.BEFORE_CHANGE, self.intent.actor)
        hands = self._hands(self.base.sealed)
        if self.intent.returns:  # what could not be brought back later is better told now
            _check(self.parts, hands)
        self._keeper.save(order, hands, row)

    def restore(self, row: Row) -> None:
        """Bring back what the plan says, with what its version has; the app stands still then."""
        self._bring(self.intent.brings, self._hands(self.intent.sealed), row)

    def touched(self) -> bool:
        """Whether what was saved has to come back, before Helm is asked for anything more.

        Not where the change is done after all, nor where somebody else took the release over, nor
        a second time: what came in since would be lost.
        """
        rows = self.rows
        if not (self.intent.returns and rows.done(SAVE)) or rows.done(RETURN):
            return False
        verdict = self.look()
        if verdict is not None and verdict.settled not in _STANDING:
            return False
        asked = verdict is None or verdict.settled is Settled.PUT_BACK
        return bool(rows.backup(RESTORE)) or (rows.begun(_HELM) and asked)

    def bring_back(self, row: Row) -> None:
        """Bring back what was saved before, with what the former version has."""
        self._bring(self.saved, self._hands(self.base.sealed), row)

    def wake(self, verdict: Verdict | None) -> None:
        """Let run what the base has running; what was not saved to its end is called so."""
        hands, keeper, rows = self._hands(self.base.sealed), self._keeper, self.rows
        standing = verdict is not None and verdict.settled in _STANDING
        for number, restored in ((self.saved, False), (rows.backup(RESTORE), True)):
            if number and standing:
                declared = self.tools.backups.one(number).declared
                keeper.wake([one.restore if restored else one.save for one in declared], hands)
        if self.saved and standing and rows.begun(RETURN):
            declared = self.tools.backups.one(self.saved).declared
            keeper.wake([one.restore for one in declared], hands)
        if self.saved:
            keeper.give_up(self.saved)

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self.tools, self.notify)

    def _bring(self, number: int, hands: Hands, row: Row) -> None:
        backup = self.tools.backups.one(number)
        _check(backup.declared, hands)
        self._keeper.check(backup)
        # From here on the release's data is no longer what it was.
        row.note({"backup": number})
        self._keeper.restore(backup, hands)

    def _hands(self, sealed: Digest | None) -> Hands:
        if sealed is None:
            raise AssertionError(self.intent.subject)
        manifests = sealed_items(self.vault, sealed, self.intent.namespace)
        return self.tools.hands(subject_of(self.base), manifests)


def _check(parts: Iterable[DataPart], hands: Hands) -> None:
    for part in parts:
        hands.check((part.restore.workload, *part.restore.still))
