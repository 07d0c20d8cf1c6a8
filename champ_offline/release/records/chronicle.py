"""What was done to releases, as people ask about it afterwards: who, when, from what to what.

Invariant: pure; tells what the history recorded and the plans that it names, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from champ_offline.preflight.concern import Concern
from champ_offline.release.images.digests import Image
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import Outcome, Revision


@dataclass(frozen=True)
class Deed(Revision):
    """One application of a plan, with what its plan and those before it say of it.

    `from_version` is empty where nothing stood before, `version` what it led to or would have.
    `target` is the revision that a rollback returned to, else 0. `accepted` are the blocking
    concerns in spite of which it was applied. `images` and `accepted` are None where the plan is
    kept no more.
    """

    from_version: str
    target: int
    images: tuple[Image, ...] | None
    accepted: tuple[Concern, ...] | None


@dataclass(frozen=True)
class DataDeed:
    """Data that was saved or brought back as an act of its own.

    `number` is the revision that had it, `backup` what was made or brought back, 0 for none yet;
    `operation` is `save-data` or `restore-data`, `outcome` `running` while it is open.
    """

    cluster: str
    namespace: str
    release: str
    number: int
    operation: str
    app: str
    version: str
    backup: int
    actor: str
    started: str
    seconds: float
    outcome: str
    error: str


def told(
    revisions: Iterable[Revision], plan_of: Callable[[Revision], Plan | None]
) -> tuple[Deed, ...]:
    """The deeds of `revisions`, which are all of one release or of several, oldest first.

    `plan_of` gives the plan of a revision; None where it is kept no more.
    """
    standing: dict[tuple[str, str, str], str] = {}
    deeds = []
    for one in revisions:
        where = one.place
        deeds.append(_deed(one, standing.get(where, ""), plan_of(one)))
        if one.outcome is Outcome.DEPLOYED:
            standing[where] = one.version
        elif one.outcome is Outcome.REMOVED:
            standing.pop(where, None)
    return tuple(deeds)


def _deed(one: Revision, before: str, plan: Plan | None) -> Deed:
    if plan is None:
        return Deed(**vars(one), from_version=before, target=0, images=None, accepted=None)
    accepted = tuple(concern for concern in plan.concerns if concern.accepted)
    return Deed(
        **vars(one),
        from_version=before,
        target=plan.target,
        images=plan.images,
        accepted=accepted,
    )
