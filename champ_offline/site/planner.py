"""Plan every app of one zone's part of a document, several at once.

Invariant: nothing is written to a cluster; all answers were held against their forms before the
first cluster is asked, so that a wrong line is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from champ_offline.catalog.index import Catalog, Listing
from champ_offline.errors import ChampError
from champ_offline.events import StepFinished, StepStarted, Subscriber
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import Current, History, Revision
from champ_offline.release.records.vault import Vault
from champ_offline.releases import Releases
from champ_offline.site.compose import Head, Tried, composed
from champ_offline.site.crew import Crew
from champ_offline.site.document import Site
from champ_offline.site.plan import SitePlan
from champ_offline.site.reach import settled
from champ_offline.site.wanted import Order

# By cluster, namespace and release.
_Untouched: TypeAlias = dict[tuple[str, str, str], Revision]


@dataclass(frozen=True)
class _Job:
    """One app to be planned, or (without `order`) one release to be removed."""

    cluster: str
    order: Order | None
    gone: Current | None = None

    def order_on(self, cluster: str) -> bool:
        """Whether it is an app on that cluster."""
        return self.order is not None and self.cluster == cluster


class SitePlanner:
    """Of the zone called `zone`."""

    def __init__(
        self,
        zone: str,
        catalog: Catalog,
        releases: Releases,
        history: History,
        vault: Vault,
        now: Callable[[], datetime],
    ) -> None:
        self._zone, self._catalog, self._releases = zone, catalog, releases
        self._history, self._vault, self._now = history, vault, now

    def plan(
        self, site: Site, crew: Crew, notify: Subscriber, accepted: Collection[str] = ()
    ) -> SitePlan:
        """The site plan, kept in the vault with all its plans; `accepted` are ids of concerns.

        Raises ZoneNotInSite, SiteClusterAway, AppNotPlanned, and the errors of answers, catalog and
        clusters.
        """
        site.check_names(self._zone)
        listing = self._catalog.listing()
        jobs = {name: _Job(order.cluster, order) for name, order in self._orders(site, listing)}
        needs = {one.name: one.needs for wave in site.order(self._zone) for one in wave}
        at = settled(self._releases, [one.name for one in site.zones[self._zone]])
        for name, job in self._pruned(site, jobs, at):
            # What is not wanted any more goes last: when all else on its cluster went well.
            needs[name] = tuple(
                sorted(one for one, other in jobs.items() if other.order_on(job.cluster))
            )
            jobs[name] = job
        untouched = self._untouched(jobs, crew)
        tried: dict[str, Tried] = {}

        def act(name: str) -> bool:
            notify(StepStarted("plan", name))
            began = self._now()
            tried[name] = self._tried(jobs[name], at, listing, crew, accepted, untouched)
            notify(StepFinished("plan", name, (self._now() - began).total_seconds()))
            return True

        crew.run(dict.fromkeys(jobs, ()), act)
        head = Head(
            zone=self._zone,
            document=site.digest,
            created=self._now().isoformat(),
            accepted=tuple(sorted(set(accepted))),
            file=str(site.path),
        )
        made = composed(head, needs, tried)
        self._vault.put(made.to_bytes())
        return made

    def _orders(self, site: Site, listing: Listing) -> Iterator[tuple[str, Order]]:
        for wave in site.order(self._zone):
            for one in wave:
                form = self._catalog.form(listing.entry(one.app, one.version))
                yield one.name, Order.of(one, form)

    def _pruned(
        self, site: Site, jobs: dict[str, _Job], at: dict[str, str]
    ) -> list[tuple[str, _Job]]:
        """The releases that a cluster with `prune` has and the document does not name."""
        wanted = {
            (job.cluster, job.order.namespace, job.order.release)
            for job in jobs.values()
            if job.order is not None
        }
        return [
            (f"{cluster.name}/{one.namespace}.{one.release}", _Job(cluster.name, None, one))
            for cluster in site.zones[self._zone]
            if cluster.prune
            for one in self._history.releases(at[cluster.name])
            if (cluster.name, one.namespace, one.release) not in wanted
        ]

    def _untouched(self, jobs: Mapping[str, _Job], crew: Crew) -> _Untouched:
        """What was applied and nobody touched since, looked at cluster by cluster."""
        found: _Untouched = {}

        def act(cluster: str) -> bool:
            with crew.way(cluster) as operations:
                for one in operations.untouched():
                    found[cluster, one.namespace, one.release] = one
            return True

        crew.run({job.cluster: () for job in jobs.values()}, act)
        return found

    def _tried(
        self,
        job: _Job,
        at: dict[str, str],
        listing: Listing,
        crew: Crew,
        accepted: Collection[str],
        untouched: _Untouched,
    ) -> Tried:
        wanted = self._vault.put(job.order.to_bytes()) if job.order else None
        found: Plan | ChampError | None = None
        with crew.way(job.cluster) as operations:
            try:
                if job.order is not None:
                    entry = listing.entry(job.order.app, job.order.version)
                    place = (job.order.release, job.order.namespace)
                    before = untouched.get((job.cluster, job.order.namespace, job.order.release))
                    if before is None or not operations.stands(entry, before, job.order.answers):
                        found = operations.plan_given(entry, *place, job.order.answers)
                elif job.gone is not None:
                    found = operations.plan_remove(job.gone.release, job.gone.namespace)
            except ChampError as error:
                found = error
        if accepted and isinstance(found, Plan):
            found = self._releases.accept(found, accepted)
        return Tried(at[job.cluster], job.order, wanted, found)
