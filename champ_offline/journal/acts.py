"""What is recorded of a zone's own verbs: acts of whoever uses this machine.

Invariant: pure but for the user's name. A row names what changed by name, version, digest, counts
and bytes: no secrets, and no place on this machine or on media.
"""

from __future__ import annotations

from enum import StrEnum

from champ_offline.journal.audit import Entry
from champ_offline.journal.process import current_user


class Act(StrEnum):
    """The verbs that change what a zone trusts, names or keeps, or that give it to another zone."""

    INIT = "zone.init"
    BACKUP = "zone.backup"
    TRUST = "trust.update"
    IMPORT = "bundle.import"
    EXPORT = "bundle.export"
    DISPLACE = "bundle.displace"
    RETIRE = "bundle.retire"
    COLLECT = "store.collect"
    CHECK = "store.check"
    AUTHORITY = "registry.authority"


def done(act: Act, subject: str, **detail: object) -> Entry:
    """What this process's user did; values of `detail` are texts, numbers, or lists of them."""
    return Entry(current_user(), act, subject, detail)
