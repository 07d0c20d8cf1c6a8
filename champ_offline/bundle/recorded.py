"""An import as the audit chain tells it (journal/FORMAT.md, "The audit chain").

Invariant: one row an import that changed something, and one for each repository whose pushed
content it displaced, in the transaction that did.
"""

from __future__ import annotations

from champ_offline.bundle.standing import Standing
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Entry
from champ_offline.store.takeover import Displaced

_MOST_NAMED = 100


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


def displaced(bundle: VerifiedBundle, gone: Displaced) -> Entry:
    """What clients had pushed to a repository that is the bundle's now."""
    return done(
        Act.DISPLACE,
        gone.name,
        bundle=bundle.document.name,
        version=bundle.document.version,
        tags=list(gone.tags[:_MOST_NAMED]),
        tagged=len(gone.tags),
        manifests=gone.manifests,
        untagged=gone.untagged,
        blobs=gone.blobs,
    )
