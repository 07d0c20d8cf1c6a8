"""Following the roots on a medium: which keys a zone trusts from now on.

Invariant: a root only ever follows from the one before it; what changed is in the audit chain, in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.trust.media import follow_roots
from champ_offline.trust.roots import fingerprint, read_root
from champ_offline.trust.state import TrustState


@dataclass(frozen=True)
class RootUpdate:
    """The root a zone trusted before and the one it trusts now, by version.

    `expired` where its end, `expires`, is past by this machine's clock: imports ask for a reason.
    """

    before: int
    version: int
    fingerprint: str
    expires: datetime
    expired: bool


def follow(database: Database, zone: str, media: Path, clock: Callable[[], datetime]) -> RootUpdate:
    """Follow the roots on `media`; raises as `follow_roots`, and nothing changed then."""
    trust, audit = TrustState(database), Audit(database, clock)
    before = read_root(trust.root(), "root").version
    roots, root = follow_roots(trust.root(), media)
    found = fingerprint(roots[-1])
    with database.transaction() as connection:
        trust.keep_line(connection, roots)
        if root.version > before:
            told = {"root": root.version, "before": before, "fingerprint": found}
            audit.append(connection, done(Act.TRUST, zone, **told))
    expired = root.is_expired(clock())
    return RootUpdate(before, root.version, found, root.expires, expired)
