"""The audit chain in a few figures, and what else only it tells.

Invariant: the chain is read a piece at a time, whatever its length; a broken one is told, and keeps
no report from being made.
"""

from __future__ import annotations

from champ_offline.handover.document import Chain, Exported, Period, Unattended
from champ_offline.handover.rows import told
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, AuditBroken

# Behind every time in UTC.
_EVER = "~"


def chain(audit: Audit, period: Period) -> Chain:
    """Every row hashed again, and the period's counted."""
    error = None
    try:
        head = audit.check(first=Act.INIT)
    except AuditBroken as broken:
        head, error = audit.head(), broken
    exports = tuple(
        Exported(row.time, row.actor, row.count("rows"), row.text("head"), row.text("key"))
        for row in told(audit, Act.AUDIT)
        if period.holds(row.time)
    )
    acts = audit.counts(period.since, period.until or _EVER)
    return Chain(str(head), audit.length(), error, acts, exports)


def unattended(audit: Audit, period: Period) -> tuple[Unattended, ...]:
    """The runs under a policy that changed something within the period."""
    return tuple(
        Unattended(
            time=row.time,
            actor=row.actor,
            policy=row.text("policy"),
            exit_code=row.count("exit_code"),
            bundles=row.texts("bundles"),
            releases=row.texts("releases"),
        )
        for row in told(audit, Act.RUN)
        if period.holds(row.time)
    )


def set_aside(audit: Audit, period: Period) -> int:
    """How many blobs checks found damaged within the period."""
    rows = (row for row in told(audit, Act.CHECK) if period.holds(row.time))
    return sum(row.count("set_aside") for row in rows)
