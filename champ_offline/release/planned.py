"""What the audit chain tells of a plan that was made, or whose concerns somebody accepted.

Invariant: names, digests and counts only; a plan without changes is not told.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Entry
from champ_offline.release.plan import Plan


def entries(plan: Plan) -> Iterator[Entry]:
    """The row of the plan, for whoever this process belongs to; none where nothing would change.

    `blocking` are the ids of concerns that keep it from being applied, `accepted` of those that
    would but for somebody's word.
    """
    if plan.has_changes:
        yield done(
            Act.PLAN, f"{plan.cluster}/{plan.namespace}/{plan.release}",
            plan=str(plan.digest), change=plan.operation.value, base=plan.base_revision,
            app=plan.app, version=plan.to_version, irreversible=len(plan.irreversible),
            blocking=sorted({one.id for one in plan.concerns if one.stops}),
            accepted=sorted({one.id for one in plan.concerns if one.accepted}),
        )  # fmt: skip
