"""Where an app runs in a zone, and whether each of its releases may go to a certain version.

Invariant: read from the zone's own records, no cluster is asked; whether a move is allowed is what
a plan would say first (`release.moves`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.index import Listing
from champ_offline.catalog.upgrades import (
    NoWayBack,
    NoWayThere,
    StepsRequired,
    VersionNotComparable,
)
from champ_offline.catalog.versions import version_key
from champ_offline.errors import ChampError
from champ_offline.release.moves import Moves
from champ_offline.release.records.history import Revision


class Step(StrEnum):
    """Which way a release would go."""

    SAME = "the same version"
    UP = "up"
    DOWN = "back"


@dataclass(frozen=True)
class Run:
    """A release of the app at `version`; `step` is the way to the version meant.

    `refused` is why it may not go there at once, None where it may.
    """

    cluster: str
    namespace: str
    release: str
    version: str
    revision: int
    step: Step
    refused: ChampError | None


def runs(
    entry: AppEntry, listing: Listing, standing: Iterable[Revision], moves: Moves
) -> tuple[Run, ...]:
    """The releases of the app among those that stand, by cluster, namespace and name."""
    own = sorted((one for one in standing if one.app == entry.name), key=lambda one: one.place)
    return tuple(
        Run(
            cluster=one.cluster,
            namespace=one.namespace,
            release=one.release,
            version=one.version,
            revision=one.number,
            step=_step(one.version, entry),
            refused=_refusal(one, entry, listing, moves),
        )
        for one in own
    )


def _step(version: str, entry: AppEntry) -> Step:
    if version == entry.version:
        return Step.SAME
    older = entry.upgrades.older(entry.version, version)
    if older is None:
        older = version_key(entry.version) < version_key(version)
    return Step.DOWN if older else Step.UP


def _refusal(one: Revision, entry: AppEntry, listing: Listing, moves: Moves) -> ChampError | None:
    try:
        moves.check(*one.place, entry, listing)
    except (StepsRequired, NoWayThere, NoWayBack, VersionNotComparable) as refused:
        return refused
    return None
