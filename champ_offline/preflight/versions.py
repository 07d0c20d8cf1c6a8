"""Which way a release goes: to a newer version of its app, or to an older one.

Invariant: pure; what an app's makers say of a way is told by their own rules, not here.
"""

from __future__ import annotations

from champ_offline.preflight.concern import Concern, Sort, Weight

OLDER = Sort(
    "version.older",
    Weight.WARNING,
    "{subject} goes back from version {before} to {after}, which is older.",
    "The older version may not understand what the newer one made of its data.",
    "Where a revision of that version ran here before, `champ rollback` brings back its answers"
    " too, and with --with-data the data that was saved of it.",
)
SORTS = (OLDER,)


def older(release: str, before: str, after: str) -> Concern:
    """That an upgrade leads from version `before` to an older one."""
    return OLDER.of(release, before=before, after=after)
