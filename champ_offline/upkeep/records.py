"""What a zone keeps of the past of its releases: the policy, and what it lets be forgotten.

Invariant: a policy says what may go; only a collection, which is looked at first, lets it go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
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

    def retention(self) -> Retention:
        """How much is kept of each release."""
        return self._retentions.present()

    def retain(self, wanted: Retention) -> Retention:
        """Keep so much from now on; what no longer counts goes with the next collection."""
        with self._database.transaction() as connection:
            self._retentions.set(connection, wanted)
            told = done(Act.RETENTION, self._zone, revisions=wanted.revisions)
            self._audit.append(connection, told)
        return wanted

    def returnable(self) -> list[Revision]:
        """The revisions whose images are kept."""
        return self._history.returnable(self.retention().revisions)

    def dispensable(self) -> Mapping[Digest, int]:
        """Contents of the vault that nothing kept needs, and their bytes."""
        return dispensable(self._history, self._vault, self.retention(), self._clock())

    def forget(self, planned: Iterable[Digest]) -> int:
        """Let go of those that are dispensable still; how many went."""
        gone = self.dispensable().keys() & set(planned)
        return self._vault.forget(gone) if gone else 0
