"""An import as the audit chain tells it (journal/FORMAT.md, "The audit chain").

Invariant: one row an import that changed something, in the transaction that did.
"""

from __future__ import annotations

from champ_offline.bundle.standing import Standing
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Entry


def imported(bundle: VerifiedBundle, standing: Standing) -> Entry:
    """Which bundle came, and what of it was new here."""
    return done(
        Act.IMPORT,
        bundle.document.name,
        version=bundle.document.version,
        digest=str(bundle.trusted.digest),
        blobs=len(standing.missing),
        bytes=sum(standing.missing.values()),
    )
