"""Whether the namespace's Pod Security level admits the pods.

Invariant: blocks only by a level that the namespace enforces, and for pods that would be made;
levels that only warn or audit give warnings. The rules are in `standards`.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts
from champ_offline.preflight.standards import LATEST, LEVELS, violations
from champ_offline.preflight.workloads import Workload

_LABEL = "pod-security.kubernetes.io/"
_LONGEST = 290

REFUSED = Sort(
    "security.refused",
    Weight.BLOCKING,
    "The namespace takes pods of level {level} only; those of {subject} are not: {violations}.",
    "The cluster refuses every one of its pods, so it never comes up.",
    "Choose answers that ask for less, or have whoever answers for the cluster's security lower"
    " the namespace's level.",
)
WARNED = Sort(
    "security.warned",
    Weight.WARNING,
    "The pods of {subject} are not of level {level}: {violations}.",
    "They are admitted now; the namespace is marked for that level, and may enforce it one day.",
    "Ask whoever packed the app for pods of that level.",
)
SORTS = (REFUSED, WARNED)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """One concern for each workload of the release's namespace."""
    level, version = _level(facts, "enforce")
    softer = [_level(facts, mode) for mode in ("warn", "audit")]
    for one in (*planned.workloads, *planned.hook_workloads):
        if one.namespace not in {"", facts.namespace}:
            continue
        broken = violations(one.template, level, version)
        if broken:
            sort = REFUSED if one.pods else WARNED
            yield sort.of(one.subject, level=level, violations=_told(broken))
        else:
            yield from _warned(one, softer)


def _warned(one: Workload, softer: list[tuple[str, tuple[int, int]]]) -> Iterator[Concern]:
    for level, version in sorted(softer, key=lambda found: LEVELS.index(found[0]), reverse=True):
        if broken := violations(one.template, level, version):
            yield WARNED.of(one.subject, level=level, violations=_told(broken))
            return


def _level(facts: Facts, mode: str) -> tuple[str, tuple[int, int]]:
    """The level and its version, no newer than the cluster; without a label nothing is asked."""
    level = facts.labels.get(f"{_LABEL}{mode}", "")
    named = facts.labels.get(f"{_LABEL}{mode}-version", "latest").removeprefix("v1.")
    version = (1, int(named)) if named.isascii() and named.isdigit() and len(named) < 4 else LATEST
    known = facts.minor if facts.minor > (0, 0) else LATEST
    return level if level in LEVELS else LEVELS[0], min(version, known)


def _told(broken: tuple[str, ...]) -> str:
    text = "; ".join(broken)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
