"""The clusters and the releases on them: as the records have them, and as they are at this moment.

Invariant: only reads. A cluster that is not asked, or does not answer, is told as such, and its
releases as the records have them: nobody's health is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from champ_offline.cluster.causes.words import Trouble
from champ_offline.errors import ChampError
from champ_offline.events import Cause
from champ_offline.handover.document import Ailing, ClusterFacts, Standing
from champ_offline.release.clusters import Clusters
from champ_offline.release.records.history import History, Revision
from champ_offline.release.status import ReleaseStatus, Sight

# Looks at the cluster that a kubeconfig leads to.
Look = Callable[[Path], Sight]


@dataclass(frozen=True)
class Seen:
    """The clusters by name, and the releases by cluster, namespace and name."""

    clusters: tuple[ClusterFacts, ...]
    releases: tuple[Standing, ...]


def seen(
    history: History,
    clusters: Clusters,
    ways: Sequence[Path],
    look: Look,
    now: Callable[[], datetime],
    *,
    drift: bool,
    interrupted: frozenset[str],
) -> Seen:
    """Everything that stands in the zone's clusters; those that `ways` lead to are asked."""
    facts = {one.identity: one for one in _recorded(history, clusters)}
    statuses: dict[tuple[str, str, str], ReleaseStatus] = {}
    for way in ways:
        known = clusters.by_file(way)
        try:
            found = look(way)
        except ChampError as error:
            if known is not None:
                facts[known.identity] = replace(facts[known.identity], error=error)
            else:
                facts[str(way)] = ClusterFacts(way.name, "", "", "", error=error)
            continue
        before = facts.get(found.identity, ClusterFacts(found.identity, found.identity, "", ""))
        facts[found.identity] = _asked(before, found, now().isoformat(timespec="seconds"))
        statuses |= {(one.cluster, one.namespace, one.release): one for one in found.statuses}
    names = {one.identity: one.name for one in facts.values()}
    helms = {one.place: one.helm_revision for one in history.releases()}
    standing = [
        _standing(one, names, helms[one.place], statuses.get(one.place), drift=drift)
        for one in history.standing(None, None)
    ]
    marked = (replace(one, interrupted=_subject(one) in interrupted) for one in standing)
    order = sorted(marked, key=lambda one: (one.cluster, one.namespace, one.release))
    return Seen(tuple(sorted(facts.values(), key=lambda one: one.name)), tuple(order))


def _subject(one: Standing) -> str:
    return f"{one.identity}/{one.namespace}/{one.release}"


def _recorded(history: History, clusters: Clusters) -> Iterator[ClusterFacts]:
    """Every cluster with a name, and every other one that releases are on."""
    named = clusters.all()
    for one in named:
        yield ClusterFacts(one.name, one.identity, one.address, one.added)
    for identity in {one.cluster for one in history.releases()} - {one.identity for one in named}:
        yield ClusterFacts(identity, identity, "", "")


def _asked(before: ClusterFacts, found: Sight, time: str) -> ClusterFacts:
    nodes = found.nodes
    return replace(
        before,
        seen=time,
        version=found.version,
        nodes=None if nodes is None else len(nodes),
        ready=None if nodes is None else sum(node.ready for node in nodes),
    )


def _standing(
    revision: Revision,
    names: Mapping[str, str],
    helm_revision: int,
    status: ReleaseStatus | None,
    *,
    drift: bool,
) -> Standing:
    return Standing(
        cluster=names.get(revision.cluster, revision.cluster),
        identity=revision.cluster,
        namespace=revision.namespace,
        release=revision.release,
        app=revision.app,
        version=revision.version,
        number=revision.number,
        helm_revision=helm_revision,
        outcome=revision.outcome,
        changed=revision.started,
        interrupted=False,
        health=status.health if status else None,
        causes=tuple(_ailing(one) for one in status.causes) if status else (),
        drift=status.drift if status and drift else None,
    )


def _ailing(cause: Cause) -> Ailing:
    """What an app said stays away from a paper: it may be about patients."""
    error = cause.error.quiet() if isinstance(cause.error, Trouble) else cause.error
    return Ailing(cause.kind, cause.name, cause.since, error)
