"""What own attempts at a plan left in the cluster, which the same plan may therefore find there.

Invariant: a claim counts only by the identity that was written down when the attempt was put back,
and only while nothing but such attempts was done to the release since the plan was made.
"""

from __future__ import annotations

from champ_offline.journal.journal import Journal
from champ_offline.release.apply.books import KIND
from champ_offline.release.apply.steps import NoteClaims
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent


def claims_left(journal: Journal, history: History, plan: Plan) -> frozenset[str]:
    """The UIDs of the claims that first installs by this very plan made, and that stay.

    None where the release was given anything else since, or where an attempt was not put back.
    """
    tried = history.of_plan(plan.digest)
    last = history.revisions(plan.cluster, plan.namespace, plan.release)[-1:]
    back = all(one.outcome is Outcome.PUT_BACK for one in tried)
    if plan.operation is not Operation.INSTALL or not (back and tried and last == tried[-1:]):
        return frozenset()
    subject = Intent.of(plan, "").subject
    return frozenset(
        uid
        for record in journal.about(KIND, subject)
        if record.intent.get("plan") == str(plan.digest)
        for step in journal.steps(record.number)
        if step.name == NoteClaims.undoing
        for uid in step.detail.get("uids", ())
    )
