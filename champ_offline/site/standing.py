"""Whether what a plan says is what a cluster has, as the zone's history tells it.

Invariant: no cluster is asked. A change that was planned anew from where an own attempt left the
release (`execute`) counts as the one that was approved: sealed chart and inputs are the very same.
"""

from __future__ import annotations

from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Outcome, Revision
from champ_offline.release.records.vault import Vault


def standing(history: History, vault: Vault, digest: Digest) -> Revision | None:
    """The application that made it so, as long as it is so; raises VaultMissing."""
    if (own := history.stands(digest)) is not None:
        return own
    plan = Plan.from_bytes(vault.get(digest))
    where = (plan.cluster, plan.namespace, plan.release)
    now = history.current(*where)
    if plan.operation is Operation.REMOVE:
        last = history.revisions(*where)[-1:]
        gone = now is None and last and last[0].outcome is Outcome.REMOVED
        return last[0] if gone else None
    if now is None or now.outcome is not Outcome.DEPLOYED:
        return None
    # The same chart on the same revision is what a plan mends that found the live objects changed.
    later = now.helm_revision > plan.base_revision
    return now if later and (now.sealed, now.inputs) == (plan.sealed, plan.values) else None
