"""Find out what a change that did not end well left behind, and bring the release to a known state.

Invariant: decides from Helm's own records alone, and may be run again after it was itself killed;
afterwards the release is as it was before, or as planned, or `UNCLEAR` says that a person has to
look.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from champ_offline.helm.engine import DEPLOYED, PENDING, HelmEngine, Options, Release
from champ_offline.helm.faults import ReleaseFailed, ReleaseUnknown
from champ_offline.release.plan import Operation

_UNINSTALLING = "uninstalling"


class Settled(StrEnum):
    """How the release stands."""

    UNTOUCHED = "untouched"
    DONE = "done"
    PUT_BACK = "put-back"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Verdict:
    """How the release stands, and which of Helm's revisions is in the cluster (0: none)."""

    settled: Settled
    current: int


def settle(
    engine: HelmEngine,
    release: str,
    namespace: str,
    *,
    operation: Operation,
    base: int,
    options: Options,
) -> Verdict:
    """End what was left half done; `base` is Helm's revision before the change (0: none)."""
    found = engine.status(release, namespace)
    if found is None:
        done = operation is Operation.REMOVE
        return Verdict(_gone(base, done=done), 0)
    if operation is Operation.REMOVE:
        return _removed(engine, found, base, options)
    if found.revision == base and found.status not in PENDING:
        return Verdict(Settled.UNTOUCHED, base)
    if found.status == DEPLOYED:
        done = found.revision == base + 1
        return Verdict(Settled.DONE if done else Settled.PUT_BACK, found.revision)
    return _undone(engine, found, base, options)


def _gone(base: int, *, done: bool) -> Settled:
    if done:
        return Settled.DONE
    return Settled.PUT_BACK if base == 0 else Settled.UNCLEAR


def _removed(engine: HelmEngine, found: Release, base: int, options: Options) -> Verdict:
    if found.status != _UNINSTALLING:
        untouched = found.revision == base
        return Verdict(Settled.UNTOUCHED if untouched else Settled.UNCLEAR, found.revision)
    try:
        engine.uninstall(found.name, found.namespace, options)
    except ReleaseUnknown:
        return Verdict(Settled.DONE, 0)
    except ReleaseFailed:
        return Verdict(Settled.UNCLEAR, found.revision)
    return Verdict(Settled.DONE, 0)


def _undone(engine: HelmEngine, found: Release, base: int, options: Options) -> Verdict:
    """Take a failed or interrupted install away; bring an upgrade back to the base revision."""
    try:
        if base == 0:
            engine.uninstall(found.name, found.namespace, options)
            return Verdict(Settled.PUT_BACK, 0)
        engine.rollback(found.name, found.namespace, base, options)
    except (ReleaseFailed, ReleaseUnknown):
        return Verdict(Settled.UNCLEAR, found.revision)
    after = engine.status(found.name, found.namespace)
    return Verdict(Settled.PUT_BACK, after.revision if after else 0)
