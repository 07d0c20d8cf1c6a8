"""Reports of sites of any size, made from a small one."""

from __future__ import annotations

from dataclasses import replace

from champ_offline.handover.document import Handover
from champ_offline.release.status import Health

APPS = ("orthanc", "viewer", "lab-results-archive-with-a-long-name", "登记", "W" * 60, "i")
HEALTH = (Health.HEALTHY, Health.HEALTHY, Health.TROUBLED, Health.STOPPED, None)


def of_size(small: Handover, clusters: int, releases: int) -> Handover:
    """The same zone with so many clusters and releases, their names as awkward as names may be."""
    facts = tuple(
        replace(
            small.clusters[0],
            name=f"{'radiology-main-building-' if at % 2 else 'c'}{at:03}",
            identity=f"uid-{at}",
            nodes=None if at % 3 == 2 else 100 + at,
            ready=None if at % 3 == 2 else 100 + at - at % 2,
        )
        for at in range(clusters)
    )
    standing = [
        replace(
            small.releases[0],
            cluster=facts[at % clusters].name,
            identity=facts[at % clusters].identity,
            release=f"{APPS[at % len(APPS)]}-{at}",
            version=f"2026.{at}.1+build" if at % 4 else "1.0",
            health=HEALTH[at % len(HEALTH)],
        )
        for at in range(releases)
    ]
    ordered = sorted(standing, key=lambda one: (one.cluster, one.namespace, one.release))
    return replace(small, clusters=facts, releases=tuple(ordered))
