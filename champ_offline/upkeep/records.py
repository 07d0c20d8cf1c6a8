"""What a zone keeps of the past of its releases: the policy, and what it lets be forgotten.

Invariant: a policy says what may go; only a collection, which is looked at first, lets it go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backup, Backups
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.retention import Retention, Retentions, dispensable
from champ_offline.release.records.vault import Vault


class Records:
    """Of the zone called `zone`."""

    def __init__(
        self,
        zone: str,
        database: Database,
        history: History,
        vault: Vault,
        audit: Audit,
        clock: Callable[[], datetime],
    ) -> None:
        self._zone, self._database, self._clock = zone, database, clock
        self._history, self._vault, self._audit = history, vault, audit
        self._retentions = Retentions(database)
        self._backups = Backups(database)

    def retention(self) -> Retention:
        """How much is kept of each release."""
        return self._retentions.present()

    @property
    def retained(self) -> bool:
        """Whether that was decided in this zone."""
        return self._retentions.set_here

    def retain(self, wanted: Retention) -> Retention:
        """Keep so much from now on; what no longer counts goes with the next collection."""
        with self._database.transaction() as connection:
            self._retentions.set(connection, wanted)
            kept = {"revisions": wanted.revisions, "backups": wanted.backups}
            told = done(Act.RETENTION, self._zone, **kept)
            self._audit.append(connection, told)
        return wanted

    def returnable(self) -> list[Revision]:
        """The revisions whose images are kept."""
        return self._history.returnable(self.retention().revisions)

    def saved(self) -> dict[Digest, tuple[str, ...]]:
        """The blobs of saved data that are kept, and the backups that have them."""
        gone = {one.number for one in self._gone()}
        return _labels(one for one in self._backups.every() if one.number not in gone)

    def saved_content(self) -> Iterator[Descriptor]:
        """The same, with their sizes."""
        saved = self.saved()
        for backup in self._backups.every():
            yield from (one for one in backup.descriptors if one.digest in saved)

    def unkept(self) -> dict[Digest, tuple[str, ...]]:
        """The blobs of backups that are kept no more, and the backups that have them."""
        return _labels(self._gone())

    def let_go(self, going: Collection[Digest]) -> int:
        """Forget the backups that are kept no more, but those with content that stays unlooked at.

        `going` is what a collection takes away. Gives how many went.
        """
        kept = self.saved()
        gone = [
            one.number
            for one in self._gone()
            if all(part.digest in kept or part.digest in going for part in one.parts)
        ]
        if gone:
            with self._database.transaction() as connection:
                self._backups.remove(connection, gone)
        return len(gone)

    def _gone(self) -> list[Backup]:
        # What is not at its end may bring back any of them.
        open_ones = {one.subject for one in Journal(self._database, self._clock).under_way()}
        kept = self._history.returnable(self.retention().revisions)
        versions = {(one.place, one.version) for one in kept}
        gone = self._backups.dispensable(self.retention().backups, versions)
        return [one for one in gone if one.subject.text not in open_ones]

    def dispensable(self) -> Mapping[Digest, int]:
        """Contents of the vault that nothing kept needs, and their bytes."""
        return dispensable(self._history, self._vault, self.retention(), self._clock())

    def forget(self, planned: Iterable[Digest]) -> int:
        """Let go of those that are dispensable still; how many went."""
        gone = self.dispensable().keys() & set(planned)
        return self._vault.forget(gone) if gone else 0


def _labels(backups: Iterable[Backup]) -> dict[Digest, tuple[str, ...]]:
    found: dict[Digest, tuple[str, ...]] = {}
    for backup in backups:
        for part in backup.parts:
            found[part.digest] = (*found.get(part.digest, ()), backup.label)
    return found
