"""What is recorded of a zone's own verbs: acts of whoever uses this machine.

Invariant: pure but for the user's name. A row names what changed by name, version, digest, counts
and bytes: no secrets, and no place on this machine or on media.
"""

from __future__ import annotations

from enum import StrEnum

from champ_offline.journal.audit import Entry
from champ_offline.journal.process import current_user


class Act(StrEnum):
    """What changes what a zone trusts, names, keeps or gives away, or what its clusters run."""

    INIT = "zone.init"
    BACKUP = "zone.backup"
    TRUST = "trust.update"
    IMPORT = "bundle.import"
    EXPORT = "bundle.export"
    DISPLACE = "bundle.displace"
    RETIRE = "bundle.retire"
    COLLECT = "store.collect"
    CHECK = "store.check"
    RETENTION = "zone.retention"
    AUTHORITY = "registry.authority"
    CLUSTER_ADD = "cluster.add"
    CLUSTER_REMOVE = "cluster.remove"
    PLAN = "release.plan"
    APPLY_BEGIN = "release.apply.begin"
    APPLY_END = "release.apply.end"
    SETTLE = "release.settle"
    RECOVER = "release.recover"
    DATA_BEGIN = "data.begin"
    DATA_END = "data.end"
    DATA_REMOVE = "data.remove"
    DECIDE = "policy.decide"
    RUN = "policy.run"
    SITE_PLAN = "site.plan"
    SITE_APPLY = "site.apply"
    SITE_EXPORT = "site.export"
    AUDIT = "audit.export"


def done(act: Act, subject: str, **detail: object) -> Entry:
    """What this process's user did; values of `detail` are texts, numbers, or lists of them."""
    return Entry(current_user(), act, subject, detail)
