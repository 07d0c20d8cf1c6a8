"""How much of the past a zone keeps of each release, and what of it may be forgotten.

Invariant: what a release runs, the revisions it can return to within the policy, and the newest
inputs of any release (which hold the passwords that volumes left behind still expect) are never
forgotten; nor is the plan of anything that was applied, which says what happened and holds no
secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from sqlite3 import Connection

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault

_SCHEMA = (
    "CREATE TABLE retention (revisions INTEGER NOT NULL CHECK (revisions > 0)) STRICT",
    "ALTER TABLE retention ADD COLUMN backups INTEGER NOT NULL DEFAULT 3 CHECK (backups > 0)",
)
# A plan that was not applied for so long is made anew, as the cluster moved since.
PLANS_LIVE = timedelta(days=30)


class RevisionNotKept(ChampError):
    """A release would return to a revision whose contents were collected."""

    id = "release.revision-not-kept"
    exit_code = ExitCode.NOT_FOUND
    message = "Revision {number} of release {release} is not kept in the zone any more."
    remedy = (
        "The zone keeps the newest {kept} of each release (`champ zone retention`). Plan the app at"
        " the version you want instead: `champ plan APP --version VERSION`."
    )


@dataclass(frozen=True)
class Retention:
    """What is kept of each release: the newest `revisions` that stood, to be returned to.

    And the newest whole `backups` of its data.
    """

    revisions: int = 10
    backups: int = 3


class Retentions:
    """The policy of one zone."""

    def __init__(self, database: Database) -> None:
        database.migrate("retention", _SCHEMA)
        self._database = database

    def present(self) -> Retention:
        """What holds now."""
        rows = self._database.query("SELECT revisions, backups FROM retention")
        return Retention(**dict(rows[0])) if rows else Retention()

    @property
    def set_here(self) -> bool:
        """Whether somebody decided it in this zone."""
        return bool(self._database.query("SELECT 1 FROM retention"))

    def set(self, connection: Connection, wanted: Retention) -> None:
        """Let it hold from now on."""
        connection.execute("DELETE FROM retention")
        wanted_now = (wanted.revisions, wanted.backups)
        connection.execute("INSERT INTO retention (revisions, backups) VALUES (?, ?)", wanted_now)


def dispensable(
    history: History, vault: Vault, retention: Retention, now: datetime
) -> Mapping[Digest, int]:
    """What of the vault nothing kept needs, and the bytes it takes there.

    Plans that were made and not applied go with what they name once they are older than PLANS_LIVE.
    """
    applied, needed = history.plans(), set(history.in_use(retention.revisions))
    named: set[Digest] = set()
    for digest, plan in vault.plans():
        own = {one for one in (plan.sealed, plan.values) if one is not None}
        if digest in applied:
            named |= own
        elif now - datetime.fromisoformat(plan.created) > PLANS_LIVE:
            named |= {digest, *own}
        else:
            needed |= own
    return vault.sizes(named - needed)
